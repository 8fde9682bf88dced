"""A host that is lost, its link cut or all of it stopped: the ranks and mpirun end soon, and the run can go on."""

import contextlib
import os
import pathlib
import signal
import time
import unittest

from hosts import Hosts
from support import RBMPI, SOURCE, FolderTest, assert_success, run

TIMEOUT = 2
STEPS = 18  # of an epoch of the digits
RANKS_END = 20  # seconds: the timeout, what the watchdogs ask, and what MPI_Abort takes
MPIRUN_ENDS = 30  # seconds after the ranks


def is_rank(process):
    """Whether it is a rank: rbmpi whose parent is a launcher. What a rank left behind to end that one is none."""
    with contextlib.suppress(OSError):
        about = pathlib.Path(f"/proc/{process}")
        parent = (about / "stat").read_text().rpartition(")")[2].split()[1]
        return ((about / "cmdline").read_bytes().startswith(os.fsencode(RBMPI) + b"\0")
                and pathlib.Path(f"/proc/{parent}/comm").read_text().strip() in ("mpirun", "orted"))
    return False


class LostHost(FolderTest):
    def setUp(self):
        super().setUp()
        self.hosts = self.enterContext(Hosts(2))
        self.arguments = ["train", "--data", SOURCE / "data/digits.h5", "--hidden", "50", "--hang-timeout", f"{TIMEOUT}s",
                          "--output", self.folder / "run", "--checkpoint-seconds", "1"]

    def train_until_it_runs(self):
        """mpirun of a training whose first epochs are over."""
        self.stderr = open(self.folder / "stderr", "w+", encoding="utf-8")  # noqa: SIM115
        self.addCleanup(self.stderr.close)
        process = self.hosts.start([*self.arguments, "--epochs", "1000000"], [1, 1], stdout=self.stderr,
                                   stderr=self.stderr)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60
        while not list((self.folder / "run").glob("checkpoint-*.h5")):
            self.assertIsNone(process.poll(), self.said())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        return process

    def said(self):
        return (self.folder / "stderr").read_text()

    def ranks(self, host):
        return [process for process in self.hosts.processes(host) if is_rank(process)]

    def job_ends(self, process, hosts):
        begin = time.monotonic()
        while left := [rank for host in hosts for rank in self.ranks(host)]:
            self.assertLess(time.monotonic() - begin, RANKS_END, f"{left} still run: {self.said()}")
            time.sleep(0.05)
        ranks_end = time.monotonic() - begin
        process.wait(MPIRUN_ENDS)
        while any(self.hosts.processes(host) for host in hosts):
            self.assertLess(time.monotonic() - begin, ranks_end + MPIRUN_ENDS)
            time.sleep(0.05)
        print(f"the ranks ended after {ranks_end:.1f} s, all else {time.monotonic() - begin - ranks_end:.1f} s later ... ",
              end="", flush=True)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("rank 1 of 2 (host host2, process ", self.said())
        self.assertIn(" does not answer", self.said())

    def goes_on(self):
        """The same command, on one rank, goes on from a checkpoint."""
        epochs = max(int(path.stem.split("-")[1]) for path in (self.folder / "run").glob("checkpoint-*.h5")) // STEPS
        self.assertIn("resumes ", assert_success(run([*self.arguments, "--epochs", str(epochs + 2)])).stdout)

    def test_the_link_is_cut(self):
        process = self.train_until_it_runs()
        self.hosts.cut("host2")
        self.job_ends(process, ["host1", "host2"])
        self.goes_on()

    def test_the_host_is_stopped(self):
        process = self.train_until_it_runs()
        for stopped in self.hosts.processes("host2"):
            os.kill(stopped, signal.SIGSTOP)
        self.job_ends(process, ["host1"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
