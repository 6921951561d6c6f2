"""Markdown tables and the line that says on what machine and when."""

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

from .process import REPOSITORY


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def figure(value: float | None, digits: int = 2) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}"


def median(values) -> float | None:
    present = [value for value in values if value is not None and value == value]
    return statistics.median(present) if present else None


def circumstances() -> str:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True).stdout.strip()
    return (f"{time.strftime('%Y-%m-%d')}, commit {commit or 'unknown'}, {os.cpu_count()} cores ({model}), "
            f"Linux {platform.release()}, loopback TCP")
