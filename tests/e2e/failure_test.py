"""What fails around a training: killed ranks, full disks, lost folders, divergence, damaged memory. Work is not lost.

The disks are small tmpfs, which this file mounts in a mount namespace of its own.
"""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

import h5py

import jobs
from own_mounts import enter_own_mounts
from resuming import DIGITS, USUAL, Resuming, undisturbed
from support import assert_clean, assert_one_message, assert_success

# A run of some seconds.
LONG = ("--hidden", "300", "--epochs", "500")
FOREVER = ("--hidden", "300", "--epochs", "1000000")
WARNING = "rbmpi: warning: "


def warnings(text):
    return [line for line in text.splitlines() if line.startswith(WARNING)]


class KilledRanks(Resuming):
    """The job ends within 5 seconds, and the same command goes on from the last checkpoint."""

    def kill_and_go_on(self, victim, ranks, then):
        job = self.start(*USUAL, "--checkpoint-steps", "100", ranks=ranks)
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) >= 2, "two checkpoints")
        everyone = job.ranks()
        self.assertEqual(len(everyone), ranks)
        jobs.kill(job.process.pid if victim == "mpirun" else everyone[victim])
        result = job.end(5)
        job.ranks_end(5 - result.waited)
        self.assertNotEqual(result.code, 0)
        assert_clean(result)
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)
        newest = max(jobs.checkpoints(self.run_folder))
        self.assert_resumed(self.train(*USUAL, ranks=then), newest, killed=True)
        self.assert_same_as_undisturbed(*USUAL)

    def test_first_rank(self):
        self.kill_and_go_on(0, 3, 2)

    def test_another_rank(self):
        self.kill_and_go_on(2, 3, None)

    def test_mpirun(self):
        self.kill_and_go_on("mpirun", 3, 4)


class NoMemory(Resuming):
    """A running rank that gets no more memory: if that ends the job, then at once and everywhere.

    Not always with a message: HDF5 and Open MPI crash when they get none.
    """

    def starve(self, rank, limit, arguments):
        job = self.start(*arguments, "--checkpoint-steps", "100", ranks=3)
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) >= 2, "two checkpoints")
        resource.prlimit(job.ranks()[rank], limit, (4096, 4096))
        failed = None
        deadline = time.monotonic() + 60
        while job.running() and time.monotonic() < deadline:
            if failed is None and re.search("rbmpi: (?!warning)", job.output()[1]):
                failed = time.monotonic()
            time.sleep(0.01)
        result = job.end(0)
        job.ranks_end(5)
        if failed is not None:
            self.assertLess(time.monotonic() - failed, 5)
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)
        assert_success(self.train(*arguments, ranks=2))
        self.assert_same_as_undisturbed(*arguments)

    def test_address_space_of_the_first_rank(self):
        self.starve(0, resource.RLIMIT_AS, USUAL)

    def test_address_space_of_another_rank(self):
        self.starve(1, resource.RLIMIT_AS, USUAL)

    def test_data_of_the_first_rank(self):
        self.starve(0, resource.RLIMIT_DATA, USUAL)


class Divergence(Resuming):
    def test_late_divergence_leaves_the_last_good_checkpoint(self):
        arguments = ("--hidden", "50", "--epochs", "8", "--learning-rate", "1:0.05, 5:1e38", "--checkpoint-epochs", "1")
        for ranks in (None, 3):
            name = f"run{ranks}"
            result = self.train(*arguments, ranks=ranks, name=name)
            assert_one_message(result, 4, "epoch 5", "learning-rate = 1e+38")
            folder = self.folder / name
            self.assertFalse((folder / "model.h5").exists())
            self.assertEqual(jobs.unexpected_files(folder), [])
            newest = max(jobs.checkpoints(folder))
            self.assertEqual(newest, 4 * 18)
            self.assertEqual(jobs.check_checkpoint(folder / f"checkpoint-{newest}.h5"),
                             undisturbed("--hidden", "50", "--epochs", "4", "--learning-rate", "0.05")[0])
            self.assertEqual(len(jobs.metrics(folder)), 4)

    def test_at_once(self):
        result = self.train("--hidden", "20", "--learning-rate", "1e38", "--checkpoint-steps", "1")
        assert_one_message(result, 4, "epoch 1")
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)


class SilentDamage(Resuming):
    """A bit of one rank's parameters changes in memory: the ranks compare their digests and stop."""

    # So slow that the weights stay what they were at first, which a checkpoint has; each rank has its own.
    ARGUMENTS = (*FOREVER, "--learning-rate", "1e-30", "--exchange", "allreduce")

    def memory_ranges(self, process):
        for line in pathlib.Path(f"/proc/{process}/maps").read_text(encoding="utf-8").splitlines():
            addresses, rights, *_ = line.split()
            if rights.startswith("rw") and not line.endswith(("[vvar]", "[vsyscall]")):
                first, last = (int(address, 16) for address in addresses.split("-"))
                yield first, last

    def flip_a_bit(self, process, pattern):
        """In every copy of `pattern` that the process can write to; how many there were."""
        flipped = 0
        os.kill(process, signal.SIGSTOP)
        try:
            with open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:
                for first, last in list(self.memory_ranges(process)):
                    with contextlib.suppress(OSError, ValueError):
                        memory.seek(first)
                        content = memory.read(last - first)
                        place = content.find(pattern)
                        while place >= 0:
                            memory.seek(first + place)
                            memory.write(bytes([pattern[0] ^ 1]))
                            flipped += 1
                            place = content.find(pattern, place + 1)
        finally:
            os.kill(process, signal.SIGCONT)
        return flipped

    def weights(self, path):
        with h5py.File(path) as file:
            return file["layer_0/weights"][()]

    def damage(self, ranks, victim, *more):
        job = self.start(*self.ARGUMENTS, *more, "--checkpoint-keep", "1000", ranks=ranks)
        job.wait_for(lambda: jobs.epochs_done(self.run_folder) >= 2 and jobs.checkpoints(self.run_folder),
                     "a checkpoint")
        weights = self.weights(list(jobs.checkpoints(self.run_folder).values())[0])
        self.assertGreater(self.flip_a_bit(job.ranks()[victim], weights[0].tobytes()), 0)
        result = job.end(10)
        job.ranks_end(5)
        assert_clean(result)
        self.assertEqual(result.code, 1, result)
        self.assertEqual(len(result.messages), 1, result)
        self.assertRegex(result.messages[0], "^rbmpi: .*other parameters than rank 0 in epoch")
        for path in list(jobs.checkpoints(self.run_folder).values())[-3:]:
            jobs.check_checkpoint(path)
            self.assertEqual(self.weights(path).tobytes(), weights.tobytes(), "the damage is in a checkpoint")
        return result

    def test_another_rank(self):
        result = self.damage(3, 1, "--checkpoint-seconds", "1")
        self.assertIn("rank 1 ", result.messages[0])

    def test_last_rank_before_a_checkpoint(self):
        result = self.damage(2, 1, "--checkpoint-steps", "5")
        self.assertIn("rank 1 ", result.messages[0])

    def test_first_rank(self):
        self.damage(3, 0, "--checkpoint-steps", "1000")


class Disks(Resuming):
    def mount(self, size):
        """A disk of its own for the run folder."""
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.run_folder = self.disk / "run"

    def fill(self):
        with open(self.disk / "filler", "ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                while file.write(bytes(4096)):
                    pass

    def start_there(self, *arguments, ranks=None):
        return self.start(*arguments, ranks=ranks, name="disk/run")

    def train_there(self, *arguments, ranks=None):
        return self.train(*arguments, ranks=ranks, name="disk/run")

    def assert_checkpoints_whole(self):
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)

    def full_from_now_on(self, job):
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) >= 3, "three checkpoints")
        self.fill()
        job.wait_for(lambda: len(warnings(job.output()[1])) >= 3, "three warnings")

        # What a checkpoint that did not fit had taken meanwhile would do for the model, which is smaller.
        def full_without_it():
            before = jobs.partial_files(self.run_folder)
            self.fill()
            return not before and not jobs.partial_files(self.run_folder)
        job.wait_for(full_without_it, "a disk that is full without a file that is being written")


class FullDisk(Disks):
    def to_the_end(self, ranks):
        self.mount("6m")
        job = self.start_there(*LONG, "--checkpoint-steps", "100", ranks=ranks)
        self.full_from_now_on(job)
        before = set(jobs.checkpoints(self.run_folder))
        result = job.end(200)
        assert_clean(result)
        self.assertEqual(result.code, 3, result)
        for line in warnings(result.stderr):
            self.assertRegex(line, "checkpoint|metrics")
        errors = [line for line in result.messages if not line.startswith(WARNING)]
        self.assertEqual(len(errors), 1, result)
        self.assertIn("model.h5", errors[0])
        self.assertGreaterEqual(len(jobs.checkpoints(self.run_folder)), 3)
        self.assertLessEqual(before, set(jobs.checkpoints(self.run_folder)))
        self.assertEqual(jobs.partial_files(self.run_folder), [])
        self.assert_checkpoints_whole()
        # With space again, the same command makes the model.
        (self.disk / "filler").unlink()
        assert_success(self.train_there(*LONG, ranks=2))
        self.assert_same_as_undisturbed(*LONG, name="disk/run")

    def test_to_the_end_alone(self):
        self.to_the_end(None)

    def test_to_the_end_on_three_ranks(self):
        self.to_the_end(3)

    def test_space_given_back(self):
        self.mount("6m")
        job = self.start_there(*LONG, "--checkpoint-steps", "100", ranks=2)
        self.full_from_now_on(job)
        newest = max(jobs.checkpoints(self.run_folder))
        (self.disk / "filler").unlink()
        job.wait_for(lambda: max(jobs.checkpoints(self.run_folder)) > newest, "a newer checkpoint")
        result = job.end(200)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.messages, warnings(result.stderr), result)
        self.assert_checkpoints_whole()
        self.assert_same_as_undisturbed(*LONG, name="disk/run")

    def test_stopped_meanwhile(self):
        self.mount("6m")
        job = self.start_there(*FOREVER, "--checkpoint-steps", "100", ranks=2)
        self.full_from_now_on(job)
        os.kill(job.ranks()[0], signal.SIGTERM)
        result = job.end(10)
        assert_clean(result)
        self.assertEqual(result.code, 3, result)
        self.assertNotIn("is written", result.stderr)
        self.assert_checkpoints_whole()

    def test_from_the_start(self):
        self.mount("64k")
        result = self.train_there(*USUAL, ranks=2)
        self.assertEqual(result.code, 3, result)
        self.assertEqual(len([line for line in result.messages if not line.startswith(WARNING)]), 1, result)
        self.assertEqual(jobs.checkpoints(self.run_folder), {})
        self.assertEqual(jobs.partial_files(self.run_folder), [])
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL, name="run")


class FileSize(Resuming):
    """A limit on the length of files, as batch systems set: what a full disk is, not the end by SIGXFSZ."""

    def test_training_goes_on(self):
        job = self.start(*USUAL, "--checkpoint-steps", "100", ranks=2)
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) >= 2, "two checkpoints")
        resource.prlimit(job.ranks()[0], resource.RLIMIT_FSIZE, (65536, 65536))
        result = job.end(60)
        assert_clean(result)
        self.assertEqual(result.code, 3, result)
        for line in result.messages:
            self.assertIn("file too large: a limit (ulimit -f) or quota", line)
        self.assertGreaterEqual(len(warnings(result.stderr)), 1, result)
        errors = [line for line in result.messages if not line.startswith(WARNING)]
        self.assertEqual(len(errors), 1, result)
        self.assertIn("model.h5", errors[0])
        self.assertEqual(jobs.partial_files(self.run_folder), [])
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL)


class LostFolder(Disks):
    def test_deleted(self):
        job = self.start_and_wait(*LONG, "--checkpoint-steps", "100", ranks=2)
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) >= 2, "two checkpoints")
        shutil.move(self.run_folder, self.folder / "gone")  # at once, unlike deleting
        job.wait_for(lambda: warnings(job.output()[1]), "a warning")
        result = job.end(200)
        assert_clean(result)
        for line in warnings(result.stderr):
            self.assertIn(str(self.run_folder), line)
        self.assertEqual(result.code, 3, result)
        errors = [line for line in result.messages if not line.startswith(WARNING)]
        self.assertEqual(len(errors), 1, result)
        self.assertIn("model.h5", errors[0])
        shutil.move(self.folder / "gone", self.run_folder)
        assert_success(self.train(*LONG))
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*LONG)[0])

    def test_read_only(self):
        self.mount("20m")
        job = self.start_there(*LONG, "--checkpoint-steps", "100", ranks=2)
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) >= 2, "two checkpoints")
        self.make_read_only()
        job.wait_for(lambda: len(warnings(job.output()[1])) >= 2, "two warnings")
        subprocess.run(["umount", self.run_folder], check=True)
        result = job.end(200)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.messages, warnings(result.stderr), result)
        self.assert_checkpoints_whole()
        self.assert_same_as_undisturbed(*LONG, name="disk/run")

    def make_read_only(self):
        """By a second mount over it: the first one has an open file, the lock."""
        subprocess.run(["mount", "--bind", self.run_folder, self.run_folder], check=True)
        deadline = time.monotonic() + 10  # busy as long as a file is being written there
        while subprocess.run(["mount", "-o", "remount,bind,ro", self.run_folder], capture_output=True,
                             check=False).returncode:
            self.assertLess(time.monotonic(), deadline, "cannot be made read-only")


class DataLost(Resuming):
    def test_data_gone_when_it_goes_on(self):
        data = self.folder / "d.h5"
        shutil.copy(DIGITS, data)
        job = self.start(*USUAL, data=data)
        job.wait_for(lambda: jobs.epochs_done(self.run_folder) >= 3, "three epochs")
        os.kill(job.ranks()[0], signal.SIGTERM)
        self.assert_stopped(job.end(10), "SIGTERM")
        data.unlink()
        for ranks in (None, 3):
            assert_one_message(self.train(*USUAL, data=data, ranks=ranks), 3, "d.h5", "no such file", seconds=9)
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL)


if __name__ == "__main__":
    enter_own_mounts()
    unittest.main(verbosity=2)
