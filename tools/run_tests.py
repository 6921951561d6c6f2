"""Runs the unit test programs, ctest (simulation, fuzz replays) and pytest, and ends with one summary.

The last line is always "N passed, N failed" (", N skipped" may follow): the sum of all runners. Before it stand one
line for each failure and one NOT RUN line for each thing that could not be had; `full` fails on those, too. Nothing is
skipped in silence: a skip without a NOT RUN text is listed as well.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Which pytest paths and marks a suite stands for; None: no pytest.
PYTEST = {
    "unit": None,
    "sim": None,
    "integration": ["tests/integration"],
    "drivers": ["tests/drivers"],
    "core": ["tests/integration", "-m", "core"],
    "all": ["tests/integration", "tests/drivers"],
    "full": ["tests/integration", "tests/drivers"],
}
# The unit tests are run as whole programs: one process for each case, as ctest would, costs minutes under a sanitizer.
UNIT = ("unit", "core", "all", "full")
CTEST = {"sim": "^sim", "core": "^(sim|replay)", "all": "^(sim|replay)", "full": "^(sim|replay)"}


@dataclass
class Outcome:
    """What one runner came to."""

    name: str
    seconds: float = 0.0
    passed: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)  # (test, reason)


def sanitizer_environment():
    """Reports must fail a run and say where; an option that is set already wins."""
    environment = dict(os.environ)
    for name, value in {
        "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1:check_initialization_order=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "second_deadlock_stack=1:exitcode=66",
    }.items():
        environment.setdefault(name, value)
    return environment


def read_junit(path, outcome):
    """Adds the cases of a JUnit file (GoogleTest's, ctest's or pytest's dialect)."""
    for case in xml.parse(path).getroot().iter("testcase"):
        name = case.get("name", "?")
        if case.get("classname") and case.get("classname") != name:
            name = f"{case.get('classname')}::{name}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            outcome.failures.append(name)
        elif skipped is not None or "skipped" == case.get("result") or case.get("status") in ("notrun", "disabled"):
            outcome.skips.append((name, skipped.get("message", "") if skipped is not None else ""))
        else:
            outcome.passed += 1


def run(name, command, junit, environment, quiet=False):
    """Runs one runner; a non-zero end that its report does not explain counts as one failure. A quiet one's output is
    shown only if it failed."""
    outcome = Outcome(name)
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    print(f"== {name}", flush=True)
    began = time.monotonic()
    output = subprocess.PIPE if quiet else None
    ended = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                           stderr=subprocess.STDOUT if quiet else None, text=True, errors="replace", check=False)
    status = ended.returncode
    outcome.seconds = time.monotonic() - began
    if quiet and status != 0:
        print(ended.stdout[-20000:], flush=True)
    if junit.exists():
        read_junit(junit, outcome)
    if status != 0 and not outcome.failures:
        outcome.failures.append(f"{name} ended with {status}")
    if status == 0 and outcome.passed == 0 and not outcome.skips:
        outcome.failures.append(f"{name} found no test")
    return outcome


def unit(preset, environment):
    """Every unit test program, two at a time."""
    folder = ROOT / "build" / preset / "tests"
    programs = sorted(path for path in folder.glob("unit_*") if path.is_file() and os.access(path, os.X_OK))
    if not programs:
        return [Outcome(f"unit ({preset})", failures=[f"no unit test program in {folder}"])]

    def one(program):
        junit = folder / f"{program.name}.xml"
        return run(f"{program.name} ({preset})", [str(program), f"--gtest_output=xml:{junit}", "--gtest_brief=1"], junit,
                   environment, quiet=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as threads:
        return list(threads.map(one, programs))


def ctest(suite, preset, environment):
    build = ROOT / "build" / preset
    junit = build / "ctest.xml"
    command = ["ctest", "--test-dir", str(build), "-j", str(os.cpu_count() or 2), "--timeout", "300", "--quiet",
               "--output-on-failure", "--output-junit", str(junit), "-R", CTEST[suite]]
    return run(f"ctest ({preset})", command, junit, environment)


def pytest(suite, preset, arguments, environment):
    junit = ROOT / "build" / preset / "pytest.xml"
    environment = {**environment, "REKEY_BINARY": environment.get("REKEY_BINARY", str(ROOT / "build" / preset / "rekey"))}
    if suite == "full":
        environment["REKEY_FULL"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-rN", "--tb=short", f"--junitxml={junit}", *PYTEST[suite], *arguments]
    return run(f"pytest ({preset})", command, junit, environment)


def summarise(outcomes, fail_on_not_run):
    """Prints the closing lines; tells whether all is well."""
    passed = sum(outcome.passed for outcome in outcomes)
    failures = [name for outcome in outcomes for name in outcome.failures]
    skips = [skip for outcome in outcomes for skip in outcome.skips]
    print("\n== summary")
    for outcome in outcomes:
        print(f"{outcome.name}: {outcome.passed} passed, {len(outcome.failures)} failed, {len(outcome.skips)} not run "
              f"in {outcome.seconds:.0f} s")
    for name in failures:
        print(f"FAILED {name}")
    for name, reason in skips:
        print(f"NOT RUN {name}: {reason.removeprefix('NOT RUN: ') or 'no reason given'}")
    if skips and fail_on_not_run:
        print("NOT RUN counts as a failure here")
    line = f"{passed} passed, {len(failures)} failed"
    print(f"{line}, {len(skips)} skipped" if skips else line, flush=True)
    return not failures and not (skips and fail_on_not_run)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", choices=sorted(PYTEST), default="all")
    parser.add_argument("--preset", default="release")
    parser.add_argument("pytest_arguments", nargs="*")
    options = parser.parse_args()
    environment = sanitizer_environment()
    outcomes = unit(options.preset, environment) if options.suite in UNIT else []
    if options.suite in CTEST:
        outcomes.append(ctest(options.suite, options.preset, environment))
    if PYTEST[options.suite]:
        outcomes.append(pytest(options.suite, options.preset, options.pytest_arguments, environment))
    return 0 if summarise(outcomes, fail_on_not_run=options.suite == "full") else 1


if __name__ == "__main__":
    sys.exit(main())
