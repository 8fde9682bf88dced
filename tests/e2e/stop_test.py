"""Training that is stopped or killed, at any time and by anybody, and goes on: the model is that of the run that nobody
disturbed."""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import jobs
from resuming import DIGITS, LONGER, RICH, SHORT, STOPPED, USUAL, Resuming
from support import assert_success, command_line, mpi_environment

# Minutes, of which each step is short.
LONG_LIKELIHOOD = ("--evaluate-chains", "10000", "--evaluate-temperatures", "50000")


class Stopping(Resuming):
    """A signal to the program alone, to one rank, to mpirun; the same command goes on, on other ranks."""

    def wait_until_written(self):
        """mpirun may have killed its ranks while the last checkpoint was being written; it is finished all the same."""
        deadline = time.monotonic() + 5
        while (self.run_folder / "lock").exists() or jobs.partial_files(self.run_folder):
            self.assertLess(time.monotonic(), deadline, os.listdir(self.run_folder))
            time.sleep(0.01)

    def stop_and_go_on(self, number, ranks, to, then, code=75, why=None, arguments=USUAL):
        job, result = self.disturb(
            lambda job: jobs.kill(job.process.pid if to == "mpirun" else job.ranks().get(to, job.process.pid), number),
            *arguments, ranks=ranks)
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

    def test_second_user_signal_to_mpirun(self):
        self.stop_and_go_on(signal.SIGUSR2, 2, "mpirun", None)

    def test_processor_time_of_one_rank(self):
        self.stop_and_go_on(signal.SIGXCPU, 2, 1, None)

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
            steps = self.stop(*arguments, "--checkpoint-steps", "100", ranks=ranks, name=name, until=lambda: max(
                jobs.checkpoints(self.folder / name), default=0) > 1617)[1]  # the second epoch
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

    def test_while_the_likelihood_is_measured(self):
        arguments = ("--hidden", "40", "--epochs", "3", "--evaluate-every", "2")
        job = self.start(*arguments, *LONG_LIKELIHOOD, "--checkpoint-steps", "1", ranks=2)
        job.wait_for(lambda: (self.run_folder / "checkpoint-36.h5").exists(), "the end of the second epoch")
        for process in job.ranks().values():  # as mpirun and Slurm do
            jobs.kill(process, signal.SIGTERM)
        steps = self.assert_stopped(job.end(10), "^SIGTERM$")
        self.assertEqual(steps, 36)
        few = (*arguments, "--evaluate-chains", "10", "--evaluate-temperatures", "0.5:20,1:30")
        self.assert_resumed(self.train(*few, ranks=3), steps)
        self.assert_same_as_undisturbed(*few)

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

    def setUp(self):
        super().setUp()
        # In memory: a disk that others write to may want seconds for a checkpoint, which no limit knows before.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi test ", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.run_folder = self.folder / "run"

    def check(self, train, why="time.limit"):
        """`train(seconds)` holds a limit of so many seconds, and trains an epoch in it.

        Of each limit 2 to 3 s are kept for the checkpoint. A busy machine may take all of it to start, and no program
        holds a limit that is over when it begins: then a longer one is tried.
        """
        for seconds in (8, 16, 32, 64):
            shutil.rmtree(self.run_folder, ignore_errors=True)
            result = train(seconds)
            self.assert_stopped(result, why)
            if jobs.epochs_done(self.run_folder) > 0:
                break
        else:
            self.fail("no epoch was trained")
        job = json.loads((self.run_folder / "jobs.jsonl").read_text().splitlines()[-1])
        self.assertLess(job["seconds"], seconds + 1)
        self.assertLess(result.seconds, seconds + 10)  # on a busy machine mpirun needs seconds to start and to end

    def test_holds_while_the_likelihood_is_measured(self):
        self.check(lambda seconds: self.train("--hidden", "40", "--epochs", "3", "--evaluate-every", "2",
                                              *LONG_LIKELIHOOD, "--time-limit", str(seconds), ranks=2))

    def test_seconds(self):
        for ranks in (None, 3):
            self.check(lambda seconds: self.train(*self.FOREVER, "--time-limit", str(seconds), ranks=ranks))

    def test_other_spellings(self):
        for text in ("{}s", "0:00:{:02}"):
            self.check(lambda seconds: self.train(*self.FOREVER, "--time-limit", text.format(seconds)))

    def test_end_time_of_a_slurm_job(self):
        def train(seconds):
            end = int(time.time()) + 30 + seconds  # half a minute is left to what comes after the program
            result = self.train(*self.FOREVER, ranks=2, environment={"SLURM_JOB_END_TIME": str(end)})
            if jobs.epochs_done(self.run_folder) > 0:
                ended = (self.run_folder / "jobs.jsonl").stat().st_mtime  # the program; mpirun may take longer
                self.assertLess(ended, end - 30 + 1)
            return result

        self.check(train, "time|job|Slurm")

    def test_goes_on_in_parts(self):
        arguments = ("--hidden", "300", "--epochs", "800")
        parts = 0
        # A busy machine may take seconds to start: each part has a second more than the one before.
        while (result := self.train(*arguments, "--time-limit", str(3 + parts), ranks=1 + parts % 3)).code == 75:
            self.assert_stopped(result, "time.limit")
            parts += 1
            self.assertLess(parts, 20)
        assert_success(result)
        self.assertGreaterEqual(parts, 1)
        self.assert_same_as_undisturbed(*arguments)

    def test_less_time_than_a_checkpoint_may_take_is_told_before(self):
        result = self.train(*self.FOREVER, "--time-limit", "1")
        self.assert_stopped(result, "time.limit")
        self.assertRegex(result.stdout, r"(?m)^  note        its time limit leaves (?:0\.\d|1\.0) s, and 2\.\d s are kept to write a "
                                        r"checkpoint: the training stops after a step$")

    def test_enough_time(self):
        self.assertNotIn("after a step", assert_success(self.train(*SHORT, "--time-limit", "1h")).stdout)
        self.assert_same_as_undisturbed(*SHORT)


class Killed(Resuming):
    def kill_after(self, epochs, *arguments):
        self.disturb(lambda job: jobs.kill(job.process.pid), *arguments, epochs=epochs)

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


class Locked(Resuming):
    FOREVER = ("--hidden", "100", "--epochs", "1000000")
    WAITS = r"rbmpi: warning: waits for the output folder '{}': it is in use by another job \({}\)"

    def owner(self, process):
        return rf"host {re.escape(socket.gethostname())}, process {process}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC"

    def waits(self, process):
        return self.WAITS.format(re.escape(str(self.run_folder)), self.owner(process))

    def test_second_job_is_refused(self):
        job = self.start_and_wait(*self.FOREVER, ranks=2)
        process = job.ranks()[0]
        self.assertIn(str(process), (self.run_folder / "lock").read_text())
        result = self.train(*self.FOREVER, ranks=3)
        self.assertEqual((result.code, len(result.messages)), (3, 2), result)
        self.assertRegex(result.messages[0], self.waits(process))
        self.assertRegex(result.messages[1], rf"^rbmpi: the output folder .* is in use by another job \({self.owner(process)}\)")
        self.assertGreater(result.seconds, 10)
        self.assertLess(result.seconds, 15)
        os.kill(job.ranks()[0], signal.SIGTERM)
        self.assert_stopped(job.end(10), "SIGTERM")

    def test_second_job_waits_for_one_that_ends(self):
        first = self.start_and_wait(*self.FOREVER)
        second = self.start(*self.FOREVER, ranks=2)
        second.wait_for(lambda: second.output()[1], "a word on the wait")
        self.assertRegex(second.output()[1], self.waits(first.process.pid))
        os.kill(first.process.pid, signal.SIGTERM)
        steps = STOPPED.fullmatch(first.end(10).messages[0])["step"]
        second.wait_for(lambda: f"from checkpoint-{steps}.h5" in second.output()[0], "the second goes on")
        os.kill(second.ranks()[1], signal.SIGTERM)
        self.assertEqual(second.end(10).code, 75)

    def test_a_job_in_another_container_of_that_name_is_not_taken_for_dead(self):
        # Whose processes have numbers of their own.
        job = self.start_and_wait(*self.FOREVER)
        second = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                                   *command_line(self.words(*self.FOREVER))], stderr=subprocess.PIPE, text=True,
                                  stdout=subprocess.DEVNULL, env=mpi_environment())
        self.addCleanup(second.wait)
        self.addCleanup(second.kill)
        line = self.first_line(second.stderr, 30)
        self.assertRegex(line, self.waits(job.process.pid))
        inside = [process for process, parent in jobs.process_table().items() if parent == second.pid]
        os.kill(inside[0], signal.SIGTERM)
        self.assertIn("stopped by a signal while waiting for the output folder", second.communicate(timeout=10)[1])
        self.assertEqual(second.returncode, 75)
        os.kill(job.process.pid, signal.SIGTERM)
        self.assert_stopped(job.end(10), "SIGTERM")

    def first_line(self, stream, seconds):
        self.assertTrue(select.select([stream], [], [], seconds)[0], "nothing is said")
        return stream.readline()

    def test_the_same_command_waits_for_the_ranks_of_a_killed_mpirun(self):
        first = self.start_and_wait(*self.FOREVER, "--checkpoint-steps", "100", ranks=2, epochs=20)
        rank = first.ranks()[0]
        second = self.start(*self.FOREVER)
        second.wait_for(lambda: second.output()[1], "a word on the wait")
        self.assertRegex(second.output()[1], self.waits(rank))
        jobs.kill(first.process.pid)
        second.wait_for(lambda: "resumes" in second.output()[0], "it goes on", 15)
        self.assertRegex(second.output()[1], f"the last job in .* ended without a word .*process {rank},")
        os.kill(second.process.pid, signal.SIGTERM)
        self.assertEqual(second.end(10).code, 75)

    def test_two_jobs_at_once(self):
        for attempt in range(3):
            name = f"race{attempt}"
            pair = [self.start(*USUAL, name=name, ranks=ranks) for ranks in (None, 1)]
            results = [job.end(60) for job in pair]
            # The second is refused if both make the folder, and else waits for the first.
            self.assertIn(sorted(result.code for result in results), ([0, 0], [0, 3]), results)
            self.assert_same_as_undisturbed(*USUAL, name=name)

    def test_lock_of_a_dead_job(self):
        for ranks in (None, 2):
            name = f"run{ranks}"
            job, _ = self.disturb(lambda job: [jobs.kill(process) for process in job.ranks().values()], *USUAL,
                                  "--checkpoint-steps", "20", ranks=ranks, name=name,
                                  until=lambda: jobs.checkpoints(self.folder / name))
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

    def test_reader_of_information_that_leaves(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run(command_line(["info", DIGITS]), env=mpi_environment(), check=False, timeout=60, stdout=writer,
                                stderr=subprocess.PIPE)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (1, b"rbmpi: cannot write to the standard output\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
