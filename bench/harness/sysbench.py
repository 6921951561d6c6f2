"""sysbench runs with every transaction's latency: bench/load/sysbench.lua logs them."""

import array
import os
import random
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .load import Load, Run, Target
from .process import REPOSITORY

# The script, and what --db-ps-mode makes of its statements.
MODES = {"point-prepared": ("oltp_point_select", "auto"), "point-text": ("oltp_point_select", "disable"),
         "rw-prepared": ("oltp_read_write", "auto"), "rw-text": ("oltp_read_write", "disable")}
TABLES, ROWS = 4, 25000
LUA = REPOSITORY / "bench" / "load" / "sysbench.lua"
SCHEDULED_AT_ONCE = 64


@dataclass
class MysqlTarget(Target):
    """A target that speaks the MySQL protocol, without TLS."""

    idle_clients = "bench_mysql_idle_clients"
    idle_query = "SELECT c FROM sbtest1 WHERE id = 1"

    def run(self, load: Load, seconds: float) -> "SysbenchRun":
        return SysbenchRun(self, load, seconds)


def command(target: Target, load: Load, seconds: float) -> list[str]:
    words = ["sysbench", str(LUA), "--db-driver=mysql", "--mysql-host=127.0.0.1", f"--mysql-port={target.port}",
             f"--mysql-user={target.user}", f"--mysql-password={target.password}", f"--mysql-db={target.database}",
             "--mysql-ssl=off", f"--threads={load.clients}", f"--time={max(1, round(seconds))}", "--percentile=0"]
    if load.reconnect:
        return [*words, "run"]
    return [*words, f"--db-ps-mode={MODES[load.mode][1]}", "--rand-type=uniform", f"--tables={TABLES}",
            f"--table-size={ROWS}", "run"]


def read_records(folder: Path) -> list[tuple[float, float]]:
    """(end as seconds since the epoch, latency in ms) of every transaction, by end."""
    rows = []
    for path in folder.glob("log.*"):
        values = array.array("d", path.read_bytes())
        rows += zip(values[::2], values[1::2])
    rows.sort()
    return rows


def read_errors(folder: Path, output: str) -> list[str]:
    """What clients noticed, in pgbench's words (load.clients_hurt() reads them), and what ended the run. A client's errors
    are in the output, too: "FATAL: mysql_drv_query() returned error …"."""
    lines = [f"client {path.suffix[1:]} error: {line}" for path in sorted(folder.glob("errors.*"))
             for line in path.read_text(errors="replace").splitlines()]
    return lines + re.findall(r"^FATAL: (?!\w+\(\) returned error).*", output, re.MULTILINE)


class Schedule(threading.Thread):
    """Says through a pipe when transactions are due: at random moments as with pgbench -R, from when the run has begun
    until nobody reads any more."""

    def __init__(self, run: "SysbenchRun", rate: float, pipe: int):
        super().__init__(daemon=True)
        self.load, self.rate, self.pipe = run, rate, pipe

    def run(self) -> None:
        self.load.wait_for_first_transactions()
        due = time.time()
        try:
            while True:
                moments = array.array("d")
                for _ in range(SCHEDULED_AT_ONCE):
                    due += random.expovariate(self.rate)
                    moments.append(due)
                os.write(self.pipe, moments)  # whole, since it blocks and is less than a page
        except BrokenPipeError:
            pass
        finally:
            os.close(self.pipe)


class SysbenchRun(Run):
    program = "sysbench"

    def launch(self, target: Target, load: Load, seconds: float) -> subprocess.Popen:
        self.limit = seconds + 60
        script = "connect" if load.reconnect else MODES[load.mode][0]
        environment = {**os.environ, "BENCH_SCRIPT": script, "BENCH_FOLDER": str(self.folder)}
        self.schedule, inherited = None, ()
        if load.rate:
            reader, writer = os.pipe()
            environment["BENCH_SCHEDULE"], inherited = str(reader), (reader,)
            self.schedule = Schedule(self, load.rate, writer)
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(command(target, load, seconds), env=environment, pass_fds=inherited,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        for descriptor in inherited:
            os.close(descriptor)
        self.process = process
        if self.schedule:
            self.schedule.start()
        return process

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")

    def begun(self) -> bool:
        return "Threads started!" in self.output

    def end(self) -> str:
        try:
            self.process.wait(self.limit)
        except subprocess.TimeoutExpired:  # clients that wait for an answer do not look at the time
            self.process.kill()
            self.process.wait()
        if self.schedule:
            self.schedule.join()
        return self.output

    def read(self, complaints: str) -> tuple[list[tuple[float, float]], list[str]]:
        errors = read_errors(self.folder, complaints)
        if self.process.returncode != 0:  # whatever its clients said before
            errors.append(f"sysbench ended with {self.process.returncode}: {complaints.strip()[-300:]}")
        return read_records(self.folder), errors
