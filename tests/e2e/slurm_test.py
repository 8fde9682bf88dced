"""scripts/slurm/rbmpi.sbatch with stand-ins for srun and scontrol: what is stopped is requeued and resumed, what fails
is not. A job that was requeued is started again with SLURM_RESTART_COUNT, as Slurm does."""

import json
import os
import signal
import subprocess
import time
import unittest

from support import MPIRUN, RBMPI, SOURCE, FolderTest, assert_success, mpi_environment, run

SCRIPT = SOURCE / "scripts/slurm/rbmpi.sbatch"

# Writes its arguments down and ends as it is told.
RECORDER = """#!/usr/bin/python3
import json, os, sys
with open(os.path.basename(sys.argv[0]) + ".jsonl", "a") as record:
    record.write(json.dumps(sys.argv[1:]) + "\\n")
"""
SCONTROL = RECORDER + 'sys.exit(int(os.environ.get("SCONTROL_CODE", "0")))\n'
SRUN_THAT_FAILS = RECORDER + """
step = os.environ.get("LEAVES_CHECKPOINT")
if step:
    os.makedirs("run", exist_ok=True)
    open(f"run/checkpoint-{step}.h5", "w").close()
sys.exit(int(os.environ["SRUN_CODE"]))
"""
# Starts the ranks with mpirun; "signal" in the folder is the name of a signal that all ranks get after the next epoch.
SRUN = RECORDER + f"""
import pathlib, signal, subprocess, time
words = [word for word in sys.argv[1:] if not word.startswith("--kill-on-bad-exit")]
ranks = ["-n", os.environ["SLURM_NTASKS"]]
metrics = pathlib.Path("the run/metrics.jsonl")
lines = lambda: metrics.read_text().count("\\n") if metrics.exists() else 0
before = lines()
job = subprocess.Popen({MPIRUN!r} + ranks + words)
if os.path.exists("signal"):
    name = pathlib.Path("signal").read_text()
    while job.poll() is None and lines() <= before:
        time.sleep(0.01)
    tasks = subprocess.run(["pgrep", "--parent", str(job.pid)], text=True, capture_output=True).stdout.split()
    for task in tasks if name != "SIGKILL" else tasks[:1]:
        os.kill(int(task), signal.Signals[name])
sys.exit(job.wait())
"""


class Slurm(FolderTest):
    def setUp(self):
        super().setUp()
        (self.folder / "bin").mkdir()
        self.stand_in("scontrol", SCONTROL)

    def stand_in(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def recorded(self, name):
        path = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def job(self, *arguments, restarts=0, **environment):
        """One start of the job: its exit code, and all it wrote."""
        words = {"SLURM_JOB_ID": "17", "SLURM_NTASKS": "2", "SLURM_RESTART_COUNT": str(restarts) if restarts else None,
                 "RBMPI": str(RBMPI), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        with subprocess.Popen([SCRIPT, *map(str, arguments)], text=True, cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                              env=mpi_environment({**words, **environment})) as process:
            try:
                output, _ = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            return process.returncode, output

    # With the program.

    def test_a_job_is_stopped_and_resumed_until_it_is_done(self):
        self.stand_in("srun", SRUN)
        model = ["--data", SOURCE / "data/digits.h5", "--hidden", "20", "--epochs", "200"]
        arguments = [*model, "--output", "the run", "--fresh"]
        (self.folder / "signal").write_text("SIGUSR1")
        for restarts in range(3):
            if restarts == 2:
                (self.folder / "signal").unlink()
            code, output = self.job(*arguments, restarts=restarts)
            self.assertEqual(code, 0, output)
            self.assertEqual(len(self.recorded("scontrol")), min(restarts + 1, 2), output)
            if restarts > 0:
                self.assertRegex(output, r"(?m)^  resumes     from checkpoint-\d+\.h5: ")
        self.assertEqual(self.recorded("scontrol"), [["requeue", "17"]] * 2)
        self.assertEqual([path.name for path in self.folder.glob("the run*")], ["the run"], "it started over once only")
        epochs = [json.loads(line)["epoch"] for line in (self.folder / "the run/metrics.jsonl").read_text().splitlines()]
        self.assertEqual(epochs, list(range(1, 201)))

        assert_success(run(["train", *model, "--output", self.folder / "alone"]))
        digests = [assert_success(run(["info", "--digest", self.folder / name / "model.h5"])).stdout
                   for name in ("the run", "alone")]
        self.assertEqual(digests[0], digests[1])

    def test_a_killed_rank_is_a_failure(self):
        self.stand_in("srun", SRUN)
        (self.folder / "signal").write_text("SIGKILL")
        begin = time.monotonic()
        code, output = self.job("--data", SOURCE / "data/digits.h5", "--output=the run", "--epochs", "1000000")
        self.assertNotIn(code, (0, 75), output)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(self.recorded("scontrol"), [])

    # Without it.

    def test_exit_codes_and_arguments_are_passed_on(self):
        self.stand_in("srun", SRUN_THAT_FAILS)
        arguments = ["--data", "a file.h5", "--output", "run", "--seed=7"]
        for code in (0, 1, 2, 3, 4, 137):
            self.assertEqual(self.job(*arguments, SRUN_CODE=str(code), LEAVES_CHECKPOINT=str(code)), (code, ""))
            self.assertEqual(self.recorded("srun")[-1], ["--kill-on-bad-exit=1", str(RBMPI), "train", *arguments])
        self.assertEqual(self.recorded("scontrol"), [])

    def test_what_was_stopped_is_requeued_if_it_came_further(self):
        self.stand_in("srun", SRUN_THAT_FAILS)
        for step, requeued in ((None, 0), (9, 1), (9, 1), (10, 2), (8, 2)):
            code, output = self.job("--output=run", SRUN_CODE="75", LEAVES_CHECKPOINT=step and str(step))
            self.assertEqual(len(self.recorded("scontrol")), requeued, output)
        self.assertEqual(code, 75)
        self.assertEqual(output, "rbmpi.sbatch: stopped without a step done since step 10; not requeued: --time is too "
                                 "short\n")

    def test_a_fresh_run_is_measured_from_its_beginning(self):
        self.stand_in("srun", SRUN_THAT_FAILS)
        (self.folder / "run").mkdir()
        (self.folder / "run/checkpoint-5.h5").touch()
        self.job("--output", "run", "--fresh", SRUN_CODE="75")
        self.assertEqual(self.recorded("srun")[-1][2:], ["train", "--output", "run", "--fresh"])
        self.assertEqual(len(self.recorded("scontrol")), 1)
        self.job("--output", "run", "--fresh", SRUN_CODE="75", restarts=1)
        self.assertEqual(self.recorded("srun")[-1][2:], ["train", "--output", "run"])
        self.assertEqual(len(self.recorded("scontrol")), 1)

    def test_a_cluster_that_does_not_requeue(self):
        self.stand_in("srun", SRUN_THAT_FAILS)
        code, output = self.job("--output", "run", SRUN_CODE="75", LEAVES_CHECKPOINT="4", SCONTROL_CODE="1")
        self.assertEqual(code, 75)
        self.assertIn("rbmpi.sbatch: stopped after step 4, and Slurm does not requeue the job", output)

    def test_the_output_must_be_named(self):
        self.stand_in("srun", SRUN_THAT_FAILS)
        code, output = self.job("--config", "a.ini", SRUN_CODE="0")
        self.assertEqual((code, output), (2, "rbmpi.sbatch: no --output FOLDER among the arguments\n"))
        self.assertEqual(self.recorded("srun"), [])


if __name__ == "__main__":
    unittest.main()
