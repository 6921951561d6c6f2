"""Checks what the compiler cannot: the direction of includes, and the sizes that the house rules set.

protocol <- nothing; config -> protocol/common; rotation -> config, protocol; proxy -> all three. protocol/ is free of
I/O, threads, clocks and logging; rotation/ names no database product outside rotation/strategies/.
Prints one line per finding and exits 1 if there is any. With --includes only directions are judged, not sizes.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = {
    "protocol": ("protocol/",),
    "config": ("config/", "protocol/common/", "protocol/auth/"),
    "rotation": ("rotation/", "config/", "protocol/"),
    "proxy": ("proxy/", "rotation/", "config/", "protocol/"),
}
FOREIGN_TO_PROTOCOL = re.compile(r"<(boost/|spdlog|yaml-cpp|thread>|mutex>|chrono>|atomic>|condition_variable>|libpq)")
PRODUCT = re.compile(r"\b(postgres|postgresql|mysql|mariadb|pgbouncer)", re.IGNORECASE)
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<][^">]+[">])')
COMMENT = re.compile(r"//.*$")
MAX_LINES = 400


def sizes_of(path):
    """Yields (line, what) for what is too long; generated tables may be."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > MAX_LINES and not path.stem.endswith("_tables"):
        yield 1, f"{len(lines)} lines; {MAX_LINES} are the limit"
    for number, line in enumerate(lines, 1):
        if len(line) > 120:
            yield number, "longer than 120 columns"


def directions_of(path):
    """Yields (line, what) for each include or name that points the wrong way."""
    relative = path.relative_to(ROOT).as_posix()
    layer = relative.split("/")[0]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            name = include.group(1)
            if name.startswith('"') and not name[1:].startswith(LAYERS[layer]):
                yield number, f"{layer}/ may not include {name}"
            if layer == "protocol" and FOREIGN_TO_PROTOCOL.match(name):
                yield number, f"protocol/ may not include {name}"
        elif layer == "rotation" and "/strategies/" not in relative and PRODUCT.search(COMMENT.sub("", line)):
            if "Protocol::" not in line:
                yield number, "a product's name outside rotation/strategies/"


def main():
    found = 0
    checks = [directions_of] if "--includes" in sys.argv[1:] else [directions_of, sizes_of]
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.[ch]pp")):
            for number, what in (finding for check in checks for finding in check(path)):
                print(f"{path.relative_to(ROOT)}:{number}: {what}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
