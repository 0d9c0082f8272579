"""Energy windows, and training under the leases of ``symbiont run``.

What a piece of work used::

    with symbiont.window() as used:
        train()
    print(used)                      # 12.3 J ±40 % in 4.10 s, modelled, this process

A training script that ``symbiont run`` can measure, stop, checkpoint and resume between any two
steps, and that simply trains when it is started by hand::

    with symbiont.Worker(batch_size=32, learning_rate=0.01, max_epochs=10) as job:
        model, optimizer, loader = prepare(job.batch_size, job.learning_rate)
        for epoch in job.epochs(len(loader), state=[model, optimizer]):
            for batch in job.steps(loader):
                job.add_loss(train_step(batch))
            job.report(evaluate(model))
        job.save_weights(model.state_dict())
"""

from ._core import __version__
from ._energy import Window, window
from ._errors import Error, RunnerGone, Stopped
from ._weights import load_weights, save_weights
from ._worker import Worker

__all__ = [
    "Error",
    "RunnerGone",
    "Stopped",
    "Window",
    "Worker",
    "__version__",
    "load_weights",
    "save_weights",
    "window",
]
