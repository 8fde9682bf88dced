"""The short forms of the campaigns whose long ones docs/reliability.md reports."""

import subprocess
import tempfile
import unittest

from support import RBMPI, SOURCE, mpi_environment


class Campaigns(unittest.TestCase):
    def campaign(self, name, *arguments):
        result = subprocess.run([SOURCE / "scripts" / name, "--program", RBMPI, *arguments], text=True, timeout=300,
                                capture_output=True, env=mpi_environment(), check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_killed(self):
        self.assertRegex(self.campaign("kill-campaign", "--runs", "4", "--seed", "7"),
                         "4 runs, .* 4 equal digests, 0 unreadable folders")

    def test_killed_stacks_and_nets(self):
        small = ("--runs", "2", "--seed", "7", "--hidden", "300", "--epochs", "15")
        self.assertRegex(self.campaign("kill-campaign", "--training", "stack", *small), "2 runs, .* 2 equal digests")
        self.assertRegex(self.campaign("kill-campaign", "--training", "chains", *small), "2 runs, .* 2 equal digests")
        self.assertRegex(self.campaign("kill-campaign", "--training", "autoencoder", *small),
                         "2 runs, .* 2 equal to rounding")

    def test_damaged(self):
        self.assertIn("12 samples, 12 found", self.campaign("damage-campaign", "--samples", "12", "--seed", "7"))

    def test_measured(self):
        # Far too short to measure anything: the script works.
        output = self.campaign("measure-checkpoints", "--data", SOURCE / "data/digits.h5", "--only", "mnist",
                               "--seconds", "10", "--pairs", "1", "--interval", "1", "--most", "10000")
        self.assertRegex(output, r"pair 1: .* s with [1-9]\d* checkpoints, .* s with none")

    def test_nets_measured(self):
        with tempfile.TemporaryDirectory(prefix="nets ") as folder:
            digits = SOURCE / "data/digits.h5"
            output = "".join(self.campaign("measure-nets", "--train", digits, "--test", digits, "--only", part, "--epochs",
                                           "2", "--pre-training-epochs", "1", "--ranks", "1", "--output", folder)
                             for part in ("classifier", "autoencoder"))
        self.assertRegex(output, r"pre-trained, seed 1: epoch \d, validation error .* %, test error .* %")
        self.assertRegex(output, r"from-scratch, seed 1: epoch \d")
        self.assertRegex(output, r"PCA, 30 components: squared error 0\.\d+ a test row")
        self.assertRegex(output, r"autoencoder: squared error \d\.\d+ \+- 0\.\d+ a test row")


if __name__ == "__main__":
    unittest.main(verbosity=2)
