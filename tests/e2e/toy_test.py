"""A unit, an estimator with chains and a source of rows of one's own (tests/support/toys.hpp): the same digest on any
number of ranks, and after a kill."""

import os
import pathlib
import signal
import subprocess
import unittest

import jobs
from support import MPIRUN, FolderTest, mpi_environment

TOY_TRAINING = pathlib.Path(os.environ["RBMPI_TOY_TRAINING"])


def command(state, ranks):
    return [*MPIRUN, "-n", str(ranks), TOY_TRAINING, state, "40"]


class ToyTest(FolderTest):
    def digest(self, state, ranks):
        result = subprocess.run(command(state, ranks), capture_output=True, text=True, env=mpi_environment(),
                                timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.splitlines()[-1]

    def test_the_digest_survives_kills_on_any_number_of_ranks(self):
        expected = self.digest(self.folder / "whole.h5", 1)
        self.assertRegex(expected, "^digest [0-9a-f]{64}$")
        state = self.folder / "state.h5"
        for ranks, step in ((2, 30), (3, 60), (4, 90)):
            with subprocess.Popen(command(state, ranks), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  env=mpi_environment()) as job:
                for line in job.stdout:
                    if line == f"step {step}\n":
                        break
                workers = [process for process, parent in jobs.process_table().items() if parent == job.pid]
                self.assertEqual(len(workers), ranks)
                jobs.kill(workers[-1], signal.SIGKILL)
                rest = job.stdout.read()
            self.assertNotEqual(job.returncode, 0)
            self.assertNotIn("digest", rest)
        self.assertEqual(self.digest(state, 4), expected)


if __name__ == "__main__":
    unittest.main()
