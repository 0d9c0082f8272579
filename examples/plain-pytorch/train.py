#!/usr/bin/env python3
"""A PyTorch script as most are: arguments, a loop, a line per epoch. It knows nothing of Symbiont.

Needs python3-torch (Debian) and the data set of dataset-fashion-mnist.
"""

import argparse, gzip, os

import torch

FOLDER = "/usr/share/datasets/fashion-mnist"


def read(kind):
    with gzip.open(f"{FOLDER}/{kind}-images-idx3-ubyte.gz") as file:
        images = torch.frombuffer(bytearray(file.read()[16:]), dtype=torch.uint8)
    with gzip.open(f"{FOLDER}/{kind}-labels-idx1-ubyte.gz") as file:
        labels = torch.frombuffer(bytearray(file.read()[8:]), dtype=torch.uint8)
    return images.reshape(-1, 784).float() / 255, labels.long()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default="", help="where to save after each epoch, and to go on from")
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    images, labels = read("train")
    test_images, test_labels = read("t10k")
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=arguments.lr)
    done = 0
    state = os.path.join(arguments.checkpoint, "state.pt")
    if arguments.checkpoint and os.path.exists(state):
        saved = torch.load(state)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["epoch"]

    for epoch in range(done + 1, arguments.epochs + 1):
        for rows in torch.randperm(len(images)).split(arguments.batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
        print(f"Epoch {epoch}/{arguments.epochs} - accuracy {accuracy:.4f}", flush=True)
        if arguments.checkpoint:
            os.makedirs(arguments.checkpoint, exist_ok=True)
            saved = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(saved, state + ".new")
            os.replace(state + ".new", state)


if __name__ == "__main__":
    main()
