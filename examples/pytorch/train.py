#!/usr/bin/python3
"""Trains a small network on Fashion-MNIST with PyTorch: five lines make it a worker.

    symbiont run examples/pytorch/job.toml     finds the batch size that costs least
    python3 examples/pytorch/train.py          simply trains

Debian: apt-get install python3-torch dataset-fashion-mnist
"""

import gzip

import numpy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import symbiont

FOLDER = "/usr/share/datasets/fashion-mnist"


def load(name, rows):
    """The first rows of a set: pixels from 0 to 1, and what they show."""
    def numbers(kind, header):
        with gzip.open(f"{FOLDER}/{name}-{kind}.gz") as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=header)
    pixels = numbers("images-idx3-ubyte", 16).reshape(-1, 784)[:rows]
    labels = numbers("labels-idx1-ubyte", 8)[:rows]
    return TensorDataset(torch.tensor(pixels / 255.0, dtype=torch.float32),
                         torch.tensor(labels, dtype=torch.int64))


def accuracy(model, data):
    images, labels = data.tensors
    model.eval()
    with torch.no_grad():
        found = model(images).argmax(dim=1)
    model.train()
    return (found == labels).double().mean().item()


def main():
    torch.set_num_threads(1)
    training, held_out = load("train", 6000), load("t10k", 2000)
    with symbiont.Worker(batch_size=64, learning_rate=0.001, max_epochs=5) as job:
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10))
        if job.initial_weights:
            model.load_state_dict({name: torch.tensor(numpy.asarray(view)) for name, view in
                                   symbiont.load_weights(job.initial_weights).items()})
        optimizer = torch.optim.Adam(model.parameters(), lr=job.learning_rate)
        loader = DataLoader(training, batch_size=job.batch_size, shuffle=True)
        for epoch in job.epochs(len(loader), state=[model, optimizer],
                                parameters=sum(p.numel() for p in model.parameters())):
            for images, labels in job.steps(loader):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                job.add_loss(loss)
            metric = accuracy(model, held_out)
            print(f"epoch {epoch}: accuracy {metric:.4f}", flush=True)
            job.report(metric)
        job.save_weights(model.state_dict())


if __name__ == "__main__":
    main()
