"""Memory that is short: a /dev/shm that is full, ranks in containers of their own, a memory group with a limit. Whoever
gets too little says so, and no job is ended by a signal.

The small /dev/shm are tmpfs in a mount namespace of its own; memory groups are made below /sys/fs/cgroup.
"""

import contextlib
import os
import pathlib
import subprocess
import time
import unittest

import h5py
import numpy

from own_mounts import enter_own_mounts
from support import MPIRUN, RBMPI, SOURCE, FolderTest, Result, assert_clean, assert_one_message, assert_success
from support import mpi_environment

DIGITS = SOURCE / "data/digits.h5"
# What Open MPI 4 needs to work across process namespaces; one mount of /proc for each rank.
APART = {"OMPI_MCA_btl": "self,tcp"}
OWN_PROC = ["unshare", "--pid", "--fork", "--mount-proc"]
OWN_SHM = [*OWN_PROC, "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh"]


def digest(result):
    return [line.split()[1] for line in assert_success(result).stdout.splitlines() if line.startswith("  digest")][0]


class Memory(FolderTest):
    def start(self, *arguments, ranks=2, container=(), environment=None, group=None):
        """A training of which each rank is in a container, or all of it in a memory group."""
        launcher = [] if ranks is None else [*MPIRUN, "-n", str(ranks)]
        command = [*launcher, *container, str(RBMPI), "train", *map(str, arguments)]
        enter = None if group is None else lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                text=True, env=mpi_environment(environment), preexec_fn=enter)

    def end(self, process):
        begin = time.monotonic()
        stdout, stderr = process.communicate(timeout=120)
        return Result(process.returncode, stdout, stderr, time.monotonic() - begin)

    def train(self, *arguments, **how):
        return self.end(self.start(*arguments, **how))


class SharedMemory(Memory):
    ARGUMENTS = ("--data", DIGITS, "--hidden", 20, "--epochs", 1)

    def small_shm(self, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", "/dev/shm"], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", "/dev/shm"], check=True)

    def big_data(self):
        """More than half of 13 MB, which Open MPI itself is content with."""
        path = self.folder / "big.h5"
        with h5py.File(path, "w") as file:
            file["samples"] = numpy.random.RandomState(1).randint(0, 2, (10000, 784), dtype="uint8")
            file["samples"][0, 0] = 255  # means 1.0, so the others are grey
        return path

    def test_two_jobs_at_the_same_time_find_a_small_shm(self):
        self.small_shm("13m")
        data = self.big_data()
        for attempt in range(3):
            both = [self.start("--data", data, "--hidden", 10, "--epochs", 1, "--batch-size", 1000, "--output",
                               self.folder / f"run-{attempt}-{job}") for job in range(2)]
            digests = {digest(self.end(job)) for job in both}
            self.assertEqual(len(digests), 1)
        self.assertEqual(os.listdir("/dev/shm"), [])

    def test_ranks_that_do_not_see_each_other_use_dev_shm(self):
        alone = digest(self.train(*self.ARGUMENTS, "--output", self.folder / "alone", ranks=None))
        apart = self.train(*self.ARGUMENTS, "--output", self.folder / "apart", container=OWN_PROC, environment=APART)
        self.assertIn("the ranks of a node share the parameters", apart.stdout)
        self.assertEqual(digest(apart), alone)
        self.assertEqual([name for name in os.listdir("/dev/shm") if name.startswith("rbmpi-")], [])

    def test_what_has_no_room_in_dev_shm(self):
        self.small_shm("5m")
        how = {"container": OWN_PROC, "environment": APART}
        assert_one_message(self.train("--data", self.big_data(), "--output", self.folder / "a", **how), 1, "big.h5",
                           "not enough shared memory", "takes 7.8 MB", "/dev/shm has only")
        # The parameters have none: each rank has a copy, if it may.
        large = ("--data", DIGITS, "--epochs", 1, "--hidden", 10000, "--batch-size", 1000, "--output", self.folder / "b")
        assert_one_message(self.train(*large, "--exchange", "shared", **how), 1, "not enough shared memory",
                           "exchange = allreduce")
        result = assert_success(self.train(*large, "--fresh", **how))
        self.assertIn("each rank has a copy of the parameters", result.stdout)

    def test_ranks_that_cannot_share_anything_are_told_so(self):
        assert_one_message(self.train(*self.ARGUMENTS, "--output", self.folder / "run", container=OWN_SHM,
                                      environment=APART), 1, "cannot share memory", "/proc", "/dev/shm", "containers")


class MemoryGroup(Memory):
    """At every limit at which Open MPI itself can start (9 MB for a rank alone, 28 for two, with its folder in memory) a
    training ends well, or with one message; the system kills nobody."""

    def group(self, limit):
        version_1 = pathlib.Path("/sys/fs/cgroup/memory")
        top = version_1 if version_1.is_dir() else pathlib.Path("/sys/fs/cgroup")
        group = top / f"rbmpi-test-{os.getpid()}-{limit}"
        try:
            group.mkdir()
            self.addCleanup(self.remove, group)
            (group / ("memory.limit_in_bytes" if top == version_1 else "memory.max")).write_text(str(limit))
        except OSError as error:
            self.fail(f"no memory group can be made here, which this test wants: {error}; run it as root, in a "
                      "container with --privileged or a writable /sys/fs/cgroup")
        return group

    def remove(self, group):
        for _ in range(100):  # the last processes may be ending
            with contextlib.suppress(OSError):
                return group.rmdir()
            time.sleep(0.05)
        return group.rmdir()

    def at_limits(self, ranks, megabytes):
        outcomes = []
        for limit in megabytes:
            result = self.train("--data", DIGITS, "--hidden", 50, "--epochs", 1, "--output",
                                self.folder / f"run-{ranks}-{limit}", ranks=ranks, group=self.group(limit * 1000000))
            assert_clean(result)
            if result.code == 0:
                outcomes.append("done")
                continue
            assert_one_message(result, 1, "not enough memory", "available")
            outcomes.append("refused")
        self.assertEqual(outcomes, sorted(outcomes, reverse=True), f"of {megabytes} MB")
        self.assertEqual(set(outcomes), {"done", "refused"}, f"of {megabytes} MB")

    def test_one_rank(self):
        self.at_limits(None, (10, 12, 13, 14, 16, 22))

    def test_two_ranks(self):
        self.at_limits(2, (29, 31, 33, 36, 46))


if __name__ == "__main__":
    enter_own_mounts()
    unittest.main(verbosity=2)
