"""A PyTorch script that is stopped inside an epoch, and resumed. Skipped without python3-torch."""

import importlib.util
import unittest

from fake_runner import FakeRunner

# A shuffled loader, momentum, dropout: each has state that a checkpoint must hold.
SCRIPT = """
    import torch, symbiont
    from torch import nn
    torch.set_num_threads(1)
    with symbiont.Worker() as job:
        data = [(torch.full((3,), float(i)), torch.tensor([i % 2.0])) for i in range(40)]
        loader = torch.utils.data.DataLoader(data, batch_size=job.batch_size, shuffle=True)
        model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        for epoch in job.epochs(len(loader), state=[model, optimizer, schedule]):
            for points, kinds in job.steps(loader):
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(points), kinds)
                loss.backward()
                optimizer.step()
                job.add_loss(loss)
            schedule.step()
            job.report(loss.item())
        job.save_weights(model.state_dict())
"""


@unittest.skipUnless(importlib.util.find_spec("torch"), "python3-torch is not installed")
class APyTorchScript(unittest.TestCase):
    def test_resumes_inside_an_epoch_to_the_same_weights(self):
        with FakeRunner(SCRIPT) as runner:
            runner.start()
            for _ in range(3):
                runner.run_epoch()
            with open(runner.stop(), "rb") as file:
                straight = file.read()

            hello = runner.start()
            self.assertIn("torch", hello["framework"])
            runner.run_epoch()
            runner.run(4)
            path = runner.checkpoint()
            runner.run(2)  # lost
            runner.start(SYMBIONT_RESUME=path)
            runner.run_epoch()
            runner.run_epoch()
            with open(runner.stop(), "rb") as file:
                self.assertEqual(file.read(), straight)


if __name__ == "__main__":
    unittest.main()
