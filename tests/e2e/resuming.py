"""What the tests of runs that stop and go on share."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import signal
import tempfile

import jobs
from support import SOURCE, FolderTest, assert_clean, assert_success, run

DIGITS = SOURCE / "data/digits.h5"
ROWS = 1797

# A run of about half a second, 18 steps an epoch, 17 with validation.
USUAL = ("--hidden", "300", "--epochs", "150")
LONGER = ("--hidden", "300", "--epochs", "700")
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

    def disturb(self, send, *arguments, name="run", until=None, **more):
        """Starts a run and, after some epochs or once `until()` holds, calls `send(job)` to signal it: (job, Result).

        A busy machine may let the run end before this process has its turn; then there was nothing to disturb, and
        another run is started.
        """
        for _ in range(5):
            if until is None:
                job = self.start_and_wait(*arguments, name=name, **more)
            else:
                job = self.start(*arguments, name=name, **more)
                job.wait_for(until, "it can be disturbed")
            send(job)
            result = job.end(10)
            if result.code != 0:
                break
            shutil.rmtree(self.folder / name)
        return job, result

    def stop(self, *arguments, name="run", number=signal.SIGTERM, **more):
        """Starts a run and stops it after some epochs: (Result, steps done)."""
        _, result = self.disturb(lambda job: jobs.kill(job.ranks()[0], number), *arguments, name=name, **more)
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
