"""Runs sysbench's OLTP scripts against MySQL and MariaDB and reads what it measured.

sysbench keeps no log of single transactions: percentiles are of a phase. `checkpoints` are the seconds, from the start
of the load, at which a phase ends; its last phase ends with the run."""

import re
import subprocess
import threading
from dataclasses import dataclass, field

SCRIPTS = ("oltp_point_select", "oltp_read_only", "oltp_read_write", "oltp_update_index", "oltp_write_only")
SECOND = re.compile(r"\[ (\d+)s \] thds: (\d+) tps: ([\d.]+) qps: ([\d.]+) .*?lat \(ms,99%\): ([\d.]+) "
                    r"err/s: ([\d.]+) reconn/s: ([\d.]+)")


@dataclass
class Second:
    """One line of the report as it goes. Its p99 is 0 where a checkpoint has just reset the counters."""

    at: int
    tps: float
    p99: float
    errors: float
    reconnects: float


@dataclass
class Phase:
    """Milliseconds."""

    transactions: int = 0
    ignored_errors: int = 0  # deadlocks and lock time-outs, which are the load's own
    reconnects: int = 0
    minimum: float = 0.0
    average: float = 0.0
    p99: float = 0.0
    longest: float = 0.0


@dataclass
class SysbenchResult:
    returncode: int
    output: str = field(repr=False)
    phases: list = field(default_factory=list)
    seconds: list = field(default_factory=list, repr=False)

    @property
    def transactions(self):
        return sum(phase.transactions for phase in self.phases)

    @property
    def errors(self):
        """What a client noticed: lost connections, and errors that ended its thread (and so the run)."""
        fatal = len(re.findall(r"FATAL: (?:mysql|`thread_run)", self.output))
        return fatal + sum(phase.reconnects for phase in self.phases) + (1 if self.returncode and not fatal else 0)

    @property
    def tps(self):
        lasted = max((second.at for second in self.seconds), default=0)
        return self.transactions / lasted if lasted else 0.0


def read_second(line):
    match = SECOND.search(line)
    if not match:
        return None
    at, _, tps, _, p99, errors, reconnects = match.groups()
    return Second(int(at), float(tps), float(p99), float(errors), float(reconnects))


def read_phases(output):
    """One for each full report: at every checkpoint, and at the end."""
    phases = []
    for report in output.split("SQL statistics:")[1:]:
        def number(pattern, text=report):
            match = re.search(pattern + r":\s+([\d.]+)", text)
            return float(match.group(1)) if match else 0.0
        phases.append(Phase(int(number("transactions")), int(number("ignored errors")), int(number("reconnects")),
                            number("min"), number("avg"), number("99th percentile"), number("max")))
    return phases


class Sysbench:
    """One run. `target` has host, port, user, password and dbname; prepared=False sends texts instead of prepared
    statements; `rate` is transactions a second."""

    def __init__(self, target, *, script="oltp_point_select", clients=16, seconds=5, prepared=True, rate=None, tables=4,
                 rows=10000, checkpoints=(), tls=False, extra=()):
        assert script in SCRIPTS, script
        self.command = ["sysbench", script, *_connection(target), f"--tables={tables}", f"--table-size={rows}",
                        f"--threads={clients}", f"--time={seconds}", "--percentile=99", "--report-interval=1",
                        f"--db-ps-mode={'auto' if prepared else 'disable'}", f"--mysql-ssl={'on' if tls else 'off'}"]
        if rate:
            self.command.append(f"--rate={rate}")
        if checkpoints:
            self.command.append("--report-checkpoints=" + ",".join(str(int(second)) for second in checkpoints))
        self.command += [*map(str, extra), "run"]
        self.process = None
        self.seconds = []  # as they come
        self._lines = []
        self._reader = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self):
        for line in self.process.stdout:
            self._lines.append(line)
            if second := read_second(line):
                self.seconds.append(second)

    def running(self):
        return self.process.poll() is None

    def started(self):
        return any("Threads started!" in line for line in self._lines)

    def output(self):
        return "".join(self._lines)

    def finish(self, timeout=120):
        """Waits for the end and reads the results."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self._lines.append("\nFATAL: mysql: killed, it did not end in time\n")
        self._reader.join()
        self.process.stdout.close()
        return SysbenchResult(self.process.returncode, self.output(), read_phases(self.output()), self.seconds)

    def run(self, timeout=120):
        return self.start().finish(timeout)


def _connection(target):
    host, port, user, password, database = (target[name] for name in ("host", "port", "user", "password", "dbname"))
    return [f"--mysql-host={host}", f"--mysql-port={port}", f"--mysql-user={user}", f"--mysql-password={password}",
            f"--mysql-db={database}"]


def initialise(target, tables=4, rows=10000):
    """Makes sysbench's tables."""
    result = subprocess.run(["sysbench", "oltp_read_write", *_connection(target), f"--tables={tables}",
                             f"--table-size={rows}", "prepare"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"sysbench prepare: {result.stdout[-2000:]}")
