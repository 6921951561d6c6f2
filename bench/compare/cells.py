"""What is measured: one cell is one kind of load on one upstream."""

import subprocess
import time
from dataclasses import dataclass, field

from bench.harness.load import Load, Outcome, measure, measure_copy, measure_whole
from bench.harness.process import cpu_seconds, resident_kib, wait_until

from .subjects import Subject, build_program

TEN_MEGABYTES = "SELECT repeat('x', 1000) FROM generate_series(1, 10000);\n"
COPY_200_MEGABYTES = "COPY (SELECT repeat('x', 199) FROM generate_series(1, 1000000)) TO STDOUT"
IDLE_CLIENTS = 5000


@dataclass
class Cell:
    name: str
    upstream: str                 # free | postgres | one of harness.mysql.KINDS
    load: Load = field(default_factory=Load)
    kind: str = "window"          # window | whole | copy | idle
    tls: bool = False
    bar: float | None = None      # what Rekey's CPU may be of the relay's

    def subjects(self, names: list[str]) -> list[str]:
        """Those that can take part: who cannot end a client's TLS is measured without it, as the yardstick."""
        if self.kind == "idle":
            return [name for name in names if name not in ("direct", "relay", "haproxy")]
        return names

    def run(self, subject: Subject, seconds: float, count_syscalls: bool) -> Outcome:
        if self.kind == "idle":
            return measure_idle(subject, self.tls)
        target = subject.target(self.tls and subject.serves_tls)
        if self.kind == "window":
            return measure(target, self.load, seconds, count_syscalls)
        if self.kind == "whole":
            return measure_whole(target, self.load, max(2, seconds))
        return measure_copy(target, COPY_200_MEGABYTES)


def measure_idle(subject: Subject, tls: bool) -> Outcome:
    """Memory that IDLE_CLIENTS clients cost a process started for them; `rss` is KiB for each, here as a fraction."""
    subject.stop()
    subject.start()
    target = subject.target(tls)
    before, cpu = resident_kib(target.pid), cpu_seconds(target.pid)
    began = time.time()
    program = build_program(target.idle_clients)
    holder = subprocess.Popen([program, target.conninfo, str(IDLE_CLIENTS), target.idle_query], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if not holder.stdout.readline().startswith("ready"):
            return Outcome(0, 0, 0, 0, 0, 0, errors=[holder.stderr.read().strip()[-300:]])
        took = time.time() - began
        spent = cpu_seconds(target.pid) - cpu
        wait_until(lambda: resident_kib(target.pid) > before, "memory to be taken", 5)
        each = (resident_kib(target.pid) - before) / IDLE_CLIENTS
    finally:
        holder.stdin.close()
        holder.wait(60)
        subject.stop()
        subject.start()
    outcome = Outcome(IDLE_CLIENTS, IDLE_CLIENTS / took, 0, 0, 0, 0, cpu=spent * 1e6 / IDLE_CLIENTS)
    outcome.rss = each
    return outcome


BARS = {("simple", 16): 1.10, ("simple", 64): 1.10, ("extended", 16): 1.10, ("prepared", 16): 1.15,
        ("prepared", 64): 1.15}


def mysql_cells(kind: str) -> list[Cell]:
    """On the real server: there is no nearly free one for this protocol."""
    cells = [Cell(f"{kind}/{mode}/{clients}", kind, Load(mode=mode, clients=clients), bar=1.15)
             for mode in ("point-text", "point-prepared") for clients in (16, 64)]
    cells += [Cell(f"{kind}/{mode}/16", kind, Load(mode=mode, clients=16), bar=1.15)
              for mode in ("rw-text", "rw-prepared")]
    return [*cells, Cell(f"{kind}/connect/8", kind, Load(clients=8, reconnect=True), kind="whole"),
            Cell("memory/plain", kind, kind="idle")]


def all_cells() -> list[Cell]:
    cells = []
    for upstream in ("free", "postgres"):
        for mode in ("simple", "extended", "prepared"):
            for clients in (1, 16, 64, 256):
                bar = BARS.get((mode, clients)) if upstream == "free" else None
                if (upstream, mode, clients) == ("postgres", "simple", 256):
                    bar = 0.65
                cells.append(Cell(f"{upstream}/{mode}/{clients}", upstream, Load(mode=mode, clients=clients), bar=bar))
    ten_megabytes = Load(script=TEN_MEGABYTES, clients=1)
    cells += [
        Cell("free/tls/simple/16", "free", Load(clients=16), tls=True, bar=1.40),
        Cell("free/connect/8", "free", Load(clients=8, reconnect=True), kind="whole"),
        Cell("free/tls/connect/8", "free", Load(clients=8, reconnect=True), kind="whole", tls=True),
        Cell("postgres/tpc-b/16", "postgres", Load(builtin="tpcb-like", clients=16), bar=1.10),
        Cell("postgres/result-10mb/1", "postgres", ten_megabytes, kind="whole", bar=1.05),
        Cell("postgres/tls/result-10mb/1", "postgres", ten_megabytes, kind="whole", tls=True, bar=1.20),
        Cell("postgres/copy-200mb/1", "postgres", kind="copy", bar=1.0),
        Cell("memory/plain", "free", kind="idle"),
        Cell("memory/tls", "free", kind="idle", tls=True),
    ]
    return cells
