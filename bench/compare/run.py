#!/usr/bin/env python3
"""Rekey beside a direct connection, a bare relay, HAProxy and PgBouncer: the same load, interleaved, round by round.

Absolute figures drift by half within minutes on a shared machine, so what counts are ratios within one round; the
table shows their medians. Proxy CPU is the scheduler's account of the process over the transactions of one window.
Writes bench/results/compare.md, compare.svg and compare.json; with `--protocol mysql` compare-mysql.md and so on.
"""

import argparse
import fnmatch
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.compare import report, subjects  # noqa: E402
from bench.compare.cells import all_cells, mysql_cells  # noqa: E402
from bench.harness.mysql import KINDS, Mysql  # noqa: E402
from bench.harness.postgres import Postgres  # noqa: E402
from bench.harness.rekey import CLIENT_ITERATIONS  # noqa: E402
from bench.harness.process import REPOSITORY, Daemon, Missing, end_on_signals, free_port, scratch_folder  # noqa: E402

SCALE = 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=("postgres", "mysql"), default="postgres")
    parser.add_argument("--server", choices=KINDS, default=KINDS[0], help="with --protocol mysql")
    parser.add_argument("--cells", default="*", help="comma-separated patterns: 'free/*/64,postgres/tpc-b/*'")
    parser.add_argument("--subjects", help="default: all of the protocol")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one window")
    parser.add_argument("--results", type=Path, default=REPOSITORY / "bench" / "results")
    parser.add_argument("--list", action="store_true", help="name the cells and end")
    return parser.parse_args()


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


class Stage:
    """Upstreams and subjects, each started when first needed and put away at the end."""

    def __init__(self, stack: ExitStack, folder: Path):
        self.stack, self.folder, self.upstreams, self.running = stack, folder, {}, {}

    def upstream(self, name: str) -> subjects.Upstream:
        if name not in self.upstreams:
            start = {"free": self.start_free, "postgres": self.start_postgres}.get(name)
            self.upstreams[name] = start() if start else self.start_mysql(name)
        return self.upstreams[name]

    def start_free(self) -> subjects.Upstream:
        port = free_port()
        program = subjects.build_program("bench_free_upstream")
        daemon = self.stack.enter_context(Daemon([program, port], self.folder / "free_upstream.log"))
        daemon.wait_for_port(port)
        return subjects.Upstream("free", port)

    def start_postgres(self) -> subjects.Upstream:
        server = self.stack.enter_context(Postgres(self.folder / "postgres"))
        server.create_role(subjects.USER, subjects.PASSWORD, iterations=CLIENT_ITERATIONS)
        server.fill(subjects.USER, SCALE)
        return subjects.Upstream("postgres", server.port)

    def start_mysql(self, kind: str) -> subjects.Upstream:
        server = self.stack.enter_context(Mysql(kind))
        server.create_login(subjects.USER, subjects.PASSWORD)
        server.fill(subjects.USER, subjects.PASSWORD)
        return subjects.Upstream(kind, server.port, protocol="mysql")

    def subject(self, name: str, upstream: str) -> subjects.Subject:
        key = (name, upstream)
        if key not in self.running:
            subject = subjects.make(name, self.upstream(upstream), self.folder)
            self.stack.callback(subject.stop)  # also of one that does not come up
            subject.start()
            self.running[key] = subject
        return self.running[key]


def fetch_pgbouncer() -> None:
    """Debian 12's is too old to compare with; a newer one is unpacked beside the system, once."""
    try:
        subjects.pgbouncer_program()
    except Missing:
        say("fetching a newer PgBouncer")
        destination = REPOSITORY / "build" / "servers" / "pgbouncer"
        subprocess.run([REPOSITORY / "tools" / "fetch-debs.sh", "-p", "pgbouncer", destination], check=False,
                       stdout=sys.stderr)


def available(names: list[str]) -> tuple[dict[str, str], list[str]]:
    """The versions of those that can run here, and a line for each that cannot."""
    present, missing = {}, []
    for name in names:
        try:
            if name == "pgbouncer":
                fetch_pgbouncer()
            present[name] = subjects.version(name)
        except Missing as reason:
            missing.append(f"NOT RUN: {name}: {reason}")
    return present, missing


def measure_all(options, stage: Stage, cells, names: list[str]) -> list[dict]:
    rows = []
    for round_number in range(options.rounds):
        for cell in cells:
            if cell.kind == "idle" and round_number > 0:
                continue  # memory does not drift
            taking_part = cell.subjects(names)
            turn = round_number % max(1, len(taking_part))
            for name in taking_part[turn:] + taking_part[:turn]:
                subject = stage.subject(name, cell.upstream)
                outcome = cell.run(subject, options.seconds, count_syscalls=round_number == 0)
                rows.append({"round": round_number, "cell": cell.name, "subject": name, **asdict(outcome)})
                say(f"{round_number + 1}/{options.rounds} {cell.name:28} {name:18} {outcome.tps:9.0f} tps  "
                    f"p99 {outcome.p99:8.2f} ms  cpu {outcome.cpu or 0:10.1f} µs  {'; '.join(outcome.errors[:1])}")
    return rows


def main() -> int:
    options = arguments()
    mysql = options.protocol == "mysql"
    known = mysql_cells(options.server) if mysql else all_cells()
    patterns = options.cells.split(",")
    cells = [cell for cell in known if any(fnmatch.fnmatch(cell.name, pattern) for pattern in patterns)]
    if options.list or not cells:
        print("\n".join(cell.name for cell in known))
        return 0 if options.list else 2
    end_on_signals()
    everybody = subjects.MYSQL_NAMES if mysql else subjects.NAMES
    versions, missing = available(options.subjects.split(",") if options.subjects else everybody)
    with scratch_folder() as folder, ExitStack() as stack:
        stage = Stage(stack, folder)
        rows = measure_all(options, stage, cells, list(versions))
    options.results.mkdir(parents=True, exist_ok=True)
    stem = "compare-mysql" if mysql else "compare"
    (options.results / f"{stem}.json").write_text(json.dumps({"versions": versions, "rows": rows}, indent=1) + "\n")
    page = report.page(cells, rows, versions, options, f"{stem}.svg")
    (options.results / f"{stem}.md").write_text(page)
    (options.results / f"{stem}.svg").write_text(report.picture(cells, list(versions), rows))
    print(page)
    for line in missing:
        print(line)
    return 1 if any(row["errors"] for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as reason:
        sys.exit(f"NOT RUN: {reason}")
