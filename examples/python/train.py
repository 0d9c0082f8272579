#!/usr/bin/python3
"""Trains a classifier with nothing but the standard library: five lines make it a worker.

    symbiont run examples/python/job.toml      finds the batch size that costs least
    python3 examples/python/train.py           simply trains
"""

import math
import random
from array import array

import symbiont

FEATURES = 8
SAMPLES = 1200


def samples(seed, count):
    """Points around two centres, with the centre that each belongs to."""
    draw = random.Random(seed)
    for _ in range(count):
        kind = draw.randrange(2)
        centre = 0.45 if kind else -0.45
        yield [draw.gauss(centre, 1.0) for _ in range(FEATURES)], kind


class Logistic:
    """Logistic regression by stochastic gradient descent."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate
        self.weights = array("d", [random.gauss(0.0, 0.1) for _ in range(FEATURES + 1)])

    def probability(self, point):
        logit = self.weights[-1] + sum(map(lambda w, x: w * x, self.weights, point))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))

    def step(self, batch):
        """One step down the gradient of the batch; returns its mean loss."""
        gradient = [0.0] * (FEATURES + 1)
        loss = 0.0
        for point, kind in batch:
            probability = self.probability(point)
            loss -= math.log(max(1e-12, probability if kind else 1.0 - probability))
            for i, x in enumerate(point + [1.0]):
                gradient[i] += (probability - kind) * x
        for i, slope in enumerate(gradient):
            self.weights[i] -= self.learning_rate * slope / len(batch)
        return loss / len(batch)

    def accuracy(self, points):
        return sum((self.probability(p) > 0.5) == bool(kind) for p, kind in points) / len(points)

    def state_dict(self):
        return {"weights": self.weights}

    def load_state_dict(self, state):
        self.weights = state["weights"]


def batches(data, size):
    """The samples in a new order, in batches of one size; the last may be smaller."""
    order = random.sample(data, len(data))
    for begin in range(0, len(order), size):
        yield order[begin:begin + size]


def main():
    training, held_out = list(samples(1, SAMPLES)), list(samples(2, 400))
    with symbiont.Worker(batch_size=32, learning_rate=0.05, max_epochs=5) as job:
        model = Logistic(job.learning_rate)
        if job.initial_weights:
            model.weights = array("d", symbiont.load_weights(job.initial_weights)["weights"])
        steps_per_epoch = math.ceil(SAMPLES / job.batch_size)
        for epoch in job.epochs(steps_per_epoch, state=[model], parameters=FEATURES + 1):
            for batch in job.steps(batches(training, job.batch_size)):
                job.add_loss(model.step(batch))
            accuracy = model.accuracy(held_out)
            print(f"epoch {epoch}: accuracy {accuracy:.3f}", flush=True)
            job.report(accuracy)
        job.save_weights({"weights": model.weights})


if __name__ == "__main__":
    main()
