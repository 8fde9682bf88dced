"""What the end-to-end tests share: running the program, alone or under mpirun, and judging its messages.

RBMPI names the program and RBMPI_SOURCE the source folder; by default they are those of this checkout's release build.
"""

import atexit
import functools
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

SOURCE = pathlib.Path(os.environ.get("RBMPI_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
RBMPI = pathlib.Path(os.environ.get("RBMPI", SOURCE / "build/release/bin/rbmpi"))

MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]


class Result:
    """How a run ended. `messages` is what the program itself wrote to stderr, `raw_stderr` has mpirun's words too."""

    def __init__(self, code, stdout, raw_stderr, seconds):
        self.code = code
        self.stdout = stdout
        self.raw_stderr = raw_stderr
        self.stderr = without_mpirun(raw_stderr)
        self.messages = self.stderr.splitlines()
        self.seconds = seconds

    def __repr__(self):
        return (f"exit code {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.stdout}"
                f"\n--- stderr\n{self.raw_stderr}")


# Of its daemons, of itself, of the library that it waits with.
OF_MPIRUN = re.compile(r"\[[\w.-]+:\d+\]|mpirun: Forwarding signal|\[warn\] Epoll")


def without_mpirun(text):
    """Drops what mpirun adds to stderr: paragraphs between dashed lines, and lines of its own daemons."""
    lines, inside = [], False
    for line in text.splitlines():
        if re.fullmatch(r"-{30,}", line.strip()):
            inside = not inside
        elif not inside and line.strip() and not OF_MPIRUN.match(line):
            lines.append(line)
    return "\n".join(lines)


@functools.lru_cache(maxsize=None)
def job_files():
    """Where Open MPI keeps what its processes tell each other, a folder for each module of tests: in the one for all of a
    user, a job that ends removes what one that begins at this moment has just made. It does so when nothing is left in it, so
    something always is."""
    folder = tempfile.mkdtemp(prefix="rbmpi-jobs-")
    host = socket.gethostname().partition(".")[0]
    (pathlib.Path(folder) / f"ompi.{host}.{os.getuid()}" / "kept").mkdir(parents=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def mpi_environment(extra=None):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                       OMPI_MCA_rmaps_base_oversubscribe="1", OMP_NUM_THREADS="1")
    environment.setdefault("OMPI_MCA_orte_tmpdir_base", job_files())
    environment.update(extra or {})
    return {key: value for key, value in environment.items() if value is not None}


def command_line(arguments, ranks=None, limits=None):
    """`limits` are those of the shell for each rank: "-v 500000"."""
    launcher = [] if ranks is None else MPIRUN + ["-n", str(ranks)]
    limited = [] if limits is None else ["bash", "-c", f'ulimit {limits}; exec "$@"', "bash"]
    return launcher + limited + [str(RBMPI)] + [str(argument) for argument in arguments]


def run(arguments, ranks=None, environment=None, timeout=60, folder=None, limits=None):
    """Runs `rbmpi ARGUMENTS`; with `ranks` under mpirun. A run beyond `timeout` seconds is ended and fails the test."""
    begin = time.monotonic()
    process = subprocess.Popen(command_line(arguments, ranks, limits), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True, env=mpi_environment(environment), cwd=folder,
                               start_new_session=True)
    return result_of(process, arguments, begin, timeout)


def processes_of_session(session):
    """Its processes, and in what call of the kernel each of their threads waits: who has not ended?"""
    lines = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(of) == session:
                command = (folder / "cmdline").read_text().replace("\0", " ")
                waits = [(task / "wchan").read_text() for task in (folder / "task").iterdir()]
                lines.append(f"process {folder.name} {state} {command}in {waits}")
        except OSError:
            pass  # it has ended
    return "\n".join(lines)


def result_of(process, arguments, begin, timeout):
    """How a process ends that was started at `begin`, in a session of its own; beyond `timeout` seconds as in `run`."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        left = processes_of_session(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise AssertionError(f"still running after {timeout} s: {arguments}\n{stdout}\n{stderr}\n{left}") from None
    return Result(process.returncode, stdout, stderr, time.monotonic() - begin)


def assert_success(result):
    if result.code != 0:
        raise AssertionError(f"expected success\n{result!r}")
    assert_clean(result)
    return result


def assert_clean(result):
    """No library's own diagnostics on the terminal, whatever happened."""
    for noise in ("HDF5-DIAG", "what()", "terminate called", "Segmentation fault", "AddressSanitizer",
                  "runtime error:"):
        if noise in result.stdout or noise in result.raw_stderr:
            raise AssertionError(f"'{noise}' reached the terminal\n{result!r}")


def assert_one_message(result, code, *fragments, seconds=None):
    """The run failed with `code` and said so in exactly one line, `rbmpi: ...`, that contains every fragment."""
    assert_clean(result)
    if result.code != code:
        raise AssertionError(f"expected exit code {code}\n{result!r}")
    if len(result.messages) != 1 or not result.messages[0].startswith("rbmpi: "):
        raise AssertionError(f"expected one line 'rbmpi: ...' on stderr\n{result!r}")
    for fragment in fragments:
        if str(fragment) not in result.messages[0]:
            raise AssertionError(f"the message lacks '{fragment}'\n{result!r}")
    if seconds is not None and result.seconds > seconds:
        raise AssertionError(f"took {result.seconds:.1f} s, more than {seconds} s\n{result!r}")
    return result


class FolderTest(unittest.TestCase):
    """A test with a temporary folder of its own, `self.folder`, whose name has a space."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi test "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def files(self):
        """Names of everything in the folder, hidden files too."""
        return sorted(path.name for path in self.folder.iterdir())
