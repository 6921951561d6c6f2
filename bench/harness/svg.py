"""Grouped horizontal bars as a self-contained SVG, readable on light and dark pages."""

from html import escape

COLOURS = ["#9aa5b1", "#c98b2b", "#2f6f9f", "#1b998b", "#b0413e", "#6a4c93"]
INK, FAINT, PAPER = "#24292f", "#d0d7de", "#ffffff"
LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH, BAR, GAP = 230, 520, 70, 11, 10


def nice_step(top: float) -> float:
    """A step of 1, 2 or 5 × 10ⁿ that divides an axis into 4 to 10 parts."""
    step = 1e-3
    while True:
        for factor in (1, 2, 5):
            if top / (step * factor) <= 8:
                return step * factor
        step *= 10


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 11, weight: str = "normal") -> str:
    # The halo keeps a number readable where it crosses a line.
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
            f'fill="{INK}" stroke="{PAPER}" stroke-width="3" paint-order="stroke">{escape(words)}</text>')


def legend(series: list[str], y: float) -> list[str]:
    parts, x = [], 16.0
    for name, colour in zip(series, COLOURS):
        parts.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" fill="{colour}"/>')
        parts.append(text(x + 15, y, name))
        x += 30 + 6.6 * len(name)
    return parts


def grouped_bars(title: str, subtitle: str, series: list[str], groups: list[tuple[str, list[float | None]]],
                 unit: str = "", reference: float | None = None, bars: dict[str, float] | None = None,
                 limit: float | None = None) -> str:
    """One group for each label, one bar for each of `series`; `bars` marks a goal in the group of that label.

    Values beyond `limit` are cut off there and keep their number.
    """
    values = [value for _, row in groups for value in row if value is not None]
    top = min(max([*values, reference or 0, *(bars or {}).values()], default=1) * 1.05, limit or float("inf")) or 1.0
    scale = PLOT_WIDTH / top
    begin, y = 84.0, 84.0
    body: list[str] = []
    for label, row in groups:
        height = len(row) * BAR
        body.append(text(LABEL_WIDTH - 8, y + height / 2 + 4, label, "end"))
        for index, value in enumerate(row):
            at = y + index * BAR
            if value is None:
                body.append(text(LABEL_WIDTH + 4, at + 9, "–", size=9))
                continue
            width = min(value, top) * scale
            body.append(f'<rect x="{LABEL_WIDTH}" y="{at:.1f}" width="{width:.1f}" height="{BAR - 1.5}" '
                        f'fill="{COLOURS[index % len(COLOURS)]}"/>')
            body.append(text(LABEL_WIDTH + width + 4, at + 9, f"{value:.2f}" if value < 10 else f"{value:.1f}", size=9))
        goal = (bars or {}).get(label)
        if goal is not None:
            x = LABEL_WIDTH + goal * scale
            body.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3:.1f}" y2="{y + height + 2:.1f}" '
                        f'stroke="{INK}" stroke-width="1.5" stroke-dasharray="3 2"/>')
        y += height + GAP
    axis: list[str] = []
    step, tick = nice_step(top), 0.0
    while tick <= top:
        x = LABEL_WIDTH + tick * scale
        strong = reference is not None and abs(tick - reference) < step / 100
        axis.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{begin - 6}" y2="{y:.1f}" '
                    f'stroke="{INK if strong else FAINT}" stroke-width="1"/>')
        axis.append(text(x, begin - 10, f"{tick:g}{unit}", "middle", 10))
        tick += step
    width = LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 10:.0f}" '
        f'viewBox="0 0 {width} {y + 10:.0f}" font-family="system-ui, sans-serif">',
        f'<rect width="100%" height="100%" fill="{PAPER}"/>', text(16, 22, title, size=15, weight="600"),
        text(16, 39, subtitle, size=11), *legend(series, 58), *axis, *body, "</svg>", ""])
