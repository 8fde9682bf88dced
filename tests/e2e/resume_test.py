"""Training that is stopped, killed or moved, and goes on: the model is always that of the run that nobody disturbed."""

import atexit
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy

import jobs
from support import (SOURCE, FolderTest, assert_clean, assert_one_message, assert_success, command_line,
                     mpi_environment, run)

DIGITS = SOURCE / "data/digits.h5"
ROWS = 1797

# A run of about a second, 18 steps an epoch, 17 with validation.
USUAL = ("--hidden", "300", "--epochs", "250")
LONGER = ("--hidden", "300", "--epochs", "1000")
# The same with much that has to be restored: a schedule, the weight cost, figures of validation rows.
RICH = ("--hidden", "200", "--epochs", "100", "--validation", "0.1", "--momentum", "1:0.5, 6:0.9", "--learning-rate",
        "1:0.1, 20:0.05", "--weight-cost", "0.0002", "--visible-bias-init", "data")
# A run of no time.
SHORT = ("--hidden", "20", "--epochs", "4")

STOPPED = re.compile(r"rbmpi: stopped by (?P<why>.+) in epoch (?P<epoch>\d+) after step (?P<step>\d+); "
                     r"(?P<file>checkpoint-\d+\.h5) is written and the same command goes on from there")


@functools.lru_cache(maxsize=None)
def undisturbed(*arguments, ranks=None, data=DIGITS):
    """Digest and metrics of the run with these arguments that is left alone, without any checkpoint on the way."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi undisturbed "))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    assert_success(run(["train", "--data", data, "--output", folder / "run", *arguments, "--checkpoint-seconds", "0"],
                       ranks=ranks, timeout=120))
    return jobs.digest(folder / "run/model.h5"), jobs.metrics(folder / "run")


def without(options, others):
    """`options` without those that `others` give anew: none may be given twice."""
    return [word for pair in zip(options[::2], options[1::2]) if pair[0] not in others for word in pair]


def content(folder):
    """Names, sizes, bytes and times of all files of a folder."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in pathlib.Path(folder).iterdir()}


class Resuming(FolderTest):
    def setUp(self):
        super().setUp()
        self.run_folder = self.folder / "run"

    def words(self, *arguments, name="run", data=DIGITS):
        return ["train", "--data", data, "--output", self.folder / name, *arguments]

    def train(self, *arguments, name="run", data=DIGITS, ranks=None, **more):
        return run(self.words(*arguments, name=name, data=data), ranks=ranks, timeout=120, **more)

    def start(self, *arguments, ranks=None, name="run", data=DIGITS, **more):
        job = jobs.Job(self.words(*arguments, name=name, data=data), ranks, **more)
        self.addCleanup(job.__exit__)
        return job

    def start_and_wait(self, *arguments, epochs=3, ranks=None, name="run", **more):
        job = self.start(*arguments, ranks=ranks, name=name, **more)
        job.wait_for(lambda: jobs.epochs_done(self.folder / name) >= epochs, f"{epochs} epochs are done")
        return job

    def stop(self, *arguments, ranks=None, name="run", number=signal.SIGTERM, **more):
        """Starts a run and stops it after some epochs: (Result, steps done)."""
        job = self.start_and_wait(*arguments, ranks=ranks, name=name, **more)
        os.kill(job.ranks()[0], number)
        result = job.end(10)
        steps = self.assert_stopped(result, signal.Signals(number).name, name=name)
        return result, steps

    def assert_stopped(self, result, why, code=75, name="run", may_be_silent=False):
        """Ended with the message and the checkpoint of a stopped run; the steps that are done."""
        assert_clean(result)
        self.assertEqual(result.code, code, result)
        steps, newest = list(jobs.checkpoints(self.folder / name).items())[-1]
        if result.messages or not may_be_silent:
            self.assertEqual(len(result.messages), 1, result)
            match = STOPPED.fullmatch(result.messages[0])
            self.assertTrue(match, result)
            self.assertRegex(match["why"], why)
            self.assertEqual(match["file"], newest.name)
            self.assertEqual(int(match["step"]), steps)
        jobs.check_checkpoint(newest)
        self.assertFalse((self.folder / name / "model.h5").exists())
        self.assertEqual(jobs.unexpected_files(self.folder / name), [])
        return steps

    def assert_same_as_undisturbed(self, *arguments, name="run", ranks=None, data=DIGITS):
        digest, metrics = undisturbed(*arguments, ranks=ranks, data=data)
        self.assertEqual(jobs.digest(self.folder / name / "model.h5"), digest)
        self.assertEqual(jobs.metrics(self.folder / name), metrics)
        self.assertEqual(jobs.unexpected_files(self.folder / name), [])

    def assert_resumed(self, result, steps, killed=False):
        """The run went on from this checkpoint; after a job that was killed (None: perhaps) it mentions that."""
        assert_success(result)
        self.assertRegex(result.stdout, re.compile(rf"^  resumes +from checkpoint-{steps}\.h5: epoch \d+, {steps} "
                                                   "steps? done$", re.MULTILINE))
        if killed is not None:
            self.assertEqual(len(result.messages), 1 if killed else 0, result)
        for line in result.messages:
            self.assertRegex(line, "^rbmpi: warning: the last job in .* ended without a word")


class Stopping(Resuming):
    """A signal to the program alone, to one rank, to mpirun; the same command goes on, on other ranks."""

    def wait_until_written(self):
        """mpirun may have killed its ranks while the last checkpoint was being written; it is finished all the same."""
        deadline = time.monotonic() + 5
        while (self.run_folder / "lock").exists() or jobs.partial_files(self.run_folder):
            self.assertLess(time.monotonic(), deadline, os.listdir(self.run_folder))
            time.sleep(0.01)

    def stop_and_go_on(self, number, ranks, to, then, code=75, why=None, arguments=USUAL):
        job = self.start_and_wait(*arguments, ranks=ranks)
        os.kill(job.process.pid if to == "mpirun" else job.ranks()[to], number)
        result = job.end(10)
        job.ranks_end(5)
        self.wait_until_written()
        # mpirun that ends itself kills its ranks after a second, and their last words with them.
        steps = self.assert_stopped(result, f"^{(why or number).name}$", code, may_be_silent=code == 1)
        self.assertLess(result.waited, 5)
        self.assert_resumed(self.train(*arguments, ranks=then), steps, killed=None if code == 1 else False)
        self.assert_same_as_undisturbed(*arguments)

    def test_interrupt_alone(self):
        self.stop_and_go_on(signal.SIGINT, None, 0, 3)

    def test_terminate_alone(self):
        self.stop_and_go_on(signal.SIGTERM, None, 0, 2)

    def test_user_signal_alone(self):
        self.stop_and_go_on(signal.SIGUSR1, None, 0, 2)

    def test_hangup_alone(self):
        self.stop_and_go_on(signal.SIGHUP, None, 0, 2)

    def test_interrupt_the_first_rank(self):
        self.stop_and_go_on(signal.SIGINT, 3, 0, None)

    def test_terminate_another_rank(self):
        self.stop_and_go_on(signal.SIGTERM, 3, 2, 4)

    def test_user_signal_to_another_rank(self):
        self.stop_and_go_on(signal.SIGUSR1, 3, 1, 1)

    def test_hangup_of_another_rank(self):
        self.stop_and_go_on(signal.SIGHUP, 2, 1, 3)

    def test_user_signal_to_mpirun(self):
        self.stop_and_go_on(signal.SIGUSR1, 3, "mpirun", None)

    # mpirun that is stopped itself sends SIGTERM to its ranks, perhaps a second later, and gives 1, whatever they give.
    def test_interrupt_mpirun(self):
        self.stop_and_go_on(signal.SIGINT, 3, "mpirun", 2, code=1, why=signal.SIGTERM, arguments=LONGER)

    def test_terminate_mpirun(self):
        self.stop_and_go_on(signal.SIGTERM, 2, "mpirun", 3, code=1, arguments=LONGER)

    def test_in_the_middle_of_an_epoch(self):
        # One row a step: 1617 steps an epoch.
        arguments = ("--hidden", "100", "--batch-size", "1", "--epochs", "10", "--validation", "0.1", "--learning-rate",
                     "0.001")
        for ranks, then in ((None, 3), (3, None)):
            name = f"run{ranks}"
            job = self.start(*arguments, "--checkpoint-steps", "100", ranks=ranks, name=name)
            job.wait_for(lambda: max(jobs.checkpoints(self.folder / name), default=0) > 1617, "the second epoch")
            os.kill(job.ranks()[0], signal.SIGTERM)
            steps = self.assert_stopped(job.end(10), "SIGTERM", name=name)
            self.assertNotEqual(steps % 1617, 0)
            self.assert_resumed(self.train(*arguments, ranks=then, name=name), steps)
            self.assert_same_as_undisturbed(*arguments, name=name)

    def test_stopped_again_and_again(self):
        stops = 0
        for ranks in (None, 3, 2, 4, None, 2, 3, 1, None, 2):
            job = self.start(*RICH, ranks=ranks)
            begin = jobs.epochs_done(self.run_folder)
            while job.running() and jobs.epochs_done(self.run_folder) < begin + 4:
                time.sleep(0.002)
            if job.running():
                os.kill(job.ranks()[0], signal.SIGTERM)
            result = job.end(30)
            if result.code == 0:
                break
            self.assert_stopped(result, "SIGTERM")
            stops += 1
        assert_success(self.train(*RICH))
        self.assertGreaterEqual(stops, 3)
        self.assert_same_as_undisturbed(*RICH)

    def test_second_interrupt_ends_at_once(self):
        # A step of half a second and more, which the first signal would let finish.
        job = self.start("--hidden", "20000", "--batch-size", "1797", "--epochs", "1000", "--checkpoint-seconds", "0")
        job.wait_for(lambda: jobs.epochs_done(self.run_folder) >= 1, "an epoch is done")
        job.process.send_signal(signal.SIGINT)
        time.sleep(0.01)  # two signals at once would be one
        job.process.send_signal(signal.SIGINT)
        result = job.end(1)
        self.assertEqual(result.code, -signal.SIGINT, result)
        self.assertEqual(jobs.checkpoints(self.run_folder), {})

    def test_stopped_before_the_first_step(self):
        job = self.start(*USUAL, ranks=2)
        job.wait_for(lambda: self.run_folder.exists(), "the folder is made")
        os.kill(job.ranks()[1], signal.SIGTERM)
        result = job.end(10)
        self.assertEqual(result.code, 75, result)
        self.assertEqual(len(result.messages), 1, result)
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL)


class TimeLimit(Resuming):
    FOREVER = ("--hidden", "100", "--epochs", "1000000")

    def check(self, result, seconds, why):
        self.assert_stopped(result, why)
        self.assertLess(result.seconds, seconds + 1.5)  # mpirun needs time to start and to end
        self.assertGreater(jobs.epochs_done(self.run_folder), 0)

    def test_seconds(self):
        for ranks in (None, 3):
            shutil.rmtree(self.run_folder, ignore_errors=True)
            self.check(self.train(*self.FOREVER, "--time-limit", "6", ranks=ranks), 6, "time.limit")

    def test_other_spellings(self):
        for text in ("5s", "0:00:05"):
            shutil.rmtree(self.run_folder, ignore_errors=True)
            self.check(self.train(*self.FOREVER, "--time-limit", text), 5, "time.limit")

    def test_end_time_of_a_slurm_job(self):
        end = int(time.time()) + 30 + 6  # half a minute is left to what comes after the program
        result = self.train(*self.FOREVER, ranks=2, environment={"SLURM_JOB_END_TIME": str(end)})
        self.check(result, 6, "time|job|Slurm")
        self.assertLess(time.time(), end - 30 + 1)

    def test_goes_on_in_parts(self):
        arguments = ("--hidden", "300", "--epochs", "1500")
        parts = 0
        while (result := self.train(*arguments, "--time-limit", "3", ranks=1 + parts % 3)).code == 75:
            self.assert_stopped(result, "time.limit")
            parts += 1
            self.assertLess(parts, 20)
        assert_success(result)
        self.assertGreaterEqual(parts, 1)
        self.assert_same_as_undisturbed(*arguments)

    def test_enough_time(self):
        assert_success(self.train(*SHORT, "--time-limit", "1h"))
        self.assert_same_as_undisturbed(*SHORT)

    def test_values_that_are_no_time(self):
        for value in ("soon", "-1", "5 apples", "1:2", "0"):
            assert_one_message(self.train(*SHORT, "--time-limit", value), 2, f"time-limit = {value}")
            self.assertEqual(self.files(), [])


class Finished(Resuming):
    def test_says_so_and_changes_nothing(self):
        assert_success(self.train(*SHORT))
        before = content(self.run_folder)
        for ranks in (None, 3):
            result = assert_success(self.train(*SHORT, ranks=ranks))
            self.assertIn("is finished", result.stdout)
            self.assertIn(undisturbed(*SHORT)[0], result.stdout)
            self.assertEqual(content(self.run_folder), before)

    def test_more_epochs_go_on(self):
        assert_success(self.train("--hidden", "20", "--epochs", "3", "--validation", "0.1"))
        for ranks, epochs in ((3, "5"), (None, "9")):
            arguments = ("--hidden", "20", "--epochs", epochs, "--validation", "0.1")
            done = 17 * jobs.epochs_done(self.run_folder)
            self.assert_resumed(self.train(*arguments, ranks=ranks), done)
            self.assert_same_as_undisturbed(*arguments)
            self.assertIn(f"epochs = {epochs}\n", (self.run_folder / "config.ini").read_text())

    def test_model_lost(self):
        assert_success(self.train(*SHORT))
        (self.run_folder / "model.h5").unlink()
        assert_success(self.train(*SHORT, ranks=2))
        self.assert_same_as_undisturbed(*SHORT)

    def test_killed_while_the_model_was_written(self):
        assert_success(self.train(*SHORT))
        (self.run_folder / "model.h5").rename(self.run_folder / ".model.h5.partial-node1-4711")
        assert_success(self.train(*SHORT))
        self.assert_same_as_undisturbed(*SHORT)

    def test_texts_lost(self):
        assert_success(self.train(*SHORT))
        for name in ("config.ini", "metrics.jsonl"):
            before = (self.run_folder / name).read_text()
            os.remove(self.run_folder / name)
            self.assertIn("is finished", assert_success(self.train(*SHORT)).stdout)
            self.assertEqual((self.run_folder / name).read_text(), before)

    def test_leaves_a_last_checkpoint_and_no_lock(self):
        assert_success(self.train(*SHORT))
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [4 * 18])
        self.assertEqual(jobs.check_checkpoint(self.run_folder / "checkpoint-72.h5"), undisturbed(*SHORT)[0])
        self.assertEqual(self.files_of_run(), ["checkpoint-72.h5", "config.ini", "metrics.jsonl", "model.h5"])

    def files_of_run(self):
        return sorted(os.listdir(self.run_folder))


class WhatMayChange(Resuming):
    def setUp(self):
        super().setUp()
        self.stop(*RICH, epochs=2)
        self.before = content(self.run_folder)

    def refused(self, *arguments, fragments, data=DIGITS):
        for ranks in (None, 3):
            assert_one_message(self.train(*without(RICH, arguments), *arguments, data=data, ranks=ranks), 2, *fragments)
            self.assertEqual(content(self.run_folder), self.before)

    def test_several_differences_in_one_message(self):
        self.refused("--hidden", "30", "--seed", "7", "--shuffle", "off",
                     fragments=["hidden = 30, but 200 in the run", "seed = 7, but 1 in the run",
                                "shuffle = off, but on in the run"])

    def test_every_key_that_the_model_depends_on(self):
        for key, value, in_the_run in (
                ("rows", "1000", "all"), ("validation", "0.2", "0.1"), ("hidden", "201", "200"),
                ("batch-size", "99", "100"), ("learning-rate", "0.1", "1:0.1"), ("momentum", "0.9", "1:0.5"),
                ("weight-cost", "0", "0.0002"), ("weight-init", "0.02", "0.01"), ("visible-bias-init", "zero", "data"),
                ("shuffle", "off", "on"), ("sample-data", "off", "on"), ("seed", "2", "1"),
                ("arithmetic", "plain", "exact")):
            arguments = (f"--{key}", value)
            with self.subTest(key):
                result = self.train(*without(RICH, arguments), *arguments)
                assert_one_message(result, 2, f"{key} = {value}, but {in_the_run}")
                self.assertEqual(content(self.run_folder), self.before)

    def test_keys_that_are_free(self):
        free = ["--threads", "2", "--ranks-per-node", "1", "--progress", "off", "--checkpoint-seconds", "1",
                "--checkpoint-epochs", "7", "--checkpoint-steps", "100", "--checkpoint-keep", "2", "--time-limit", "1h",
                "--hang-timeout", "20m"]
        assert_success(self.train(*RICH, *free, ranks=2))
        self.assert_same_as_undisturbed(*RICH)

    def copy_of_the_digits(self, change=None):
        path = self.folder / "elsewhere.h5"
        shutil.copy(DIGITS, path)
        if change:
            with h5py.File(path, "r+") as file:
                change(file)
        return path

    def test_one_value_of_the_data_changed(self):
        def change(file):
            file["samples"][1000, 20] = (int(file["samples"][1000, 20]) + 1) % 17
        self.refused(data=self.copy_of_the_digits(change), fragments=["elsewhere.h5", "data"])

    def test_one_value_of_the_same_file_changed(self):
        path = self.copy_of_the_digits()
        job = self.start_and_wait(*RICH, name="other", data=path, epochs=2)
        job.process.terminate()
        self.assert_stopped(job.end(10), "SIGTERM", name="other")
        with h5py.File(path, "r+") as file:
            file["samples"][0, 20] = (int(file["samples"][0, 20]) + 1) % 17
        before = content(self.folder / "other")
        assert_one_message(self.train(*RICH, name="other", data=path), 2, "elsewhere.h5")
        self.assertEqual(content(self.folder / "other"), before)

    def test_data_moved_elsewhere(self):
        assert_success(self.train(*RICH, data=self.copy_of_the_digits()))
        self.assert_same_as_undisturbed(*RICH)

    def test_run_folder_moved_elsewhere(self):
        self.run_folder.rename(self.folder / "moved")
        assert_success(self.train(*RICH, name="moved", ranks=2))
        self.assert_same_as_undisturbed(*RICH, name="moved")


class Fresh(Resuming):
    def test_moves_the_old_run_aside(self):
        assert_success(self.train(*SHORT))
        first = content(self.run_folder)
        other = (*SHORT, "--seed", "2")
        assert_success(self.train(*other, "--fresh"))
        self.assert_same_as_undisturbed(*other)
        self.assertEqual(self.files(), ["run", "run.old-1"])
        self.assertEqual(content(self.folder / "run.old-1"), first)
        second = content(self.run_folder)
        assert_success(self.train(*SHORT, "--fresh", ranks=3))
        self.assert_same_as_undisturbed(*SHORT)
        self.assertEqual(self.files(), ["run", "run.old-1", "run.old-2"])
        self.assertEqual(content(self.folder / "run.old-1"), first)
        self.assertEqual(content(self.folder / "run.old-2"), second)

    def test_nothing_to_move(self):
        assert_success(self.train(*SHORT, "--fresh"))
        self.assertEqual(self.files(), ["run"])

    def test_a_mistake_moves_nothing(self):
        assert_success(self.train(*SHORT))
        for arguments in (("--hidden", "0"), ("--rows", "5000")):
            result = self.train("--epochs", "1", *arguments, "--fresh")
            self.assertEqual(result.code, 2, result)
            self.assertEqual(self.files(), ["run"])

    def test_a_stopped_run_goes_on_under_its_new_name(self):
        self.stop(*USUAL)
        assert_success(self.train(*SHORT, "--fresh"))
        assert_success(self.train(*USUAL, name="run.old-1"))
        self.assert_same_as_undisturbed(*USUAL, name="run.old-1")

    def test_not_while_it_runs(self):
        job = self.start_and_wait("--hidden", "100", "--epochs", "1000000", ranks=2)
        assert_one_message(self.train(*SHORT, "--fresh"), 3, "run", str(job.ranks()[0]))
        self.assertEqual(self.files(), ["run"])
        job.process.send_signal(signal.SIGUSR1)
        self.assert_stopped(job.end(10), "SIGUSR1")


class Locked(Resuming):
    def test_second_job_is_refused(self):
        for first, second in ((None, None), (2, 3)):
            name = f"run{first}"
            job = self.start_and_wait(*LONGER, ranks=first, name=name)
            process = str(job.ranks()[0])
            self.assertIn(process, (self.folder / name / "lock").read_text())
            result = self.train(*LONGER, ranks=second, name=name)
            assert_one_message(result, 3, str(self.folder / name), socket.gethostname(), process)
            self.assertRegex(result.messages[0], r"since \d{4}-\d\d-\d\d[T ]\d\d:\d\d")
            assert_success(job.end(60))
            self.assert_same_as_undisturbed(*LONGER, name=name)

    def test_two_jobs_at_once(self):
        for attempt in range(3):
            name = f"race{attempt}"
            pair = [self.start(*USUAL, name=name, ranks=ranks) for ranks in (None, 1)]
            results = [job.end(60) for job in pair]
            self.assertEqual(sorted(result.code for result in results), [0, 3], results)
            self.assert_same_as_undisturbed(*USUAL, name=name)

    def test_lock_of_a_dead_job(self):
        for ranks in (None, 2):
            name = f"run{ranks}"
            job = self.start_and_wait(*USUAL, "--checkpoint-steps", "20", ranks=ranks, name=name)
            job.wait_for(lambda: jobs.checkpoints(self.folder / name), "a checkpoint")
            for process in job.ranks().values():
                jobs.kill(process)
            job.end(10)
            job.ranks_end(5)
            self.assertTrue((self.folder / name / "lock").exists())
            result = assert_success(self.train(*USUAL, "--checkpoint-steps", "20", name=name))
            self.assertIn("resumes", result.stdout)
            self.assert_same_as_undisturbed(*USUAL, name=name)


class Terminal(Resuming):
    """Nobody need read what a training prints."""

    def redirected(self, redirection):
        words = " ".join(f"'{word}'" for word in command_line(self.words(*SHORT, "--checkpoint-steps", "1")))
        code = subprocess.run(["bash", "-c", f"set -o pipefail; {words} {redirection}"], env=mpi_environment(),
                              check=False, timeout=60, stdout=subprocess.DEVNULL).returncode
        self.assertEqual(code, 0)
        self.assert_same_as_undisturbed(*SHORT)

    def test_full_disk_behind_it(self):
        self.redirected("> /dev/full 2>&1")

    def test_reader_that_leaves(self):
        self.redirected("| head -1")


class Damaged(Resuming):
    """Checkpoints that cannot be used are skipped with a warning for the one before."""

    def setUp(self):
        super().setUp()
        job = self.start(*USUAL, "--checkpoint-steps", "20")
        job.wait_for(lambda: max(jobs.checkpoints(self.run_folder), default=0) > 300, "step 300")
        job.process.terminate()
        self.assert_stopped(job.end(10), "SIGTERM")
        self.steps = list(jobs.checkpoints(self.run_folder))
        self.assertEqual(len(self.steps), 3)

    def path(self, steps):
        return self.run_folder / f"checkpoint-{steps}.h5"

    def assert_skipped(self, *skipped, then, ranks=None):
        contents = {steps: self.path(steps).read_bytes() for steps in skipped}
        result = assert_success(self.train(*USUAL, ranks=ranks))
        self.assertEqual(len(result.messages), len(skipped) + (0 if then else 1), result)
        for steps in skipped:
            line = [line for line in result.messages if f"checkpoint-{steps}.h5'" in line]
            self.assertEqual(len(line), 1, result)
            self.assertRegex(line[0], r"^rbmpi: warning: '.*' is skipped: .+")
            damaged = self.run_folder / f"checkpoint-{steps}.h5.damaged"
            self.assertEqual(damaged.read_bytes(), contents[steps])
            damaged.unlink()
        if then:
            self.assertRegex(result.stdout, rf"resumes +from checkpoint-{then}\.h5")
        else:
            self.assertNotIn("resumes", result.stdout)
        self.assert_same_as_undisturbed(*USUAL)

    def flip(self, steps, place):
        path = self.path(steps)
        changed = bytearray(path.read_bytes())
        changed[place] ^= 1
        path.write_bytes(changed)

    def test_one_bit(self):
        size = self.path(self.steps[2]).stat().st_size
        self.flip(self.steps[2], size // 2)
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_one_bit_on_several_ranks(self):
        self.flip(self.steps[2], 3000)
        self.assert_skipped(self.steps[2], then=self.steps[1], ranks=3)

    def test_one_bit_of_the_user_block(self):
        for place in (0, 511):
            with self.subTest(place):
                shutil.copytree(self.run_folder, self.folder / f"kept {place}")
                self.flip(self.steps[2], place)
                self.assert_skipped(self.steps[2], then=self.steps[1])
                shutil.rmtree(self.run_folder)
                (self.folder / f"kept {place}").rename(self.run_folder)

    def test_truncated(self):
        path = self.path(self.steps[2])
        os.truncate(path, path.stat().st_size - 1)
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_two_damaged(self):
        os.truncate(self.path(self.steps[2]), 0)
        self.flip(self.steps[1], 10000)
        self.assert_skipped(self.steps[2], self.steps[1], then=self.steps[0], ranks=2)

    def test_all_damaged(self):
        for steps in self.steps:
            self.flip(steps, 20000)
        self.assert_skipped(*self.steps, then=None)

    def test_of_another_run(self):
        newest = str(self.steps[2])
        assert_success(self.train(*USUAL, "--seed", "2", "--checkpoint-steps", newest, "--checkpoint-keep", "100",
                                  name="other"))
        shutil.copy(self.folder / "other" / self.path(newest).name, self.path(newest))
        result = assert_success(self.train(*USUAL))
        self.assertEqual(len(result.messages), 1, result)
        self.assertRegex(result.messages[0], f"'{self.path(newest)}' is skipped: .*seed = ")
        self.assertRegex(result.stdout, rf"resumes +from checkpoint-{self.steps[1]}\.h5")
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*USUAL)[0])

    def test_model_in_the_place_of_a_checkpoint(self):
        assert_success(self.train("--hidden", "300", "--epochs", "2", name="other"))
        shutil.copy(self.folder / "other/model.h5", self.path(self.steps[2]))
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_text_in_the_place_of_a_checkpoint(self):
        self.path(self.steps[2]).write_text("nothing of use\n" * 1000)
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_a_folder_in_the_place_of_a_checkpoint(self):
        self.path(self.steps[2]).unlink()
        self.path(self.steps[2]).mkdir()
        result = assert_success(self.train(*USUAL))
        self.assertIn(f"checkpoint-{self.steps[2]}.h5'", result.stderr)
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*USUAL)[0])

    def test_older_under_the_name_of_a_newer(self):
        # The name says 1000 steps, the content fewer: it is foreign here.
        shutil.copy(self.path(self.steps[0]), self.path(1000))
        result = assert_success(self.train(*USUAL))
        self.assertIn("checkpoint-1000.h5", result.stderr)
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*USUAL)[0])
        self.assertEqual(jobs.metrics(self.run_folder), undisturbed(*USUAL)[1])


class Refused(Resuming):
    """What must neither be taken for this run nor cost a checkpoint."""

    def test_fewer_epochs(self):
        # Checkpoints in the middle of the third epoch, and at its end: neither is a run of two epochs.
        assert_success(self.train(*SHORT, "--checkpoint-steps", "7"))
        self.refuse_fewer("4")
        os.remove(jobs.checkpoints(self.run_folder)[72])
        self.refuse_fewer("3", "in epoch 4 already")

    def refuse_fewer(self, than, why="has done 4 epochs already"):
        before = content(self.run_folder)
        result = self.train("--hidden", "20", "--epochs", str(int(than) - 1))
        assert_one_message(result, 2, why, f"epochs = {int(than) - 1}")
        self.assertEqual(content(self.run_folder), before)

    def test_other_data_when_it_is_finished(self):
        assert_success(self.train(*SHORT))
        shutil.copy(DIGITS, self.folder / "other.h5")
        with h5py.File(self.folder / "other.h5", "a") as file:
            file["samples"][3, 4] = 16 - file["samples"][3, 4]
        for checkpoint in (*jobs.checkpoints(self.run_folder).values(), None):
            assert_one_message(self.train(*SHORT, data=self.folder / "other.h5"), 2, "other data", "other.h5")
            if checkpoint:
                os.remove(checkpoint)

    def test_edited_configuration(self):
        # Somebody edits config.ini in the folder and starts with it: no checkpoint may be lost by that.
        self.stop(*USUAL)
        path = self.run_folder / "config.ini"
        path.write_text(path.read_text().replace("hidden = 300", "hidden = 301"))
        before = content(self.run_folder)
        assert_one_message(run(["train", "--config", path]), 2, "hidden = 301, but 300 in the run")
        self.assertEqual(content(self.run_folder), before)
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL)

    def test_other_configuration_before_the_first_checkpoint(self):
        job = self.start_and_wait(*USUAL)
        job.process.kill()
        job.end(5)
        before = content(self.run_folder)
        result = self.train("--hidden", "20", "--epochs", "4")
        self.assertEqual(result.code, 2, result)
        self.assertIn("hidden = 20, but 300 in the run", result.messages[-1])
        before.pop("lock")
        self.assertEqual(content(self.run_folder), before)

    def test_a_pipe_in_the_place_of_a_checkpoint(self):
        _, steps = self.stop(*USUAL)
        os.mkfifo(self.run_folder / "checkpoint-99999.h5")
        result = assert_success(self.train(*USUAL))
        self.assertIn("checkpoint-99999.h5' is skipped", result.messages[0])
        self.assertIn(f"from checkpoint-{steps}.h5", result.stdout)

    def test_whole_but_not_readable_now(self):
        # Not the file's fault: nothing is renamed, nothing starts over.
        self.stop(*USUAL)
        (self.run_folder / "checkpoint-99999.h5").symlink_to("checkpoint-99999.h5")
        before = sorted(os.listdir(self.run_folder))
        assert_one_message(self.train(*USUAL), 3, "checkpoint-99999.h5", "cannot read")
        self.assertEqual(sorted(os.listdir(self.run_folder)), before)


class Killed(Resuming):
    def kill_after(self, epochs, *arguments):
        job = self.start_and_wait(*arguments, epochs=epochs)
        jobs.kill(job.process.pid)
        job.end(10)

    def test_before_the_first_checkpoint(self):
        self.kill_after(5, *USUAL)
        self.assertEqual(jobs.checkpoints(self.run_folder), {})
        result = assert_success(self.train(*USUAL, ranks=2))
        self.assertNotIn("resumes", result.stdout)
        self.assert_same_as_undisturbed(*USUAL)

    def test_before_the_first_epoch(self):
        job = self.start(*USUAL)
        job.wait_for(lambda: (self.run_folder / "config.ini").exists(), "the folder is made")
        jobs.kill(job.process.pid)
        job.end(10)
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL)

    def test_after_a_checkpoint(self):
        self.kill_after(40, *USUAL, "--checkpoint-steps", "50")
        newest = max(jobs.checkpoints(self.run_folder))
        self.assert_resumed(self.train(*USUAL, ranks=3), newest, killed=True)
        self.assert_same_as_undisturbed(*USUAL)


class Metrics(Resuming):
    """metrics.jsonl is that of the undisturbed run, whatever happened to it in between."""

    def damage_and_go_on(self, damage):
        self.stop(*RICH)
        path = self.run_folder / "metrics.jsonl"
        damage(path)
        assert_success(self.train(*RICH))
        self.assert_same_as_undisturbed(*RICH)
        for line in path.read_text().splitlines():
            self.assertGreater(json.loads(line)["seconds"], 0)

    def test_lost(self):
        self.damage_and_go_on(lambda path: path.unlink())

    def test_empty(self):
        self.damage_and_go_on(lambda path: path.write_text(""))

    def test_longer_than_the_checkpoint(self):
        self.damage_and_go_on(lambda path: path.write_text(
            path.read_text() + "".join(json.dumps({"layer": 0, "epoch": 50 + i}) + "\n" for i in range(3))))

    def test_half_a_line_at_its_end(self):
        self.damage_and_go_on(lambda path: path.write_text(path.read_text() + '{"layer":0,"epo'))

    def test_a_line_lost(self):
        self.damage_and_go_on(lambda path: path.write_text("".join(path.read_text().splitlines(True)[1:])))

    def test_not_doubled_after_a_kill(self):
        # The checkpoint is older than the last lines.
        job = self.start(*RICH, "--checkpoint-steps", "200")
        job.wait_for(lambda: jobs.checkpoints(self.run_folder), "a checkpoint")
        job.wait_for(lambda: jobs.epochs_done(self.run_folder) * 17 > max(jobs.checkpoints(self.run_folder)) + 34,
                     "two more epochs")
        jobs.kill(job.process.pid)
        job.end(10)
        assert_success(self.train(*RICH, ranks=2))
        self.assert_same_as_undisturbed(*RICH)


class Options(Resuming):
    """Stopped on some ranks and resumed on others, with other keys."""

    def stop_and_go_on(self, *arguments, ranks=2, then=3, same_layout=False):
        _, steps = self.stop(*arguments, ranks=ranks)
        self.assert_resumed(self.train(*arguments, ranks=then), steps)
        self.assert_same_as_undisturbed(*arguments, ranks=then if same_layout else None)

    def test_validation_schedules_and_weight_cost(self):
        self.stop_and_go_on(*RICH)

    def test_data_as_they_are(self):
        self.stop_and_go_on("--hidden", "200", "--epochs", "200", "--sample-data", "off", "--validation", "0.1")

    def test_order_of_the_file(self):
        self.stop_and_go_on("--hidden", "200", "--epochs", "200", "--shuffle", "off", ranks=3, then=None)

    def test_last_batch_shorter(self):
        self.stop_and_go_on("--hidden", "100", "--epochs", "200", "--batch-size", "23", "--rows", "1000", ranks=None)

    def test_plain_arithmetic_in_the_same_layout(self):
        for ranks in (None, 2):
            shutil.rmtree(self.run_folder, ignore_errors=True)
            self.stop_and_go_on("--hidden", "200", "--epochs", "200", "--arithmetic", "plain", ranks=ranks, then=ranks,
                                same_layout=True)

    def test_validation_on_another_file(self):
        shutil.copy(DIGITS, self.folder / "v.h5")
        self.stop_and_go_on("--hidden", "200", "--epochs", "150", "--validation", str(self.folder / "v.h5"))

    def test_configuration_file(self):
        (self.folder / "c.ini").write_text("hidden = 200\nepochs = 60\ncheckpoint-seconds = 1\ncheckpoint-keep = 2\n")
        arguments = ("--config", self.folder / "c.ini")
        _, steps = self.stop(*arguments)
        self.assert_resumed(self.train(*arguments, ranks=2), steps)
        self.assert_same_as_undisturbed("--hidden", "200", "--epochs", "200")

    def test_written_configuration_goes_on(self):
        _, steps = self.stop(*USUAL)
        self.assert_resumed(run(["train", "--config", self.run_folder / "config.ini"], timeout=120), steps)
        self.assert_same_as_undisturbed(*USUAL)


class WhichCheckpoints(Resuming):
    STEPS = 18 * 250

    def test_by_steps(self):
        assert_success(self.train(*USUAL, "--checkpoint-steps", "70", "--checkpoint-keep", "1000"))
        steps = list(jobs.checkpoints(self.run_folder))
        self.assertEqual(steps, [*range(70, self.STEPS, 70), self.STEPS])
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)
        self.assert_same_as_undisturbed(*USUAL)

    def test_by_epochs(self):
        assert_success(self.train(*USUAL, "--checkpoint-epochs", "30", "--checkpoint-keep", "1000", ranks=2))
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [*range(540, 4500, 540), 4500])
        self.assertEqual(jobs.digest(self.run_folder / "checkpoint-540.h5"),
                         undisturbed("--hidden", "300", "--epochs", "30")[0])

    def test_by_seconds(self):
        arguments = ("--hidden", "300", "--epochs", "1200")
        assert_success(self.train(*arguments, "--checkpoint-seconds", "1", "--checkpoint-keep", "1000"))
        seconds = sum(json.loads(line)["seconds"] for line in
                      (self.run_folder / "metrics.jsonl").read_text().splitlines())
        self.assertGreater(seconds, 2)
        self.assertAlmostEqual(len(jobs.checkpoints(self.run_folder)), seconds, delta=2)

    def test_none_on_the_way(self):
        assert_success(self.train(*SHORT, "--checkpoint-seconds", "0"))
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [72])

    def test_as_many_as_asked_for_are_kept(self):
        for keep in (1, 2, 5):
            keys = ("--checkpoint-steps", "10", "--checkpoint-keep", str(keep))
            assert_success(self.train(*SHORT, *keys, name=f"{keep}"))
            self.assertEqual(list(jobs.checkpoints(self.folder / f"{keep}")), [30, 40, 50, 60, 70, 72][-keep:])

    def test_values_out_of_range(self):
        for key, value in (("checkpoint-keep", "0"), ("checkpoint-keep", "-1"), ("checkpoint-seconds", "-1"),
                           ("checkpoint-seconds", "often"), ("checkpoint-epochs", "1.5"), ("checkpoint-steps", "all"),
                           ("snapshots", "linear"), ("snapshots", "linear:0"), ("snapshots", "cubic:3"),
                           ("snapshots", "log:x"), ("hang-timeout", "never")):
            for ranks in (None, 3):
                assert_one_message(self.train(*SHORT, f"--{key}", value, ranks=ranks), 2, f"{key} = {value}")
                self.assertEqual(self.files(), [])


class Snapshots(Resuming):
    def snapshots(self, name="run"):
        found = {int(re.fullmatch(r"snapshot-(\d+)\.h5", path.name)[1]): jobs.digest(path)
                 for path in (self.folder / name).glob("snapshot-*.h5")}
        return dict(sorted(found.items()))

    def test_linear(self):
        arguments = ("--hidden", "20", "--epochs", "10")
        assert_success(self.train(*arguments, "--snapshots", "linear:5", ranks=2))
        found = self.snapshots()
        self.assertEqual(list(found), [36, 72, 108, 144, 180])
        for steps, digest in found.items():
            self.assertEqual(digest, undisturbed("--hidden", "20", "--epochs", str(steps // 18))[0])
        with h5py.File(self.run_folder / "snapshot-36.h5") as snapshot:
            self.assertEqual(snapshot.attrs["format"].decode(), "rbmpi-model")
            self.assertEqual(snapshot["layer_0/weights"].dtype, numpy.float32)

    def test_logarithmic(self):
        assert_success(self.train("--hidden", "20", "--epochs", "10", "--snapshots", "log:6"))
        self.assertEqual(list(self.snapshots()), [1, 3, 8, 23, 64, 180])  # 180 to the power of 0, 1/5, 2/5, ...

    def test_the_same_in_a_run_that_was_stopped(self):
        arguments = (*USUAL, "--snapshots", "linear:20")
        assert_success(self.train(*arguments, name="left alone"))
        self.stop(*arguments, ranks=2)
        assert_success(self.train(*arguments, ranks=3))
        self.assertEqual(self.snapshots(), self.snapshots("left alone"))
        self.assertEqual(len(self.snapshots()), 20)

    def test_the_same_in_a_run_that_was_killed(self):
        arguments = (*USUAL, "--snapshots", "log:20")
        assert_success(self.train(*arguments, name="left alone"))
        job = self.start_and_wait(*arguments, "--checkpoint-steps", "100", epochs=30)
        jobs.kill(job.process.pid)
        job.end(10)
        assert_success(self.train(*arguments))
        self.assertEqual(self.snapshots(), self.snapshots("left alone"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
