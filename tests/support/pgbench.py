"""Runs pgbench and reads what it measured: totals from its output, latencies and gaps from its logs."""

import pathlib
import re
import subprocess
from dataclasses import dataclass, field

from support.postgres import binaries


@dataclass
class Latencies:
    """Of a span of transactions; milliseconds."""

    count: int = 0
    p50: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    longest_gap: float = 0.0  # in which no client finished a transaction


@dataclass
class PgbenchResult:
    returncode: int
    output: str
    transactions: int = 0
    failed: int = 0
    tps: float = 0.0
    aborted_clients: int = 0
    samples: list = field(default_factory=list, repr=False)  # (finished at, seconds since the epoch; milliseconds)

    @property
    def errors(self):
        """What a client noticed: failed transactions, and clients that pgbench gave up."""
        return self.failed + self.aborted_clients + (1 if self.returncode and not self.aborted_clients else 0)

    def latencies(self, since=0.0, until=float("inf")):
        return summarise([sample for sample in self.samples if since <= sample[0] <= until])


def summarise(samples):
    if not samples:
        return Latencies()
    ordered = sorted(latency for _, latency in samples)
    moments = sorted(moment for moment, _ in samples)

    def quantile(share):
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    gap = max((after - before for before, after in zip(moments, moments[1:])), default=0.0)
    return Latencies(len(ordered), quantile(0.50), quantile(0.99), quantile(0.999), gap * 1000)


def read_log_line(line):
    """One line of `pgbench --log`: client, number, latency (µs), script, epoch seconds, microseconds."""
    fields = line.split()
    if len(fields) < 6 or not fields[2].isdigit():
        return None
    return int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1000


def read_logs(prefix):
    prefix = pathlib.Path(prefix)
    samples = []
    for path in prefix.parent.glob(prefix.name + ".*"):
        with open(path, encoding="ascii") as lines:
            samples.extend(sample for sample in map(read_log_line, lines) if sample)
    return samples


class Pgbench:
    """One run. `target` are libpq words: host, port, user, password, dbname, sslmode…"""

    def __init__(self, target, *, clients=16, seconds=5, mode="simple", script="select", jobs=2, rate=None,
                 log_prefix=None, extra=()):
        self._log_prefix = log_prefix
        words = " ".join(f"{name}={value}" for name, value in target.items())
        self.command = [str(binaries() / "pgbench"), "-n", "-c", str(clients), "-j", str(min(jobs, clients)), "-T",
                        str(seconds), "-M", mode, "-P", "1"]
        self.command += {"select": ["-S"], "tpcb": [], "simple-update": ["-N"]}.get(script, ["-f", str(script)])
        if rate:
            self.command += ["-R", str(rate)]
        if log_prefix:
            self.command += ["--log", f"--log-prefix={log_prefix}"]
        self.command += [*map(str, extra), words]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        return self

    def running(self):
        return self.process.poll() is None

    def finish(self, timeout=120):
        """Waits for the end and reads the results."""
        try:
            output, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, _ = self.process.communicate()
            output += "\nkilled: it did not end in time"
        result = PgbenchResult(self.process.returncode, output)
        if match := re.search(r"transactions actually processed: (\d+)", output):
            result.transactions = int(match.group(1))
        if match := re.search(r"failed transactions: (\d+)", output):
            result.failed = int(match.group(1))
        if match := re.search(r"tps = ([\d.]+)", output):
            result.tps = float(match.group(1))
        result.aborted_clients = len(re.findall(r"client \d+ (?:script \d+ )?aborted|Run was aborted", output))
        if self._log_prefix:
            result.samples = read_logs(self._log_prefix)
        return result

    def run(self, timeout=120):
        return self.start().finish(timeout)


def initialise(target, scale=1):
    """Makes pgbench's tables."""
    words = " ".join(f"{name}={value}" for name, value in target.items())
    subprocess.run([str(binaries() / "pgbench"), "-i", "-I", "dtgvp", "-q", "-s", str(scale), words], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
