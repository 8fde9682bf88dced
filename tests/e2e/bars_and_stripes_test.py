"""Bars and stripes, where the likelihood is known exactly: what configs/bars-and-stripes.ini reaches, on 1 to 4 ranks."""

import json
import math
import subprocess
import unittest

import h5py

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

    def test_the_likelihood_that_the_configuration_reaches(self):
        self.assertAlmostEqual(BEST, -2.5993, 4)
        found = set()
        for ranks in (1, 2, 3, 4):
            output = self.folder / f"run{ranks}"
            assert_success(run(["train", "--config", SOURCE / "configs/bars-and-stripes.ini", "--data", self.data,
                                "--output", output, "--progress", "off"], ranks=ranks))
            figures = json.loads(assert_success(run(["evaluate", output, self.data, "--json"], ranks=ranks)).stdout)
            self.assertEqual(figures["log_z"]["method"], "exact")
            found.add((figures["model_digest"], figures["log_likelihood"]["mean"]))
        self.assertEqual(len(found), 1, found)
        likelihood = found.pop()[1]
        self.assertGreaterEqual(likelihood, -2.75)
        self.assertLessEqual(likelihood, BEST)


if __name__ == "__main__":
    unittest.main(verbosity=2)
