"""Real drivers on their defaults, through Rekey in `auto`, while the password is rotated. See README.md here."""

import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

from support.pgbench import Pgbench
from support.postgres import binaries
from support.watching import BackendSampler

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "drivers"
SERVERS = HERE.parent.parent / "build" / "servers"
FULL = bool(os.environ.get("REKEY_FULL"))
SIZE = 4
WITH_COPY = ["connect", "prepared", "transaction", "copy", "cancel"]
WITHOUT_COPY = [feature for feature in WITH_COPY if feature != "copy"]


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


def python(name):
    return lambda: [sys.executable, HERE / "python" / f"driver_{name}.py"]


def libpq():
    BUILD.mkdir(parents=True, exist_ok=True)
    call("cc", "-O1", "-Wall", "-I/usr/include/postgresql", HERE / "libpq/driver.c", "-o", BUILD / "libpq", "-lpq", "-lpthread")
    return [BUILD / "libpq"]


def pgx():
    call(tool("go", folder="go"), "build", "-o", BUILD / "pgx", ".", cwd=HERE / "pgx", GOTOOLCHAIN="local", GOFLAGS="-mod=mod")
    return [BUILD / "pgx"]


def node():
    work = BUILD / "node"
    shutil.copytree(HERE / "node", work, dirs_exist_ok=True)
    call(tool("npm", folder="node"), "ci", "--no-audit", "--no-fund", cwd=work)
    return [tool("node", folder="node"), work / "main.js"]


def pgjdbc():
    work = BUILD / "pgjdbc"
    shutil.copytree(HERE / "pgjdbc", work, dirs_exist_ok=True)
    call(tool("mvn", folder="jdk"), "-q", "-B", "package", "dependency:copy-dependencies", cwd=work)
    return [tool("java", folder="jdk"), "-cp", f"{work}/target/classes:{work}/target/dependency/*", "Driver"]


def tokio():
    call(tool("cargo", folder="rust"), "build", "--locked", "--quiet", "--target-dir", BUILD / "tokio", cwd=HERE / "tokio")
    return [BUILD / "tokio/debug/driver"]


DRIVERS = {
    "psycopg2": (python("psycopg2"), WITH_COPY, False),
    "psycopg3": (python("psycopg3"), WITH_COPY, False),
    "asyncpg": (python("asyncpg"), WITH_COPY, False),
    "libpq": (libpq, WITH_COPY, False),
    "pgx": (pgx, WITH_COPY, True),
    "node-postgres": (node, WITHOUT_COPY, True),
    "pgjdbc": (pgjdbc, WITH_COPY, True),
    "tokio-postgres": (tokio, WITH_COPY, True),
}
CHOSEN = [name for name, (_, _, heavy) in DRIVERS.items() if FULL or not heavy]


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


def environment(rekey, database, tls):
    return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(rekey.port), "PGUSER": "app", "PGPASSWORD": rekey.password,
            "PGDATABASE": database.name, "PGSSLMODE": "require" if tls else "disable", "DRIVER_SESSIONS": str(3 * SIZE),
            "DRIVER_SECONDS": "8" if FULL else "3"}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("name", CHOSEN)
def test_a_driver_on_its_defaults(database, rekey_for, name, tls):
    prepare, features, _ = DRIVERS[name]
    command = prepare()
    strategy = "single_user" if tls else "alternating_users"
    rekey = rekey_for(database, strategy, credential={"replace": {"surge": 1, "window": "300ms"}}, size=SIZE)
    with BackendSampler(database.server, database.name) as sampler, Rotations(rekey) as rotations:
        result = subprocess.run([str(word) for word in command], env=environment(rekey, database, tls), capture_output=True,
                                text=True, stdin=subprocess.DEVNULL, check=False, timeout=120)
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    expected = [f"ok {feature}" for feature in features] + [f"ok sessions {3 * SIZE}"]
    assert result.stdout.split("\n")[:-1] == expected
    assert max(sampler.counts) <= SIZE + 1, sampler.counts
    assert rotations.results and all(rotation.returncode == 0 for rotation in rotations.results), [
        rotation.stderr for rotation in rotations.results]


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_over_tls(database, rekey_for, mode):
    database.initialise()
    rekey = rekey_for(database, "single_user", credential={"replace": {"surge": 1, "window": "300ms"}}, size=SIZE)
    with Rotations(rekey) as rotations:
        result = Pgbench(rekey.target(database.name, sslmode="require"), clients=3 * SIZE, seconds=3, mode=mode,
                         script="tpcb").run()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert all(rotation.returncode == 0 for rotation in rotations.results)


@pytest.mark.parametrize("tls", ["disable", "require"])
def test_psql_with_a_script(database, rekey_for, tls):
    rekey = rekey_for(database, size=SIZE)
    script = ("\\set ON_ERROR_STOP on\nCREATE TABLE p (n int);\n\\copy p FROM PROGRAM 'seq 1000'\nBEGIN;\n"
              "DELETE FROM p WHERE n > 500;\nROLLBACK;\nSELECT count(*) AS c FROM p \\gset\n\\echo :c\n\\d p\n"
              + ("SELECT $1::int \\bind 5 \\g\n" if binaries(18) else "SELECT 5;\n"))
    words = " ".join(f"{name}={value}" for name, value in {**rekey.target(database.name), "sslmode": tls}.items())
    psql = (binaries(18) or binaries()) / "psql"
    result = subprocess.run([psql, "-XAtq", words], input=script, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith("5")
