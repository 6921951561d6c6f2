"""What the driver matrices share: finding and building the programs, and rotating while they run."""

import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

HERE = pathlib.Path(__file__).resolve().parent.parent / "drivers"
BUILD = HERE.parent.parent / "build" / "drivers"
SERVERS = HERE.parent.parent / "build" / "servers"
FULL = bool(os.environ.get("REKEY_FULL"))


def tool(name, *, folder):
    """A toolchain's program: the system's, or one unpacked by `./dev setup full`."""
    found = shutil.which(name) or next((str(path) for path in (SERVERS / folder).glob(f"usr/bin/{name}")), None)
    if found is None:
        pytest.skip(f"NOT RUN: {name} is not here; ./dev setup full brings it")
    return found


def call(*command, cwd=None, **environment):
    result = subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **environment}, capture_output=True,
                            text=True, stdin=subprocess.DEVNULL, check=False, timeout=900)
    assert result.returncode == 0, f"{command}: {result.stdout[-3000:]}{result.stderr[-3000:]}"


def python(program, *arguments):
    return lambda: [sys.executable, HERE / "python" / f"{program}.py", *arguments]


def c(source, name, *flags):
    """`source` is below HERE."""

    def build():
        BUILD.mkdir(parents=True, exist_ok=True)
        call("cc", "-O1", "-Wall", HERE / source, "-o", BUILD / name, *flags, "-lpthread")
        return [BUILD / name]

    return build


def go(source, name):
    def build():
        call(tool("go", folder="go"), "build", "-o", BUILD / name, ".", cwd=HERE / source, GOTOOLCHAIN="local", GOFLAGS="-mod=mod")
        return [BUILD / name]

    return build


def node(source, name):
    def build():
        work = BUILD / name
        shutil.copytree(HERE / source, work, dirs_exist_ok=True)
        call(tool("npm", folder="node"), "ci", "--no-audit", "--no-fund", cwd=work)
        return [tool("node", folder="node"), work / "main.js"]

    return build


def java(source, name, *arguments):
    def build():
        work = BUILD / name
        shutil.copytree(HERE / source, work, dirs_exist_ok=True)
        call(tool("mvn", folder="jdk"), "-q", "-B", "package", "dependency:copy-dependencies", cwd=work)
        return [tool("java", folder="jdk"), "-cp", f"{work}/target/classes:{work}/target/dependency/*", "Driver", *arguments]

    return build


def rust(source, name):
    def build():
        call(tool("cargo", folder="rust"), "build", "--locked", "--quiet", "--target-dir", BUILD / name, cwd=HERE / source)
        return [BUILD / name / "debug/driver"]

    return build


class Rotations:
    """Rotates one after another until told to stop."""

    def __init__(self, rekey):
        self._rekey = rekey
        self._stop = threading.Event()
        self.results = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            self.results.append(self._rekey.rotate("app"))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(90)
