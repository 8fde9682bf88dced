"""The example program, a gradient of one's own, against scikit-learn's logistic regression on the digits."""

import os
import pathlib
import re
import subprocess
import unittest

import h5py
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from support import MPIRUN, RBMPI, SOURCE, mpi_environment

EXAMPLES = pathlib.Path(os.environ.get("RBMPI_EXAMPLES", RBMPI.parents[1] / "examples"))
WEIGHT_COST = 0.01


class SoftmaxRegressionTest(unittest.TestCase):
    def test_converges_to_the_loss_of_scikit_learn(self):
        digits = SOURCE / "data/digits.h5"
        with h5py.File(digits) as file:
            values = file["samples"][()] / float(file["samples"].attrs["scale"])
            labels = file["labels"][()]
        # scikit-learn penalises |W|^2 / (2 C rows) beside the mean loss, as a weight cost of 1 / (C rows) does.
        regression = LogisticRegression(C=1 / (WEIGHT_COST * len(labels)), tol=1e-8, max_iter=5000)
        regression.fit(values, labels)
        expected = log_loss(labels, regression.predict_proba(values))
        error = numpy.mean(regression.predict(values) != labels)

        for ranks in (1, 2):
            result = subprocess.run([*MPIRUN, "-n", str(ranks), EXAMPLES / "softmax_regression", digits, "90",
                                     str(WEIGHT_COST)], capture_output=True, text=True, env=mpi_environment(),
                                    timeout=60)
            self.assertEqual(result.returncode, 0, result.stderr)
            found = re.search(r"training error (\S+), cross-entropy (\S+)\n", result.stdout)
            self.assertIsNotNone(found, result.stdout)
            self.assertAlmostEqual(float(found[2]), expected, delta=1e-3)
            self.assertAlmostEqual(float(found[1]), error, delta=0.005)


if __name__ == "__main__":
    unittest.main()
