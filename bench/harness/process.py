"""Child processes that never outlive the run, and what the kernel tells about them."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """A program that a measurement needs is not there; the message says which and how to get it."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ordinary_user() -> str | None:
    """The account for servers that refuse to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def scratch_folder():
    """A folder in memory where there is room for it, readable by the account of ordinary_user()."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="rekey-bench-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end_on_signals() -> None:
    """Turns SIGTERM and SIGHUP into an exception, so that every `with` puts its process away."""

    def stop(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def wait_until(condition, what: str, seconds: float = 20.0):
    """Polls until `condition` returns something true and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.01)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Daemon:
    """A server process: started with its output in a file, stopped at the end of the `with` block."""

    def __init__(self, arguments, log: Path, user: str | None = None, environment=None, stop_signal=signal.SIGTERM):
        self.log = log
        self.stop_signal = stop_signal
        account = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **(environment or {})}, **account)

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_for_port(self, port: int, seconds: float = 20.0) -> None:
        def up():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.log.name} ended with {self.process.returncode}:\n{self.tail()}")
            return accepts(port)

        wait_until(up, f"{self.log.name} to listen on {port}", seconds)

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def cpu_seconds(pid: int) -> float:
    """Time on a CPU of all the threads, from the scheduler's own nanosecond account."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class SyscallCounter:
    """Counts system calls of a process while the `with` block runs; `count` is None where perf cannot."""

    def __init__(self, pid: int, log: Path):
        self.pid, self.log, self.count, self.perf = pid, log, None, None

    def __enter__(self):
        if shutil.which("perf"):
            self.perf = subprocess.Popen(
                ["perf", "stat", "-x,", "-o", str(self.log), "-e", "raw_syscalls:sys_enter", "-p", str(self.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.1)
            self.began = time.time()
        return self

    def __exit__(self, *_):
        if not self.perf:
            return
        self.ended = time.time()
        self.perf.send_signal(signal.SIGINT)
        self.perf.wait()
        for line in self.log.read_text().splitlines() if self.log.exists() else []:
            if "sys_enter" in line and line.split(",")[0].isdigit():
                self.count = int(line.split(",")[0])


def program(name: str, *candidates) -> Path:
    """The first candidate that exists, else `name` on the path."""
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return Path(candidate)
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} not found")
    return Path(found)
