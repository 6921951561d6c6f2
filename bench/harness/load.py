"""Runs of a load program with every transaction's latency (pgbench here, sysbench in sysbench.py), and the proxy's CPU
over exactly the transactions counted."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .process import SyscallCounter, cpu_seconds, resident_kib

SELECT_ONLY = r"""\set aid random(1, 100000)
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
"""


@dataclass
class Target:
    """Where clients connect; `pid` is the proxy's, if there is one. This one speaks the PostgreSQL protocol."""

    port: int
    user: str
    password: str
    database: str
    pid: int | None = None
    tls: bool = False

    idle_clients = "bench_idle_clients"
    idle_query = "SELECT abalance FROM pgbench_accounts WHERE aid = 1"

    def run(self, load: "Load", seconds: float) -> "Run":
        """Starts the program that puts the load on it."""
        return Run(self, load, seconds)

    @property
    def conninfo(self) -> str:
        return (f"host=127.0.0.1 port={self.port} user={self.user} password={self.password} dbname={self.database} "
                f"connect_timeout=20 gssencmode=disable sslmode={'require' if self.tls else 'disable'}")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": self.user,
                "PGPASSWORD": self.password, "PGDATABASE": self.database, "PGGSSENCMODE": "disable",
                "PGSSLMODE": "require" if self.tls else "disable", "PGCONNECT_TIMEOUT": "20"}


@dataclass
class Load:
    """One way of putting load on a target. `mode` is pgbench's, or one of sysbench.MODES, which needs no script."""

    script: str = SELECT_ONLY
    mode: str = "simple"
    clients: int = 16
    threads: int = 2
    rate: float | None = None  # transactions a second; latency then counts from when a transaction was due
    reconnect: bool = False
    builtin: str | None = None  # pgbench's own script instead of `script`
    extra: list[str] = field(default_factory=list)

    def command(self, seconds: float, folder: Path) -> list[str]:
        if self.builtin:
            work = ["-b", self.builtin]
        else:
            script = folder / "script.sql"
            script.write_text(self.script)
            work = ["-f", str(script)]
        return ["pgbench", "-n", *work, "-M", self.mode, "-c", str(self.clients), "-j",
                str(min(self.threads, self.clients)), "-T", str(max(1, round(seconds))), "-l",
                f"--log-prefix={folder}/log", *(["-R", f"{self.rate:.0f}"] if self.rate else []),
                *(["-C"] if self.reconnect else []), *self.extra]


@dataclass
class Outcome:
    """What one run came to. Latencies in ms; CPU in µs a transaction."""

    transactions: int
    tps: float
    p50: float
    p99: float
    p999: float
    longest_gap: float  # ms without any client's transaction ending
    cpu: float | None = None
    syscalls: float | None = None
    rss: float | None = None  # KiB
    errors: list[str] = field(default_factory=list)


def quantile(values: list[float], q: float) -> float:
    """Of sorted values."""
    return values[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def read_log(folder: Path) -> list[tuple[float, float]]:
    """(end as seconds since the epoch, latency in ms) of every transaction, by end."""
    rows = []
    for path in folder.glob("log.*"):
        for line in path.read_text().splitlines():
            parts = line.split()
            if len(parts) >= 6 and parts[2].isdigit():
                rows.append((int(parts[4]) + int(parts[5]) / 1e6, int(parts[2]) / 1e3))
    rows.sort()
    return rows


def summarize(rows: list[tuple[float, float]], *windows: tuple[float, float]) -> Outcome:
    """Over all windows (begin, end) together; a gap lies within one."""
    latencies, gap = [], 0.0
    for begin, end in windows:
        within = [row for row in rows if begin <= row[0] < end]
        latencies += [latency for _, latency in within]
        ends = [begin, *(when for when, _ in within), end]
        gap = max(gap, *(later - earlier for earlier, later in zip(ends, ends[1:])))
    latencies.sort()
    seconds = sum(end - begin for begin, end in windows)
    return Outcome(len(latencies), len(latencies) / seconds, quantile(latencies, 0.5), quantile(latencies, 0.99),
                   quantile(latencies, 0.999), gap * 1e3)


def client_errors(output: str) -> list[str]:
    """What pgbench and psql complain of; pgbench gives a client up after one such line, and names it."""
    return [line for line in output.splitlines() if "error:" in line]


def clients_hurt(errors: list[str]) -> int:
    """How many clients the complaints name, and those that name none."""
    named = {match.group(1) for line in errors if (match := re.search(r"client (\d+) ", line))}
    return len(named) + sum("client " not in line for line in errors)


class Run:
    """A load in the background; `finish` waits for it and returns everything it logged. This one is a pgbench."""

    program = "pgbench"

    def __init__(self, target: Target, load: Load, seconds: float):
        self.folder_holder = tempfile.TemporaryDirectory(prefix="rekey-load-", dir=os.environ.get("TMPDIR"))
        self.folder = Path(self.folder_holder.name)
        self.process = self.launch(target, load, seconds)
        self.launched = time.time()

    def launch(self, target: Target, load: Load, seconds: float) -> subprocess.Popen:
        return subprocess.Popen(load.command(seconds, self.folder), env=target.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_for_first_transactions(self, seconds: float = 60.0) -> None:
        deadline = time.time() + seconds
        while self.process.poll() is None and time.time() < deadline and not self.begun():
            time.sleep(0.01)

    def begun(self) -> bool:
        """All clients are logged in once the first log lines reach the disk (pgbench starts them together)."""
        return any(path.stat().st_size for path in self.folder.glob("log.*"))

    def end(self) -> str:
        """Waits for the program; returns what it complained of."""
        return self.process.communicate()[1]

    def read(self, complaints: str) -> tuple[list[tuple[float, float]], list[str]]:
        """The transactions, as read_log() tells them, and the clients' errors."""
        return read_log(self.folder), client_errors(complaints)

    def finish(self) -> tuple[list[tuple[float, float]], list[str]]:
        complaints = self.end()
        rows, errors = self.read(complaints)
        self.folder_holder.cleanup()
        if self.process.returncode != 0 and not errors:
            errors = [f"{self.program} ended with {self.process.returncode}: {complaints.strip()[-300:]}"]
        return rows, errors


def login_allowance(clients: int) -> float:
    """Seconds to add to a run, since pgbench counts its own logins as part of it."""
    return 1.2 + clients / 100


def measure(target: Target, load: Load, seconds: float, count_syscalls: bool = False) -> Outcome:
    """Steady state: everything is counted over one window after all clients have logged in."""
    allowance = login_allowance(load.clients) + (1.0 if count_syscalls else 0.0)
    outcome = None
    for attempt in range(3):  # on a machine that is busy with something else, logging in may take longer yet
        outcome = outcome or _measure_window(target, load, seconds, allowance * 2**attempt, count_syscalls)
    return outcome or Outcome(0, 0, *[float("nan")] * 4, errors=["the load ended before its window did"])


def _measure_window(target: Target, load: Load, seconds: float, allowance: float, count_syscalls: bool):
    """Nothing if the load ended too early."""
    run = target.run(load, seconds + allowance)
    run.wait_for_first_transactions()
    time.sleep(0.15)
    begin, cpu = time.time(), cpu_seconds(target.pid) if target.pid else 0.0
    time.sleep(seconds)
    end, cpu = time.time(), (cpu_seconds(target.pid) if target.pid else 0.0) - cpu
    rss = resident_kib(target.pid) if target.pid else None
    counter = None
    if count_syscalls and target.pid:
        with SyscallCounter(target.pid, run.folder / "perf") as counter:
            time.sleep(0.5)
    in_time = run.process.poll() is None
    rows, errors = run.finish()
    if not in_time and not errors:
        return None
    outcome = summarize(rows, (begin, end))
    outcome.errors, outcome.rss = errors, rss
    if target.pid and outcome.transactions:
        outcome.cpu = cpu * 1e6 / outcome.transactions
    if counter and counter.count is not None:
        meanwhile = sum(counter.began <= when < counter.ended for when, _ in rows)
        outcome.syscalls = counter.count / meanwhile if meanwhile else None
    return outcome


def measure_whole(target: Target, load: Load, seconds: float) -> Outcome:
    """For few, large transactions: from launch to end, logins included (they do not show there, or are what counts)."""
    cpu = cpu_seconds(target.pid) if target.pid else 0.0
    run = target.run(load, seconds)
    rows, errors = run.finish()
    begin = rows[0][0] - rows[0][1] / 1e3 if rows else run.launched
    outcome = summarize(rows, (begin, rows[-1][0] + 1e-6 if rows else begin + 1))
    outcome.errors = errors
    if target.pid and rows:
        outcome.cpu = (cpu_seconds(target.pid) - cpu) * 1e6 / len(rows)
        outcome.rss = resident_kib(target.pid)
    return outcome


def measure_copy(target: Target, query: str, count: int = 1) -> Outcome:
    """COPY … TO STDOUT through psql, `count` times over one connection."""
    cpu = cpu_seconds(target.pid) if target.pid else 0.0
    began = time.time()
    done = subprocess.run(["psql", "-XAtq", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1",
                           *(part for _ in range(count) for part in ("-c", query))],
                          capture_output=True, text=True, env=target.environment)
    took = time.time() - began
    each = took / count * 1e3
    outcome = Outcome(count, count / took, each, each, each, took * 1e3, errors=client_errors(done.stderr))
    if done.returncode != 0 and not outcome.errors:
        outcome.errors = [done.stderr.strip()[-300:]]
    if target.pid:
        outcome.cpu = (cpu_seconds(target.pid) - cpu) * 1e6 / count
        outcome.rss = resident_kib(target.pid)
    return outcome
