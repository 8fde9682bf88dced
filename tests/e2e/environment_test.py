"""What a program finds around it: limits on memory, another MPI's launcher, variables of batch scripts, a plain terminal,
containers that forbid more than usual."""

import re
import subprocess
import sys
import unittest

from resuming import DIGITS, SHORT, Resuming
from support import (MPIRUN, RBMPI, SOURCE, FolderTest, assert_one_message, assert_success, command_line,
                     mpi_environment, run)

class Memory(FolderTest):
    """At every limit on memory the program ends within seconds, and says what it lacks; OpenBLAS alone never would."""

    def needed(self, option, limit, *arguments, ranks=None):
        """It is refused, by one line; what would do, as that line says."""
        result = self.limited(f"{option} {limit}", *arguments, ranks=ranks)
        assert_one_message(result, 1)
        pattern = rf"rbmpi: too little memory to begin \(ulimit {option} {limit}; (\d+) would do\)"
        self.assertRegex(result.messages[0], pattern)
        return int(re.search(pattern, result.messages[0])[1])

    def limited(self, limits, *arguments, ranks=None):
        return run(arguments, ranks=ranks, limits=limits, timeout=20)

    def assert_enough(self, limits, ranks=None):
        result = assert_success(self.limited(limits, "--version", ranks=ranks))
        self.assertEqual(result.raw_stderr, "", result)

    def test_what_is_said_to_do_does(self):
        for option, little in (("-v", 150000), ("-d", 20000)):
            enough = self.needed(option, little, "--version")
            self.assertEqual(self.needed(option, enough - 1100, "info", DIGITS), enough)
            self.assert_enough(f"{option} {enough}")

    def test_files_shorter_than_those_of_mpi(self):
        assert_one_message(self.limited("-f 1000", "--version"), 1, "files", "(ulimit -f 1000; 5000 would do)")

    def test_one_rank_of_a_node_speaks(self):
        enough = self.needed("-v", 200000, "--version", ranks=2)
        self.assert_enough(f"-v {enough}", ranks=2)

    def test_training_ends_at_every_limit(self):
        # The buffers of two threads do not fit, only just do, and do.
        for option, limits in (("-v", (465000, 715000, 725000, 935000)), ("-d", (200000, 440000, 450000, 600000))):
            codes = []
            for limit in limits:
                result = self.limited(f"{option} {limit}", "train", "--data", DIGITS, *SHORT, "--threads", "2",
                                      "--output", self.folder / f"run{option}{limit}")
                codes.append(result.code)
                self.assertIn(result.code, (0, 1), result)
                if result.code:
                    self.assertRegex(result.raw_stderr, r"\Arbmpi: (too little memory for 2 threads|out of memory).*\n\Z")
            self.assertEqual((codes[0], codes[-1]), (1, 0))


class Plugins(FolderTest):
    """Open MPI unmaps its plugins while a thread of its may still run their code: they stay."""

    def test_no_plugin_in_use_is_unmapped(self):
        command = command_line(["--version"], ranks=1)
        result = subprocess.run(command, env=mpi_environment({"LD_DEBUG": "files"}), capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        programs = {}  # by process: one is rbmpi's, the others Open MPI's
        for process, line in re.findall(r"^ *(\d+):\t(.*)$", result.stderr, re.MULTILINE):
            programs.setdefault(process, []).append(line)
        (lines,) = [lines for lines in programs.values() if any(str(RBMPI) in line for line in lines)]
        pmix = r"/(?:mca_pmix_(?:ext|pmix)\dx|libpmix)\.so"
        self.assertTrue([line for line in lines if line.startswith("calling init:") and re.search(pmix, line)], lines)
        self.assertEqual([line for line in lines if "destroying link map" in line and re.search(pmix, line)], [])

    def test_without_mpirun_there_is_no_daemon(self):
        result = subprocess.run([RBMPI, "--version"], env=mpi_environment({"LD_DEBUG": "files"}), capture_output=True,
                                text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(set(re.findall(r"^ *(\d+):\t", result.stderr, re.MULTILINE))), 1, "another process")

    def test_without_mpirun_there_is_no_folder_of_open_mpi(self):
        # That of one process would be that of another, which removes it.
        result = assert_success(run(["--version"], environment={"OMPI_MCA_orte_tmpdir_base": "/proc"}))
        self.assertEqual(result.raw_stderr, "")


class OtherLauncher(Resuming):
    """Each process of another MPI's launcher is alone, and does not know of the others."""

    def environment(self, rank):
        return {"PMI_SIZE": "2", "PMI_RANK": str(rank)}

    def test_commands_that_write_refuse(self):
        assert_one_message(self.train(*SHORT, environment=self.environment(0)), 2, "2 processes", "PMI_SIZE", "Open MPI")
        result = self.train(*SHORT, environment=self.environment(1))
        self.assertEqual((result.code, result.raw_stderr), (2, ""), result)
        self.assertEqual(self.files(), [])

    def test_commands_that_only_read_warn(self):
        result = assert_success(run(["info", DIGITS], environment=self.environment(0)))
        self.assertRegex(result.stderr, r"\Arbmpi: warning: 2 processes .* PMI_SIZE")
        self.assertIn("digest", result.stdout)
        self.assertEqual(run(["info", DIGITS], environment=self.environment(1)).raw_stderr, "")

    def test_no_false_alarm(self):
        # In an allocation, or in a shell that srun has started in one.
        for variables in ({"SLURM_NTASKS": "8", "SLURM_JOB_ID": "7"}, {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "0",
                                                                       "SLURM_TASK_PID": "1"}, {"PMI_SIZE": "1", "PMI_RANK": "0"}):
            self.assertEqual(run(["info", DIGITS], environment=variables).raw_stderr, "")
        # Open MPI's own launcher knows better.
        self.assertEqual(run(["info", DIGITS], ranks=2, environment=self.environment(0)).stderr, "")


class Threads(Resuming):
    def layout(self, environment, *arguments):
        """The line of the layout, the note and the messages."""
        result = assert_success(self.train(*SHORT, "--fresh", *arguments, environment=environment))
        note = re.search("^  note  .*$", result.stdout, re.MULTILINE)
        return re.search("^  layout .*$", result.stdout, re.MULTILINE)[0], note and note[0], result.stderr

    def test_a_variable_that_is_empty_is_not_given(self):
        given = self.layout({"OMP_NUM_THREADS": None})
        for blank in ("", " "):
            self.assertEqual(self.layout({"OMP_NUM_THREADS": blank}), given)
        self.assertEqual(given[2], "")
        self.assert_same_as_undisturbed(*SHORT)

    def test_more_than_the_machine_has_is_capped(self):
        line, _, messages = self.layout({"OMP_NUM_THREADS": "100000"})
        threads = re.search(r"(\d+) threads? each", line)[1]
        self.assertEqual(messages, "rbmpi: warning: OMP_NUM_THREADS asks for more threads than there are cores; each rank "
                                   f"takes {threads}")
        assert_one_message(self.train(*SHORT, environment={"OMP_NUM_THREADS": "many"}), 2, "OMP_NUM_THREADS = many")

    def test_advice_is_for_what_binds(self):
        _, note, _ = self.layout({"OMP_PLACES": "{0}"}, "--threads", "2")
        self.assertRegex(note, "2 threads on 1 core that this rank may use; without OMP_PLACES it has more")
        line = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", str(RBMPI), "train", "--data", str(DIGITS),
                *SHORT, "--output", str(self.folder / "bound")]
        process = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False,
                                 env=mpi_environment({"OMP_PROC_BIND": "true"}))
        self.assertEqual(process.returncode, 0, process)
        self.assertIn("OpenMP binds threads of several ranks to the same core; unset OMP_PROC_BIND", process.stdout)


class Terminal(Resuming):
    def on_a_terminal(self, kind):
        line = " ".join(f"'{word}'" for word in command_line(self.words(*SHORT, "--fresh")))
        return subprocess.run(["script", "--quiet", "--return", "--command", line, "/dev/null"], check=True, timeout=60,
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              env=mpi_environment({"TERM": kind})).stdout

    def test_a_dumb_one_gets_no_escapes(self):
        self.assertIn(b"\x1b", self.on_a_terminal("xterm"))
        output = self.on_a_terminal("dumb")
        self.assertNotIn(b"\x1b", output)
        self.assertIn(b"epoch 4/4", output)


class Container(Resuming):
    def test_where_ranks_may_not_read_each_other(self):
        words = [sys.executable, SOURCE / "tests/e2e/without_cross_memory.py", *MPIRUN, "-n", "2", RBMPI,
                 *self.words("--hidden", "300", "--epochs", "2", "--exchange", "allreduce")]
        process = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False,
                                 env=mpi_environment())
        self.assertEqual((process.returncode, process.stderr), (0, ""), process)


if __name__ == "__main__":
    unittest.main(verbosity=2)
