"""One run of pgbench or sysbench through a contestant: in steady state, at the floor, rotating, or in the hard case."""

import bisect
import statistics
import subprocess
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.compare.subjects import build_program
from bench.harness.load import Load, login_allowance, summarize
from bench.harness.postgres import DATABASE
from bench.harness.watch import AdminSession, BackendSampler, ServerLog

from .contestants import ROTATOR, Contestant

FLOOR_ROLE, FLOOR_PASSWORD = "floor", "floor-password"
SETTLE = 0.3  # s before a slice, for what the one before it left behind
STOLEN = 0.04  # of the machine's time, given to its neighbours: from there on a slice says more about them
LATE = 0.1    # s that the last rotation of a slice may begin late, for a scheduler's hiccup


@dataclass
class Stage:
    """What all phases need. `server` is a harness.postgres.Postgres or a harness.mysql.Mysql."""

    server: object
    session: AdminSession
    log: ServerLog
    every: float          # s between rotations
    window: float = 1.0   # s over which the floor's logins are spread, as Rekey's `window` does


@dataclass
class Result:
    phase: str
    outcome: dict = field(default_factory=dict)
    slices: int = 0
    slice_p99s: list[float] = field(default_factory=list)  # ms; of the slices that the p99 is the median of
    rotations: int = 0
    failures: list[str] = field(default_factory=list)  # of rotations
    replaced: int | None = None
    backends_min: int | None = None
    backends_max: int | None = None
    logins: int = 0
    refused: int = 0
    old_accepted: int = 0
    back_to_normal: float | None = None  # hard case: ms from the publication


class Rotations(threading.Thread):
    """Starts one every `every` seconds, on the beat however long each takes."""

    def __init__(self, contestant: Contestant, every: float, until: float):
        super().__init__(daemon=True)
        self.contestant, self.every, self.until = contestant, every, until
        self.done, self.failures = 0, []

    def run(self) -> None:
        beat = time.monotonic()
        while time.time() + self.every <= self.until + LATE:
            try:
                failure = self.contestant.rotate()
            except (OSError, RuntimeError) as error:
                failure = str(error)
            self.done += 1
            if failure:
                self.failures.append(failure)
            beat += self.every
            time.sleep(max(0.0, beat - time.monotonic()))


@dataclass
class Slice:
    begin: float
    end: float
    stolen: float  # share of the machine's time that its host gave to others meanwhile

    @property
    def window(self) -> tuple[float, float]:
        return self.begin, self.end


def stolen_and_all() -> tuple[int, int]:
    """Ticks of all cores since the machine started (proc(5), /proc/stat)."""
    ticks = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def undisturbed(slices: list[Slice]) -> list[Slice]:
    """Those that the neighbours of a shared machine left alone; at least the quieter half, in each phase alike."""
    quiet = sorted(slices, key=lambda one: one.stolen)
    return [one for rank, one in enumerate(quiet) if one.stolen <= STOLEN or rank < (len(quiet) + 1) // 2]


class FloorLogins:
    """As many logins straight to the server as rotations make, in the same rhythm, while the `with` block runs."""

    def __init__(self, stage: Stage, logins_per_rotation: int):
        target = stage.server.target(stage.server.port, FLOOR_ROLE, FLOOR_PASSWORD, DATABASE)
        self.command = [build_program(stage.server.logins_program), target.conninfo, str(logins_per_rotation),
                        f"{stage.window * 1e3:.0f}", f"{stage.every * 1e3:.0f}"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)


def run_phases(stage: Stage, contestant: Contestant, load: Load, slices: list[str], seconds: float,
               logins_per_rotation: int) -> dict[str, Result]:
    """One load, during which phases take turns slice by slice, `seconds` each: what drifts on a shared machine
    drifts for all of them alike. In all of them the backends are sampled: it costs a little."""
    results = {phase: Result(phase) for phase in slices}
    taken: dict[str, list[Slice]] = {phase: [] for phase in slices}
    run = contestant.target().run(load, len(slices) * (seconds + 2 * SETTLE) + login_allowance(load.clients) + 1)
    run.wait_for_first_transactions()
    for phase in slices:
        time.sleep(SETTLE)
        taken[phase].append(_slice(stage, contestant, seconds, results[phase], logins_per_rotation))
    in_time = run.process.poll() is None
    rows, errors = run.finish()
    if not in_time and not errors:
        errors = ["the load ended before the last slice did"]
    for phase, result in results.items():
        outcome = summarize(rows, *(one.window for one in taken[phase]))
        # Each slice holds one whole rotation, so their median tells what a rotation costs.
        result.slices = len(taken[phase])
        result.slice_p99s = [round(summarize(rows, one.window).p99, 2) for one in undisturbed(taken[phase])]
        outcome.p99 = statistics.median(result.slice_p99s)
        # The load does not say when an error came: all are held against the phase that is judged by them.
        outcome.errors = errors if phase == "rotating" or "rotating" not in results else []
        result.outcome = asdict(outcome)
    return results


def _slice(stage: Stage, contestant: Contestant, seconds: float, result: Result, logins: int) -> Slice:
    rotating = result.phase == "rotating"
    with FloorLogins(stage, logins) if result.phase == "floor" else nullcontext():
        if result.phase == "floor":
            time.sleep(SETTLE)  # its first round was opened at once
        stage.log.counts()
        replaced = contestant.replaced() if rotating else None
        begin, before = time.time(), stolen_and_all()
        with BackendSampler(stage.session, contestant.roles) as sampler:
            if rotating:
                rotations = Rotations(contestant, stage.every, begin + seconds)
                rotations.start()
                rotations.join()
                result.rotations += rotations.done
                result.failures += rotations.failures
            time.sleep(max(0.0, begin + seconds - time.time()))
        end, after = time.time(), stolen_and_all()
        # Those that verify, administer and prove are logins of the rotation, too.
        counts = stage.log.counts((*contestant.roles, ROTATOR) if rotating else ())
    if replaced is not None:
        result.replaced = (result.replaced or 0) + int(contestant.replaced() - replaced)
    low, high = sampler.extremes(begin, end)
    result.backends_min = min((n for n in (result.backends_min, low) if n is not None), default=None)
    result.backends_max = max((n for n in (result.backends_max, high) if n is not None), default=None)
    result.logins += counts["logins"] + counts["refused"]
    result.refused += counts["refused"]
    return Slice(begin, end, (after[0] - before[0]) / max(1, after[1] - before[1]))


def run_hard_case(stage: Stage, contestant: Contestant, load: Load) -> Result:
    """The password changes; 0.2 s later the server ends the old sessions; 1 s after the change it is published.

    Clients inside an ended backend lose their query, and pgbench gives such a client up (sysbench does not). All others
    must be served again within a second of the publication.
    """
    result = Result("hard", rotations=1)
    run = contestant.target().run(load, 7)
    run.wait_for_first_transactions()
    time.sleep(1.0)
    stage.log.counts()
    begin = time.time()
    fresh = contestant.change()
    time.sleep(0.2)
    stage.session.end_backends(contestant.roles)
    time.sleep(max(0.0, begin + 1.0 - time.time()))
    contestant.publish(fresh)
    published = time.time()
    rows, errors = run.finish()
    counts = stage.log.counts(tuple(contestant.roles))
    before = [row for row in rows if row[0] < begin]
    steady = len(before) / max(0.1, begin - before[0][0]) if before else 0.0
    result.back_to_normal = _normal_again(rows, published, steady)
    outcome = summarize(rows, (begin, max(published + 1, rows[-1][0]) if rows else published + 1))
    outcome.errors = errors
    result.outcome = asdict(outcome)
    result.logins, result.refused = counts["logins"], counts["refused"]
    return result


def _normal_again(rows, published: float, steady: float) -> float | None:
    """ms from the publication to the first 100 ms that carry half of the steady transactions; None: never."""
    ends = [when for when, _ in rows if when >= published]
    for index, begin in enumerate(ends):
        if bisect.bisect_left(ends, begin + 0.1) - index >= 0.05 * steady:
            return (begin - published) * 1e3
    return None
