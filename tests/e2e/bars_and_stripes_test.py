"""Data whose best likelihood is known exactly: what the configurations for them reach, on 1 to 4 ranks."""

import json
import math
import subprocess
import unittest

import h5py
import numpy

from support import RBMPI, SOURCE, FolderTest, assert_success, mpi_environment, run

# 14 patterns, of which the two uniform ones have a probability of 2/16 each and the others of 1/16.
BEST = 2 * 2 / 16 * math.log(2 / 16) + 12 / 16 * math.log(1 / 16)


class BarsAndStripes(FolderTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "bars.h5"
        subprocess.run([SOURCE / "scripts/make-bars-and-stripes", self.data], env=mpi_environment({"RBMPI": str(RBMPI)}),
                       check=True, stdout=subprocess.DEVNULL)

    def test_the_data(self):
        with h5py.File(self.data) as file:
            rows = [tuple(row) for row in file["samples"][()]]
        self.assertEqual(len(rows), 1024)
        counts = sorted(rows.count(row) for row in set(rows))
        self.assertEqual(counts, [64] * 12 + [128] * 2)
        for row in set(rows):
            lines = [row[i : i + 3] for i in (0, 3, 6)]
            self.assertTrue(len(set(lines)) == 1 or all(len(set(line)) == 1 for line in lines), row)

    def likelihood(self, config, data):
        """The mean log-likelihood that a configuration reaches, by exact log Z: the same on 1 to 4 ranks."""
        found = set()
        for ranks in (1, 2, 3, 4):
            output = self.folder / f"{config}{ranks}"
            assert_success(run(["train", "--config", SOURCE / "configs" / config, "--data", data, "--output", output,
                                "--progress", "off"], ranks=ranks))
            figures = json.loads(assert_success(run(["evaluate", output, data, "--json"], ranks=ranks)).stdout)
            self.assertEqual(figures["log_z"]["method"], "exact")
            found.add((figures["model_digest"], figures["log_likelihood"]["mean"]))
        self.assertEqual(len(found), 1, found)
        return found.pop()[1]

    def test_the_likelihood_that_the_configuration_reaches(self):
        self.assertAlmostEqual(BEST, -2.5993, 4)
        likelihood = self.likelihood("bars-and-stripes.ini", self.data)
        self.assertGreaterEqual(likelihood, -2.75)
        self.assertLessEqual(likelihood, BEST)

    def test_persistent_chains_come_near_the_best(self):
        bars = self.folder / "bars2.h5"
        subprocess.run([SOURCE / "scripts/make-bars-and-stripes", bars, "2"], env=mpi_environment({"RBMPI": str(RBMPI)}),
                       check=True, stdout=subprocess.DEVNULL)
        best = 2 * 2 / 8 * math.log(2 / 8) + 4 / 8 * math.log(1 / 8)
        self.assertAlmostEqual(best, -1.732868, 6)
        likelihood = self.likelihood("bars-and-stripes-pcd.ini", bars)
        self.assertGreaterEqual(likelihood, best - 0.05)
        self.assertLessEqual(likelihood, best)

    def test_persistent_chains_know_two_patterns_far_apart(self):
        far = self.folder / "far.h5"
        with h5py.File(far, "w") as file:
            file["samples"] = numpy.repeat([[0] * 4, [1] * 4], 500, axis=0).astype("uint8")
            file["samples"].attrs["scale"] = 1.0
        likelihood = self.likelihood("two-patterns-pcd.ini", far)
        self.assertGreaterEqual(likelihood, -0.8)
        self.assertLessEqual(likelihood, math.log(1 / 2))


if __name__ == "__main__":
    unittest.main(verbosity=2)
