"""The watchdog: a rank that is stopped for too long ends the job, a short stop or a stop of all ranks does not."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

from jobs import alive
from support import SOURCE, FolderTest, assert_success, command_line, mpi_environment, run, without_mpirun

RANKS = 3
TIMEOUT = 2
# An epoch of milliseconds, so that the phase in which a rank is stopped is any.
MODEL = ["--data", SOURCE / "data/digits.h5", "--hidden", "50", "--hang-timeout", f"{TIMEOUT}s"]


def rank_processes(launcher):
    """The process of each rank, from the environment that mpirun gives them."""
    processes = {}
    for child in subprocess.run(["pgrep", "--parent", str(launcher)], text=True, capture_output=True,
                                check=True).stdout.split():
        found = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", pathlib.Path(f"/proc/{child}/environ").read_bytes())
        if found:
            processes[int(found.group(1))] = int(child)
    return [processes[rank] for rank in range(RANKS)]


class Hangs(FolderTest):
    def start(self, epochs, name="run"):
        """A training of which the first epoch is over, and the processes of its ranks."""
        output = self.folder / name
        launcher = subprocess.Popen(
            command_line(["train", *MODEL, "--output", output, "--epochs", str(epochs)], RANKS),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=mpi_environment(), start_new_session=True)
        self.addCleanup(self.end, launcher)
        deadline = time.monotonic() + 30
        while not (output / "metrics.jsonl").exists() or not (output / "metrics.jsonl").read_bytes():
            self.assertIsNone(launcher.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        processes = rank_processes(launcher.pid)
        self.addCleanup(self.end_ranks, processes)
        return launcher, processes

    @staticmethod
    def end(launcher):
        if launcher.poll() is None:
            os.killpg(launcher.pid, signal.SIGKILL)
            launcher.communicate()

    @staticmethod
    def end_ranks(processes):
        for process in filter(alive, processes):
            os.kill(process, signal.SIGKILL)

    def test_a_rank_that_stays_stopped_ends_the_job(self):
        for victim in range(RANKS):
            with self.subTest(victim=victim):
                launcher, processes = self.start(1000000, f"run{victim}")
                begin = time.monotonic()
                os.kill(processes[victim], signal.SIGSTOP)
                _, stderr = launcher.communicate(timeout=60)
                seconds = time.monotonic() - begin
                self.assertNotEqual(launcher.returncode, 0)
                self.assertGreater(seconds, TIMEOUT)
                self.assertLess(seconds, TIMEOUT + 5)
                self.assertRegex(without_mpirun(stderr), (
                    rf"\Arbmpi: rank {victim} of {RANKS} \(host {re.escape(socket.gethostname())}, process "
                    rf"{processes[victim]}\) does not answer; the others have waited for {TIMEOUT} seconds in "
                    r"'[a-z ]+'; the job is ended\Z"))
                deadline = time.monotonic() + 5
                while any(map(alive, processes)):
                    self.assertLess(time.monotonic(), deadline, "a rank lives on")
                    time.sleep(0.05)

    def test_a_benchmark_is_watched_as_well(self):
        launcher = subprocess.Popen(
            command_line(["bench", "--visible", "50", "--hidden", "20", "--batch-size", "10", "--seconds", "600",
                          "--hang-timeout", f"{TIMEOUT}s"], RANKS),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=mpi_environment(), start_new_session=True)
        self.addCleanup(self.end, launcher)
        self.assertIn("rbmpi", launcher.stdout.readline())
        processes = rank_processes(launcher.pid)
        self.addCleanup(self.end_ranks, processes)
        os.kill(processes[1], signal.SIGSTOP)
        _, stderr = launcher.communicate(timeout=60)
        self.assertIn(f"rank 1 of {RANKS}", without_mpirun(stderr))
        self.assertIn("does not answer; the others have waited for 2 seconds in", without_mpirun(stderr))

    def goes_on(self, *victims, seconds, between=0.0):
        """Stops some ranks for some seconds; the run must end with the model of one that was left alone. The first to be
        stopped is the last to go on, and all others wait for it."""
        launcher, processes = self.start(400)
        for victim in victims:
            os.kill(processes[victim], signal.SIGSTOP)
            time.sleep(0.2)
        time.sleep(seconds)
        self.assertIsNone(launcher.poll(), "the job ended before its ranks went on")
        for victim in reversed(victims):
            os.kill(processes[victim], signal.SIGCONT)
            time.sleep(between)
        stdout, stderr = launcher.communicate(timeout=120)
        self.assertEqual((launcher.returncode, stderr), (0, ""), stdout)
        assert_success(run(["train", *MODEL, "--output", self.folder / "alone", "--epochs", "400"]))
        digest = assert_success(run(["info", "--digest", self.folder / "alone/model.h5"])).stdout.strip()
        self.assertIn(digest, stdout)

    def test_a_short_stop_of_one_rank_harms_nothing(self):
        self.goes_on(1, seconds=TIMEOUT * 0.6)

    def test_a_long_stop_of_the_whole_job_harms_nothing(self):
        self.goes_on(*range(RANKS), seconds=TIMEOUT * 2, between=TIMEOUT * 0.4)


if __name__ == "__main__":
    unittest.main()
