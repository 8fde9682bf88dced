"""configs/hinton-2006.ini is the recipe of Hinton and Salakhutdinov (2006): a plain NumPy version of it comes to the same, but for
the noise of its random numbers."""

import json
import os
import statistics
import unittest

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy reads it: products this small are slower with more

import h5py
import numpy

from resuming import DIGITS
from support import SOURCE, FolderTest, assert_success, run

HIDDEN = 40
EPOCHS = 8
BATCH = 100
SEEDS = 6


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def by_numpy(data, seed):
    """Error of the last epoch, and the root mean square of the weights."""
    draw = numpy.random.default_rng(seed)
    weights = draw.normal(0, 0.1, (data.shape[1], HIDDEN))
    visible, hidden = numpy.zeros(data.shape[1]), numpy.zeros(HIDDEN)
    velocities = [numpy.zeros_like(p) for p in (weights, visible, hidden)]
    for epoch in range(1, EPOCHS + 1):
        momentum = 0.5 if epoch < 6 else 0.9
        error = 0
        order = draw.permutation(len(data))
        for first in range(0, len(data), BATCH):
            v0 = data[order[first:first + BATCH]]
            h0 = sigmoid(v0 @ weights + hidden)
            v1 = sigmoid((draw.random(h0.shape) < h0) @ weights.T + visible)
            h1 = sigmoid(v1 @ weights + hidden)
            gradients = ((v0.T @ h0 - v1.T @ h1) / len(v0) - 0.0002 * weights, (v0 - v1).mean(0), (h0 - h1).mean(0))
            for parameter, velocity, gradient in zip((weights, visible, hidden), velocities, gradients):
                velocity *= momentum
                velocity += gradient
                parameter += 0.1 * velocity
            error += ((v0 - v1) ** 2).sum()
    return error / data.size, numpy.sqrt((weights ** 2).mean())


class Hinton(FolderTest):
    def test_a_plain_version_comes_to_the_same(self):
        with h5py.File(DIGITS) as file:
            data = file["samples"][()] / float(file["samples"].attrs["scale"])
        ours = []
        for seed in range(1, SEEDS + 1):
            output = self.folder / f"run{seed}"
            assert_success(run(["train", "--config", SOURCE / "configs/hinton-2006.ini", "--data", DIGITS, "--hidden",
                                HIDDEN, "--epochs", EPOCHS, "--seed", seed, "--threads", "1", "--output",
                                output, "--progress", "off"]))
            last = json.loads((output / "metrics.jsonl").read_text().splitlines()[-1])
            with h5py.File(output / "model.h5") as file:
                weights = file["layer_0/weights"][()].astype(float)
            ours.append((last["reconstruction_mse"], numpy.sqrt((weights ** 2).mean())))
        theirs = [by_numpy(data, seed) for seed in range(1, SEEDS + 1)]
        for name, mine, other in zip(("error", "weights"), zip(*ours), zip(*theirs)):
            noise = ((statistics.variance(mine) + statistics.variance(other)) / SEEDS) ** 0.5
            self.assertLess(abs(statistics.mean(mine) - statistics.mean(other)), 4 * noise, (name, mine, other))
            self.assertLess(noise, 0.01 * statistics.mean(mine), "the bound means something")


if __name__ == "__main__":
    unittest.main(verbosity=2)
