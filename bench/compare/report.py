"""Tables and a picture from the rows that run.py measured."""

from bench.harness.svg import grouped_bars
from bench.harness.table import circumstances, figure, markdown, median

TITLES = {"direct": "direct", "relay": "relay", "haproxy": "HAProxy TCP", "pgbouncer": "PgBouncer",
          "rekey-auto": "Rekey auto", "rekey-transaction": "Rekey transaction"}


class Rows:
    """Medians over the rounds, of values and of ratios taken within one round."""

    def __init__(self, rows: list[dict]):
        self.by_key = {(row["cell"], row["subject"], row["round"]): row for row in rows}
        self.rounds = sorted({row["round"] for row in rows})

    def values(self, cell: str, subject: str, key: str) -> list[float | None]:
        return [self.by_key.get((cell, subject, number), {}).get(key) for number in self.rounds]

    def median(self, cell: str, subject: str, key: str) -> float | None:
        return median(self.values(cell, subject, key))

    def ratio(self, cell: str, subject: str, other: str, key: str = "cpu") -> float | None:
        pairs = zip(self.values(cell, subject, key), self.values(cell, other, key))
        return median([value / base for value, base in pairs if value and base])


def compared_with(names: list[str]) -> list[str]:
    """Whose CPU everybody's is divided by."""
    return ["relay", *(["pgbouncer"] if "pgbouncer" in names else [])]


def cell_table(cell, names: list[str], rows: Rows) -> str:
    lines = []
    others = compared_with(names)
    for name in cell.subjects(names):
        get = lambda key: rows.median(cell.name, name, key)
        errors = sum(len(errors or []) for errors in rows.values(cell.name, name, "errors"))
        lines.append([TITLES[name] + (f" ({errors} errors)" if errors else ""), figure(get("tps"), 1),
                      figure(get("p50")), figure(get("p99")), figure(get("p999")), figure(get("cpu"), 1),
                      *(figure(rows.ratio(cell.name, name, other)) for other in others),
                      figure(get("syscalls"), 1), figure((get("rss") or 0) / 1024 or None, 1)])
    bar = f" (goal: ≤ {cell.bar:.2f} × relay)" if cell.bar else ""
    return f"### {cell.name}{bar}\n\n" + markdown(
        ["", "tps", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs/tx", *(f"÷ {TITLES[other]}" for other in others),
         "syscalls/tx", "RSS MiB"], lines)


def idle_table(cells, names: list[str], rows: Rows) -> str:
    lines = []
    for cell in cells:
        for name in cell.subjects(names):
            lines.append([f"{cell.name}: {TITLES[name]}", figure(rows.median(cell.name, name, "rss")),
                          figure(rows.median(cell.name, name, "cpu"), 0)])
    return "### Idle clients: 5,000, each has run a query\n\n" + markdown(
        ["", "KiB for each", "CPU µs for login and query"], lines)


def summary(cells, names: list[str], rows: Rows) -> str:
    lines = []
    pooled = [name for name in names if name.startswith("rekey") and "pgbouncer" in names]
    for cell in cells:
        row = [cell.name, figure(rows.median(cell.name, "relay", "cpu"), 1)]
        row += [figure(rows.ratio(cell.name, name, "relay")) for name in names if name not in ("direct", "relay")]
        row += [figure(rows.ratio(cell.name, name, "pgbouncer")) for name in pooled]
        lines.append([*row, f"{cell.bar:.2f}" if cell.bar else "–"])
    header = ["proxy CPU of a transaction", "relay µs"]
    header += [f"{TITLES[name]} ÷ relay" for name in names if name not in ("direct", "relay")]
    header += [f"{TITLES[name]} ÷ PgBouncer" for name in pooled]
    return markdown([*header, "goal ÷ relay"], lines)


def page(cells, measured: list[dict], versions: dict[str, str], options, drawing: str) -> str:
    """`drawing` is the name of the picture's file."""
    rows, names = Rows(measured), list(versions)
    busy = [cell for cell in cells if cell.kind != "idle"]
    idle = [cell for cell in cells if cell.kind == "idle"]
    tools = "; ".join(f"{TITLES[name]}: {text}" for name, text in versions.items() if text)
    parts = ["# Rekey beside others\n",
             f"{circumstances()}. {options.rounds} rounds of {options.seconds:g} s, subjects interleaved; medians, "
             f"ratios taken within one round. Pool of 20 backends; every proxy on one thread. {tools}.\n"]
    if busy:
        parts += [f"![CPU of a transaction]({drawing})\n", summary(busy, names, rows)]
        parts += [cell_table(cell, names, rows) for cell in busy]
    if idle:
        parts.append(idle_table(idle, names, rows))
    return "\n".join(parts)


def picture(cells, names: list[str], measured: list[dict]) -> str:
    rows = Rows(measured)
    shown = [name for name in names if name not in ("direct", "relay")]
    busy = [cell for cell in cells if cell.kind != "idle" and "connect" not in cell.name]
    groups = [(cell.name, [rows.ratio(cell.name, name, "relay") for name in shown]) for cell in busy]
    goals = {cell.name: cell.bar for cell in busy if cell.bar}
    return grouped_bars("Proxy CPU for one transaction", "as a multiple of a bare TCP relay's in the same round; "
                        "dashed: Rekey's goal; less is better", [TITLES[name] for name in shown], groups, "×", 1.0,
                        goals, limit=4.0)
