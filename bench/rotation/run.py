#!/usr/bin/env python3
"""What a rotation costs the clients: 64 pgbench (or sysbench) clients, a pool of 20, a new password every 2 s.

For each query mode, at full load and at a fixed rate of about 60 % of it, in interleaved runs: steady state; the same
while rotating; and the floor, that is steady state while as many logins go straight to the server as the rotations made
(opening connections costs the server, whoever does it). Then the hard case: old sessions ended 0.2 s after the change,
the new password published after 1 s. Writes bench/results/rotation.md, rotation.svg and rotation.json; with
`--protocol mysql` rotation-mysql.md and so on.
"""

import argparse
import json
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.compare.run import fetch_pgbouncer, say  # noqa: E402
from bench.harness.load import Load  # noqa: E402
from bench.harness.postgres import Postgres  # noqa: E402
from bench.harness.process import REPOSITORY, Missing, end_on_signals, scratch_folder  # noqa: E402
from bench.harness.rekey import CLIENT_ITERATIONS  # noqa: E402
from bench.harness.watch import ServerLog, Session  # noqa: E402
from bench.harness.sysbench import MODES  # noqa: E402
from bench.rotation import mysql, report  # noqa: E402
from bench.rotation.contestants import ALL, MYSQL, POOL_SIZE, ROTATOR_PASSWORD  # noqa: E402
from bench.rotation.phases import FLOOR_PASSWORD, FLOOR_ROLE, SETTLE, Stage, run_hard_case, run_phases  # noqa: E402

CLIENTS = 64
# One thread of pgbench: of two, each has a schedule of its own at a fixed rate, and the one that the kernel treats
# worse decides the p99.
THREADS = 1
SHARED_MEMORY_PAGES = 200  # of 2 MiB
# One after the other, so that what drifts hits what is compared alike; steady state is shown, not judged by.
ORDERS = (("rotating", "floor", "floor", "rotating", "steady", "rotating", "floor", "floor", "rotating"),
          ("floor", "rotating", "rotating", "floor", "steady", "floor", "rotating", "rotating", "floor"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=("postgres", "mysql"), default="postgres")
    parser.add_argument("--server", choices=mysql.KINDS, default=mysql.KINDS[0], help="with --protocol mysql")
    parser.add_argument("--contestants", help="default: all of the protocol")
    parser.add_argument("--modes", help=f"default: simple,extended,prepared; with mysql {','.join(MODES)}")
    parser.add_argument("--loads", default="full,fixed")
    parser.add_argument("--rate", type=float, help="of the fixed load; default: 60 %% of the first run's full load")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0],
                        help="of each run; the last one holds for all further runs")
    parser.add_argument("--slice", type=float, default=2.0, help="seconds after which the phases take turns")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between rotations")
    parser.add_argument("--hard-runs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=REPOSITORY / "bench" / "results")
    return parser.parse_args()


@contextmanager
def huge_pages():
    """The server's shared memory in huge pages, as hosted servers have it, where this account may ask for them: a new
    backend would otherwise take a page fault for every page of it, long after its login."""
    setting = Path("/proc/sys/vm/nr_hugepages")
    before = setting.read_text()
    try:
        setting.write_text(str(max(int(before), SHARED_MEMORY_PAGES)))
    except OSError:
        say("no huge pages: not the superuser")
    try:
        yield
    finally:
        with suppress(OSError):
            setting.write_text(before)


def start_stage(stack: ExitStack, folder: Path, every: float) -> Stage:
    stack.enter_context(huge_pages())
    server = stack.enter_context(Postgres(folder / "postgres", {"log_connections": "on"}))
    server.sql("CREATE ROLE bench_owner")
    server.fill("bench_owner", 10)
    server.create_role("rotator", ROTATOR_PASSWORD, "CREATEROLE")
    # The floor's clients shall cost the machine as little as Rekey's own logins do: no 4,096 rounds.
    server.create_role(FLOOR_ROLE, FLOOR_PASSWORD, iterations=CLIENT_ITERATIONS)
    session = stack.enter_context(Session(server))
    return Stage(server, session, ServerLog(server.folder / "postgres.log"), every)


@dataclass
class Side:
    """What differs between the protocols."""

    contestants: dict
    modes: list[str]
    start_stage: Callable
    clients: str  # what the load is, in the words of the results
    stem: str     # of the results' names


def side_of(options) -> Side:
    if options.protocol == "mysql":
        return Side(MYSQL, list(MODES), partial(mysql.start_stage, kind=options.server),
                    f"sysbench clients (point select and read-write) on {options.server}", "rotation-mysql")
    return Side(ALL, ["simple", "extended", "prepared"], start_stage, "pgbench clients (select-only)", "rotation")


def load_of(mode: str, rate: float | None = None) -> Load:
    return Load(mode=mode, clients=CLIENTS, threads=THREADS, rate=rate)


class Measurement:
    """Rows of results, and what later phases need of earlier ones."""

    def __init__(self, options, stage: Stage, contestants: list):
        self.options, self.stage, self.contestants, self.rows = options, stage, contestants, []
        self.logins = {contestant.name: POOL_SIZE for contestant in contestants}  # of one rotation

    def add(self, run: int, contestant, mode: str, load: str, result) -> None:
        self.rows.append({"run": run, "contestant": contestant.name, "mode": mode, "load": load, **asdict(result)})
        outcome = result.outcome
        said = (f"{run + 1} {contestant.name:24} {mode:14} {load:6} {result.phase:9} {outcome['tps']:7.0f} tps  p99 "
                f"{outcome['p99']:7.2f}  p99.9 {outcome['p999']:7.2f}  gap {outcome['longest_gap']:6.1f} ms  backends "
                f"{result.backends_min}-{result.backends_max}  logins {result.logins}  refused {result.refused}  "
                f"undisturbed {len(result.slice_p99s)}/{result.slices}")
        if result.rotations:
            said += f"  rotations {result.rotations}  replaced {result.replaced}"
        say(said + "".join(f"\n    {line}" for line in (outcome["errors"] + result.failures)[:3]))

    def phases(self, run: int, contestant, mode: str, name: str, load: Load) -> None:
        seconds = self.options.seconds[min(run, len(self.options.seconds) - 1)]
        turns = max(1, int(seconds / (len(ORDERS[0]) * (self.options.slice + SETTLE))))
        slices = [phase for turn in range(turns) for phase in ORDERS[(run + turn) % len(ORDERS)]]
        results = run_phases(self.stage, contestant, load, slices, self.options.slice, self.logins[contestant.name])
        rotating = results["rotating"]
        if rotating.rotations:
            self.logins[contestant.name] = max(1, round(rotating.logins / rotating.rotations))
            rotating.old_accepted = contestant.still_accepted()
        for result in results.values():
            self.add(run, contestant, mode, name, result)

    def fixed_rate(self, mode: str) -> float:
        """60 % of what the slowest contestant does at full load, the same for all."""
        if self.options.rate:
            return self.options.rate
        full = [row["outcome"]["tps"] for row in self.rows if row["mode"] == mode and row["load"] == "full"
                and row["phase"] == "steady"]
        if not full:
            full = [run_phases(self.stage, contestant, load_of(mode), ["steady"], 3, 0)["steady"].outcome["tps"]
                    for contestant in self.contestants]
        return float(f"{0.6 * min(full):.2g}")

    def all_phases(self) -> None:
        rates = {}
        for run in range(self.options.runs):
            for mode in self.options.modes.split(","):
                for contestant in self.contestants:
                    if "full" in self.options.loads.split(","):
                        self.phases(run, contestant, mode, "full", load_of(mode))
                if "fixed" not in self.options.loads.split(","):
                    continue
                rates.setdefault(mode, self.fixed_rate(mode))
                for contestant in self.contestants:
                    self.phases(run, contestant, mode, "fixed", load_of(mode, rates[mode]))

    def hard_cases(self) -> None:
        for run in range(self.options.hard_runs):
            for mode in self.options.modes.split(","):
                for contestant in self.contestants:
                    if contestant.followed:
                        result = run_hard_case(self.stage, contestant, load_of(mode))
                        self.add(run, contestant, mode, "hard", result)


def main() -> int:
    options = arguments()
    end_on_signals()
    side = side_of(options)
    options.contestants = options.contestants or ",".join(side.contestants)
    options.modes = options.modes or ",".join(side.modes)
    missing = []
    if "pgbouncer" in options.contestants:
        fetch_pgbouncer()
    with scratch_folder() as folder, ExitStack() as stack:
        stage = side.start_stage(stack, folder, options.every)
        contestants = []
        for name in options.contestants.split(","):
            contestant = side.contestants[name](stage.server, stage.session, folder)
            stack.callback(contestant.stop)  # also of one that does not come up
            try:
                contestant.start()
                contestants.append(contestant)
            except Missing as reason:
                missing.append(f"NOT RUN: {name}: {reason}")
        measurement = Measurement(options, stage, contestants)
        options.results.mkdir(parents=True, exist_ok=True)
        try:
            measurement.all_phases()
            measurement.hard_cases()
        except KeyboardInterrupt:
            missing.append("NOT RUN: the rest, interrupted")
    rows = measurement.rows
    (options.results / f"{side.stem}.json").write_text(json.dumps(rows, indent=1) + "\n")
    page = report.page(rows, options, side.clients, f"{side.stem}.svg")
    (options.results / f"{side.stem}.md").write_text(page)
    (options.results / f"{side.stem}.svg").write_text(report.picture(rows))
    print(page)
    print("\n".join(missing))
    hurt = any(row["outcome"]["errors"] or row["failures"] for row in rows
               if row["phase"] != "hard" and row["contestant"].startswith("rekey"))
    return 1 if hurt or not rows else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as reason:
        sys.exit(f"NOT RUN: {reason}")
