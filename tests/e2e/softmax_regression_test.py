"""The example program, a gradient of one's own, against scikit-learn's logistic regression on the digits."""

import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

import h5py
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

import jobs
from support import MPIRUN, RBMPI, SOURCE, FolderTest, mpi_environment

EXAMPLES = pathlib.Path(os.environ.get("RBMPI_EXAMPLES", RBMPI.parents[1] / "examples"))
DIGITS = SOURCE / "data/digits.h5"
WEIGHT_COST = 0.01


def command(state, ranks):
    return [*MPIRUN, "-n", str(ranks), EXAMPLES / "softmax_regression", DIGITS, state, "90", str(WEIGHT_COST)]


class SoftmaxRegressionTest(FolderTest):
    def train(self, state, ranks):
        """Error, cross-entropy, and the epochs that were reported."""
        result = subprocess.run(command(state, ranks), capture_output=True, text=True, env=mpi_environment(),
                                timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        found = re.search(r"training error (\S+), cross-entropy (\S+)\n", result.stdout)
        self.assertIsNotNone(found, result.stdout)
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        return float(found[1]), float(found[2]), [line["epoch"] for line in lines]

    def test_converges_to_the_loss_of_scikit_learn(self):
        with h5py.File(DIGITS) as file:
            values = file["samples"][()] / float(file["samples"].attrs["scale"])
            labels = file["labels"][()]
        # scikit-learn penalises |W|^2 / (2 C rows) beside the mean loss, as a weight cost of 1 / (C rows) does.
        regression = LogisticRegression(C=1 / (WEIGHT_COST * len(labels)), tol=1e-8, max_iter=5000)
        regression.fit(values, labels)
        expected = log_loss(labels, regression.predict_proba(values))
        expected_error = numpy.mean(regression.predict(values) != labels)

        for ranks in (1, 2):
            error, cross_entropy, _ = self.train(self.folder / f"{ranks}.h5", ranks)
            self.assertAlmostEqual(cross_entropy, expected, delta=1e-3)
            self.assertAlmostEqual(error, expected_error, delta=0.005)

    def test_goes_on_after_a_kill_on_another_number_of_ranks(self):
        _, expected, epochs = self.train(self.folder / "whole.h5", 1)
        self.assertEqual(epochs, list(range(1, 91)))

        state = self.folder / "state.h5"
        with subprocess.Popen(command(state, 2), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env=mpi_environment()) as job:
            for line in job.stdout:
                if '"epoch":30,' in line:
                    break
            ranks = [process for process, parent in jobs.process_table().items() if parent == job.pid]
            self.assertEqual(len(ranks), 2)
            jobs.kill(ranks[1], signal.SIGKILL)
            rest = job.stdout.read()
        self.assertNotEqual(job.returncode, 0)
        self.assertNotIn("training error", rest)

        _, cross_entropy, epochs = self.train(state, 3)
        self.assertEqual(epochs, list(range(epochs[0], 91)))
        self.assertGreaterEqual(epochs[0], 30)
        self.assertAlmostEqual(cross_entropy, expected, delta=2e-5)
        self.assertEqual(self.train(state, 1)[1:], (cross_entropy, []))  # there is nothing left to do


if __name__ == "__main__":
    unittest.main()
