"""Jobs that are disturbed: started in the background, their ranks found and signalled, their run folders judged.

For the tests of this folder and for scripts/kill-campaign, damage-campaign and measure-checkpoints.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import h5py
import numpy

import support

# What the shell that started us has made deaf to a signal, nohup or a background job, would be inherited.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

CHECKPOINT = re.compile(r"checkpoint-(\d+)\.h5")
PARTIAL = re.compile(r"\.(?P<file>.+)\.partial-[0-9a-f]{16}")
TIMES = ("seconds", "samples_per_second")


def process_table():
    """Parent of every process, by process."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return parents


def alive(process):
    """Whether the process still runs; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill(process, number=signal.SIGKILL):
    """Sends a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


class Job:
    """`rbmpi ARGUMENTS` in the background, alone or under mpirun. A context, at whose end it is killed."""

    def __init__(self, arguments, ranks=None, environment=None):
        self.arguments = arguments
        self.size = ranks
        self._stdout = tempfile.TemporaryFile("w+")
        self._stderr = tempfile.TemporaryFile("w+")
        self._begin = time.monotonic()
        self._ranks = {}
        # A group of its own, which no signal of a terminal reaches; a session of its own would get a larger share of a
        # busy machine than this process, which has to signal it in time.
        self.process = subprocess.Popen(support.command_line(arguments, ranks), stdout=self._stdout,
                                        stderr=self._stderr, stdin=subprocess.DEVNULL, process_group=0,
                                        env=support.mpi_environment(environment))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running():
            for process in self.ranks().values():
                kill(process)
        for process in self._ranks.values():
            if self.size is not None and alive(process):
                kill(process)
        if self.running():
            self.process.kill()
        self.process.wait()
        self._stdout.close()
        self._stderr.close()

    def running(self):
        return self.process.poll() is None

    def ranks(self):
        """The process of each rank that runs now, by rank."""
        if self.size is None:
            return {0: self.process.pid}
        ranks = {}
        for process, parent in process_table().items():
            if parent != self.process.pid:
                continue
            with contextlib.suppress(OSError):
                environment = pathlib.Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
                for variable in environment:
                    if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                        ranks[int(variable.partition(b"=")[2])] = process
        self._ranks.update(ranks)
        return ranks

    def output(self):
        """What it has written so far: stdout and stderr."""
        texts = []
        for stream in (self._stdout, self._stderr):
            with open(f"/proc/self/fd/{stream.fileno()}", encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        return texts

    def wait_for(self, condition, what, seconds=60):
        """Until `condition()` is true, which it must become while the job runs; its value."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if not self.running() and not condition():
                raise AssertionError(f"ended before {what}\n{self.end(0)!r}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}\n" + "\n".join(self.output()))
            time.sleep(0.002)
        return value

    def end(self, timeout):
        """Waits for the end, which must come within `timeout` seconds."""
        begin = time.monotonic()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s: {self.arguments}\n"
                                 + "\n".join(self.output())) from None
        stdout, stderr = self.output()
        result = support.Result(self.process.returncode, stdout, stderr, time.monotonic() - self._begin)
        result.waited = time.monotonic() - begin
        return result

    def ranks_end(self, timeout):
        """Waits until no rank is left, which must be within `timeout` seconds; the seconds that it took."""
        begin = time.monotonic()
        while left := [rank for rank, process in self._ranks.items() if alive(process)]:
            if time.monotonic() - begin > timeout:
                raise AssertionError(f"ranks {left} still run after {timeout} s: {self.arguments}\n"
                                     + "\n".join(self.output()))
            time.sleep(0.01)
        return time.monotonic() - begin


def checkpoints(folder):
    """The checkpoints of a run by their steps, in ascending order."""
    found = {}
    for path in pathlib.Path(folder).glob("checkpoint-*.h5"):
        if match := CHECKPOINT.fullmatch(path.name):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def partial_files(folder):
    """Temporary files, those that are being written and those that a killed job left."""
    with contextlib.suppress(FileNotFoundError):
        return [path for path in pathlib.Path(folder).iterdir() if PARTIAL.fullmatch(path.name)]
    return []


def metrics(folder):
    """The lines of metrics.jsonl, without the times."""
    lines = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def epochs_done(folder):
    try:
        return (pathlib.Path(folder) / "metrics.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def digest(model):
    return support.assert_success(support.run(["info", "--digest", model])).stdout.strip()


def seal_is_right(checkpoint):
    """Whether the SHA-256 in the first 512 bytes of a checkpoint is that of the bytes behind them."""
    content = pathlib.Path(checkpoint).read_bytes()
    seal = hashlib.sha256(content[512:])
    return seal.hexdigest().encode() in content[:512] or seal.digest() in content[:512]


def check_checkpoint(checkpoint):
    """Raises unless a checkpoint is whole: its seal, all that h5py finds in it, finite numbers, and `rbmpi info`."""
    if not seal_is_right(checkpoint):
        raise AssertionError(f"{checkpoint}: the SHA-256 is not that of the content")
    with h5py.File(checkpoint) as file:
        if int(CHECKPOINT.fullmatch(pathlib.Path(checkpoint).name)[1]) not in [
                int(value) for value in file["progress"].attrs.values() if numpy.ndim(value) == 0
                and isinstance(value, (int, numpy.integer))]:
            raise AssertionError(f"{checkpoint}: /progress knows other steps: {dict(file['progress'].attrs)}")
        is_net = file.attrs["format"] in ("rbmpi-net", b"rbmpi-net")
        parts = ("weights", "bias") if is_net else ("weights", "visible_bias", "hidden_bias")
        trained = range(len(layers_of(file))) if is_net else [int(file["progress"].attrs["layer"])]
        for array in [f"layer_{layer}/{group}{part}" for layer in trained for group in ("", "velocity/")
                      for part in parts]:
            if not numpy.isfinite(file[array][()]).all():
                raise AssertionError(f"{checkpoint}: {array} is not finite")
    return digest(checkpoint)


def layers_of(file):
    """The groups of the layers of a model, lowest first."""
    return [file[f"layer_{k}"] for k in range(sum(name.startswith("layer_") for name in file))]


def unexpected_files(folder):
    """What is in a run folder that should not be there once the run is finished."""
    expected = ("best.h5", "config.ini", "jobs.jsonl", "metrics.jsonl", "model.h5")
    return sorted(path.name for path in pathlib.Path(folder).iterdir()
                  if path.name not in expected and not CHECKPOINT.fullmatch(path.name))
