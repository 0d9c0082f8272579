#!/usr/bin/env python3
"""Softmax regression on images of clothes, in plain Python: a script that knows nothing of Symbiont.

    ./train.py --batch-size 32 --lr 0.01 --epochs 10 --output out

One line of JSON per epoch goes to OUTPUT/metrics.jsonl, a checkpoint to OUTPUT/checkpoint/state.json.
Without Debian's package dataset-fashion-mnist it trains on clouds of points that it makes up.
"""

import argparse, gzip, json, math, os, random, shutil

FOLDER = "/usr/share/datasets/fashion-mnist"
ROWS, TEST_ROWS, CLASSES = 3000, 1000, 10


def read_images(kind, count):
    """7 x 7 brightnesses and a constant per image, and its class: IDX files, see yann.lecun.com/exdb/mnist."""
    with gzip.open(f"{FOLDER}/{kind}-images-idx3-ubyte.gz") as file:
        pixels = file.read(16 + count * 784)[16:]
    with gzip.open(f"{FOLDER}/{kind}-labels-idx1-ubyte.gz") as file:
        labels = file.read(8 + count)[8:]
    corners = [112 * row + 4 * column for row in range(7) for column in range(7)]
    square = [28 * row + column for row in range(4) for column in range(4)]
    rows = []
    for start in range(0, count * 784, 784):
        rows.append([sum(pixels[start + corner + at] for at in square) / 4080 for corner in corners] + [1.0])
    return rows, list(labels)


def make_points(generator, centres, count):
    labels = [generator.randrange(CLASSES) for _ in range(count)]
    return [[generator.gauss(x, 0.35) for x in centres[label]] + [1.0] for label in labels], labels


def read_data():
    if os.path.exists(f"{FOLDER}/train-images-idx3-ubyte.gz"):
        return read_images("train", ROWS), read_images("t10k", TEST_ROWS)
    generator = random.Random(7)
    centres = [[generator.random() for _ in range(12)] for _ in range(CLASSES)]
    return make_points(generator, centres, ROWS), make_points(generator, centres, TEST_ROWS)


def probabilities(weights, row):
    scores = [sum(w * x for w, x in zip(line, row)) for line in weights]
    highest = max(scores)
    exps = [math.exp(score - highest) for score in scores]
    total = sum(exps)
    return [one / total for one in exps]


def step(state, batch, rate):
    """One step of Adam (Kingma and Ba, 2015, algorithm 1)."""
    weights = state["weights"]
    gradient = [[0.0] * len(weights[0]) for _ in weights]
    for row, label in batch:
        for at, probability in enumerate(probabilities(weights, row)):
            error = (probability - (at == label)) / len(batch)
            gradient[at] = [g + error * x for g, x in zip(gradient[at], row)]
    state["steps"] += 1
    rate *= math.sqrt(1 - 0.999 ** state["steps"]) / (1 - 0.9 ** state["steps"])
    for line, mean, square, slope in zip(weights, state["means"], state["squares"], gradient):
        mean[:] = [0.9 * m + 0.1 * g for m, g in zip(mean, slope)]
        square[:] = [0.999 * s + 0.001 * g * g for s, g in zip(square, slope)]
        line[:] = [w - rate * m / (math.sqrt(s) + 1e-8) for w, m, s in zip(line, mean, square)]


def save(folder, state):
    """Whenever there is such a folder, it is complete."""
    os.makedirs(f"{folder}.new", exist_ok=True)
    with open(f"{folder}.new/state.json", "w") as file:
        json.dump(state, file)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(f"{folder}.new", folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default=".")
    parser.add_argument("--resume", default="", help="a folder that an earlier run has saved")
    arguments = parser.parse_args()

    (rows, labels), (test_rows, test_labels) = read_data()
    state = {"epoch": 0, "steps": 0}
    state |= {name: [[0.0] * len(rows[0]) for _ in range(CLASSES)] for name in ("weights", "means", "squares")}
    if arguments.resume:
        with open(f"{arguments.resume}/state.json") as file:
            state = json.load(file)
    for epoch in range(state["epoch"] + 1, arguments.epochs + 1):
        order = list(zip(rows, labels))
        random.Random(arguments.seed * 1000 + epoch).shuffle(order)
        for start in range(0, len(order), arguments.batch_size):
            step(state, order[start:start + arguments.batch_size], arguments.lr)
        guesses = [max(range(CLASSES), key=probabilities(state["weights"], row).__getitem__) for row in test_rows]
        accuracy = sum(guess == label for guess, label in zip(guesses, test_labels)) / len(test_labels)
        with open(f"{arguments.output}/metrics.jsonl", "a") as file:
            file.write(json.dumps({"epoch": epoch, "accuracy": accuracy}) + "\n")
        state["epoch"] = epoch
        save(f"{arguments.output}/checkpoint", state)
        print(f"epoch {epoch}: accuracy {accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
