"""Tables and a picture from the rows that run.py measured."""

from bench.harness.load import clients_hurt
from bench.harness.svg import grouped_bars
from bench.harness.table import circumstances, figure, markdown, median

from .phases import STOLEN

PHASES = ["steady", "floor", "rotating"]


class Rows:
    """Medians over the runs; ratios taken within one run."""

    def __init__(self, rows: list[dict]):
        self.rows = [row for row in rows if row["phase"] != "hard"]
        self.hard = [row for row in rows if row["phase"] == "hard"]
        self.keys = list(dict.fromkeys((row["load"], row["mode"], row["contestant"]) for row in self.rows))
        self.runs = sorted({row["run"] for row in self.rows})

    def find(self, key, phase: str) -> list[dict]:
        return [row for row in self.rows
                if (row["load"], row["mode"], row["contestant"]) == key and row["phase"] == phase]

    def value(self, key, phase: str, name: str) -> float | None:
        return median(row["outcome"][name] for row in self.find(key, phase))

    def ratio(self, key, name: str, phase: str = "rotating", base: str = "floor") -> float | None:
        lower = {row["run"]: row["outcome"][name] for row in self.find(key, base)}
        return median(row["outcome"][name] / lower[row["run"]] for row in self.find(key, phase)
                      if lower.get(row["run"]))


def extremes(rows: list[dict]) -> str:
    low = [row["backends_min"] for row in rows if row["backends_min"] is not None]
    high = [row["backends_max"] for row in rows if row["backends_max"] is not None]
    return f"{min(low)}–{max(high)}" if low else "–"


def latency_table(rows: Rows, load: str, name: str) -> str:
    lines = []
    for key in rows.keys:
        if key[0] != load:
            continue
        steady, floor, rotating = (rows.value(key, phase, name) for phase in PHASES)
        lines.append([f"{key[2]}, {key[1]}", figure(steady), figure(floor), figure(rotating),
                      figure(rows.ratio(key, name)), figure(rows.ratio(key, name, base="steady"))])
    return markdown([f"{name.replace('p999', 'p99.9').replace('longest_gap', 'longest gap')}, ms", "steady", "floor",
                     "rotating", "rotating ÷ floor", "rotating ÷ steady"], lines)


def duty_table(rows: Rows) -> str:
    """What must hold in every run: sums and extremes, not medians."""
    lines = []
    for key in rows.keys:
        rotating = rows.find(key, "rotating")
        rotations = sum(row["rotations"] for row in rotating)
        replaced = [row["replaced"] for row in rotating if row["replaced"] is not None]
        worst_gap = max((row["outcome"]["longest_gap"] for row in rotating), default=None)
        lines.append([
            f"{key[2]}, {key[1]}, {key[0]}", str(sum(row["outcome"]["transactions"] for row in rotating)),
            str(sum(clients_hurt(row["outcome"]["errors"]) for row in rotating)), str(rotations),
            str(sum(len(row["failures"]) for row in rotating)), str(sum(replaced)) if replaced else "–",
            extremes(rotating), figure(sum(row["logins"] for row in rotating) / rotations if rotations else None, 1),
            figure(sum(row["refused"] for row in rotating) / rotations if rotations else None, 1),
            figure(worst_gap, 1), str(sum(row["old_accepted"] for row in rotating))])
    return markdown(["", "transactions", "client errors", "rotations", "failed", "backends replaced",
                     "open (min–max)", "logins a rotation", "refused a rotation", "longest gap ms",
                     "old passwords accepted"], lines)


def hard_table(rows: Rows) -> str:
    lines = []
    for name, mode in dict.fromkeys((row["contestant"], row["mode"]) for row in rows.hard):
        found = [row for row in rows.hard if (row["contestant"], row["mode"]) == (name, mode)]
        normal = [row["back_to_normal"] for row in found]
        lines.append([f"{name}, {mode}", str(len(found)),
                      "not within 5 s" if None in normal else figure(max(normal), 0),
                      str(max(clients_hurt(row["outcome"]["errors"]) for row in found)),
                      str(max(row["refused"] for row in found)),
                      figure(max(row["outcome"]["longest_gap"] for row in found), 0)])
    return markdown(["worst of the runs", "runs", "normal again, ms after publication", "clients hurt",
                     "refused logins", "longest gap ms"], lines)


def undisturbed_share(rows: Rows) -> str:
    used = sum(len(row["slice_p99s"]) for row in rows.rows)
    return f"{used:,} of {sum(row['slices'] for row in rows.rows):,} slices"


def page(measured: list[dict], options, clients: str, drawing: str) -> str:
    """`clients` says what the load is, `drawing` is the name of the picture's file."""
    rows = Rows(measured)
    loads = list(dict.fromkeys(key[0] for key in rows.keys))
    titles = {"full": "At full load", "fixed": "At a fixed rate (about 60 %), latency from the due time"}
    lengths = [options.seconds[min(run, len(options.seconds) - 1)] for run in range(len(rows.runs))]
    parts = ["# A rotation under load\n",
             f"{circumstances()}. 64 {clients}, pool of 20, a rotation every {options.every:g} s, "
             f"backends replaced within 1 s; {len(rows.runs)} runs "
             f"({', '.join(f'{s:g} s' for s in lengths)}), "
             f"in each of which the phases take turns every {options.slice:g} s; medians, ratios taken within one run. "
             f"A run's p99 is the median of its slices', of those alone during which the machine's host gave at most "
             f"{STOLEN:.0%} of its time to others, yet at least of the quieter half ({undisturbed_share(rows)}). "
             "The floor: steady state while as many logins go straight to the server, in the same rhythm.\n",
             f"![p99 in steady state, at the floor, rotating]({drawing})\n"]
    for load in loads:
        parts.append(f"## {titles[load]}\n")
        parts += [latency_table(rows, load, name) for name in ("p99", "p999", "longest_gap")]
    if rows.rows:
        parts += ["## What happened meanwhile\n", duty_table(rows)]
    if rows.hard:
        parts += ["## The hard case\n", "The server ends all old sessions 0.2 s after the change of the password; the "
                  "new one is published 1 s after it. A client inside an ended backend loses its query.\n",
                  hard_table(rows)]
    return "\n".join(parts)


def picture(measured: list[dict]) -> str:
    rows = Rows(measured)
    groups = [(f"{key[2]}, {key[1]}, {key[0]}", [rows.value(key, phase, "p99") for phase in PHASES])
              for key in sorted(rows.keys, key=lambda key: key[0])]
    ours = [value for label, row in groups if not label.startswith("pgbouncer") for value in row if value]
    return grouped_bars("p99 latency while the password changes every 2 s", "ms; 64 clients, pool of 20; floor: as "
                        "many logins straight to the server; less is better", PHASES, groups,
                        limit=max(ours, default=0) * 2 or None)
