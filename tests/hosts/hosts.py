#!/usr/bin/python3
"""Hosts for tests on one machine: network namespaces joined by a bridge, each with its own name and its own files.

    with Hosts(2) as hosts:
        hosts.rate("1gbit")
        result = hosts.run(["info", "a.h5"], ranks=[1, 1])

Needs root. Each group of hosts is its own: several may exist at a time. The module is a program as well, which runs
something on a host; mpirun starts its daemons with it (its "rsh agent", whose words are for a shell, as with ssh):

    hosts.py exec|shell FOLDER HOST COMMAND...
"""

import contextlib
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "e2e"))

import support  # noqa: E402

# In short, as scripts/test has it, or at the length that the figures in docs/ are of (scripts/try-on-hosts).
QUICK = os.environ.get("RBMPI_QUICK") == "1"

# What a host sees of its own, in a mount namespace that ends with the command: its name, and what its setup says.
ENTER = 'hostname "$1"; mount --bind "$2" /etc/hosts; source "$3"; shift 3; exec "$@"'


def can_be_made():
    """Why there can be no hosts here, in words; empty if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"rbmpi-trial-{os.getpid()}"
    try:
        trial = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "the command ip is missing (package iproute2)"
    if trial.returncode == 0:
        trial = subprocess.run(["ip", "netns", "exec", name, "unshare", "--mount", "--uts", "true"], capture_output=True,
                               text=True, check=False)
        subprocess.run(["ip", "netns", "del", name], check=True)
    return "" if trial.returncode == 0 else f"no network namespaces here: {trial.stderr.strip()}"


def ip(*arguments):
    subprocess.run(["ip", *map(str, arguments)], check=True)


class Hosts:
    """`count` hosts, named host1, host2, ..., with addresses 10.77.0.1, ...; a context, at whose end nothing is left."""

    def __init__(self, count):
        self.names = [f"host{i + 1}" for i in range(count)]
        self._tag = f"rbmpi-{os.getpid()}-{time.monotonic_ns() % 1000000}"
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="hosts-"))

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        hub = self._space("hub")
        ip("netns", "add", hub)
        ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        ip("-n", hub, "link", "set", "bridge", "up")
        (self._folder / "tag").write_text(self._tag)
        with open(self._folder / "hosts", "w", encoding="utf-8") as file:
            file.write("127.0.0.1 localhost\n")
            for number, name in enumerate(self.names, 1):
                file.write(f"10.77.0.{number} {name}\n")
                space = self._space(name)
                ip("netns", "add", space)
                ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", hub)
                ip("-n", space, "link", "set", "lo", "up")
                ip("-n", space, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
                ip("-n", space, "link", "set", "eth0", "up")
                ip("-n", hub, "link", "set", name, "master", "bridge")
                ip("-n", hub, "link", "set", name, "up")
                self.setup(name, "")

    def __exit__(self, *_):
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            space = line.split()[0]
            if not space.startswith(self._tag + "-"):
                continue
            for process in self._processes(space):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            ip("netns", "del", space)
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()

    def _space(self, host):
        return f"{self._tag}-{host}"

    @staticmethod
    def _processes(space):
        pids = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=True).stdout
        return [int(pid) for pid in pids.split()]

    def processes(self, host):
        """The processes that run on a host."""
        return self._processes(self._space(host))

    def setup(self, host, commands):
        """Shell commands on entering a host, in a mount namespace of its own: another file under the same path, say."""
        (self._folder / f"setup-{host}").write_text(commands + "\n")

    def other_file(self, host, path, instead):
        """On `host` the file `path` is another one."""
        self.setup(host, f"mount --bind {shlex.quote(str(instead))} {shlex.quote(str(path))}")

    def rate(self, rate):
        """Shapes every link, such as '1gbit'; None undoes it."""
        for name in self.names:
            shape = ["tc", "-n", self._space(name), "qdisc"]
            subprocess.run([*shape, "del", "dev", "eth0", "root"], capture_output=True, check=False)
            if rate is not None:
                subprocess.run([*shape, "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "256k", "latency",
                                "50ms"], check=True)

    def cut(self, host):
        """Nothing comes from or to `host` any more, and nobody is told."""
        ip("-n", self._space("hub"), "link", "set", host, "nomaster")

    def mpirun(self, ranks, options=()):
        """mpirun on the first host, with `ranks` ranks on each: a list of the beginning of a command."""
        places = ",".join(f"{name}:{count}" for name, count in zip(self.names, ranks, strict=True) if count)
        return [str(HERE), "exec", str(self._folder), self.names[0], "mpirun", "--bind-to", "none",
                "--mca", "plm_rsh_agent", f"{HERE} shell {self._folder}", "--mca", "btl", "tcp,self,vader",
                "--mca", "btl_tcp_if_include", "eth0", "--mca", "oob_tcp_if_include", "eth0", *options, "-H", places,
                "-n", str(sum(ranks))]

    def start(self, arguments, ranks, environment=None, options=(), stdout=subprocess.PIPE, stderr=subprocess.PIPE):
        """`rbmpi ARGUMENTS` in the background; its Popen is mpirun's."""
        return subprocess.Popen([*self.mpirun(ranks, options), str(support.RBMPI), *map(str, arguments)], text=True,
                                stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True,
                                env=support.mpi_environment(environment))

    def run(self, arguments, ranks, environment=None, timeout=120, options=()):
        """`rbmpi ARGUMENTS` with so many ranks on each host; a run beyond `timeout` seconds fails the test."""
        begin = time.monotonic()
        process = self.start(arguments, ranks, environment, options)
        return support.result_of(process, arguments, begin, timeout)


def enter(way, folder, host, *command):
    """Becomes `command` on a host of the group that `folder` describes."""
    folder = pathlib.Path(folder)
    if way == "shell":
        command = ["sh", "-c", " ".join(command)]
    space = f"/run/netns/{(folder / 'tag').read_text()}-{host}"
    os.execvp("nsenter", ["nsenter", f"--net={space}", "unshare", "--uts", "--mount", "bash", "-c", ENTER, "enter",
                          host, str(folder / "hosts"), str(folder / f"setup-{host}"), *command])


if __name__ == "__main__":
    enter(*sys.argv[1:])
