"""Real drivers on their defaults, through Rekey in `auto`, while the password is rotated. See README.md here."""

import os
import subprocess

import pytest

from support.drivers import FULL, Rotations, c, go, java, node, python, rust
from support.pgbench import Pgbench
from support.postgres import binaries
from support.watching import BackendSampler

SIZE = 4
WITH_COPY = ["connect", "prepared", "transaction", "copy", "cancel"]
WITHOUT_COPY = [feature for feature in WITH_COPY if feature != "copy"]

# How it is built, what it can, whether only `full` has its toolchain.
DRIVERS = {
    "psycopg2": (python("driver_psycopg2"), WITH_COPY, False),
    "psycopg3": (python("driver_psycopg3"), WITH_COPY, False),
    "asyncpg": (python("driver_asyncpg"), WITH_COPY, False),
    "libpq": (c("libpq/driver.c", "libpq", "-I/usr/include/postgresql", "-lpq"), WITH_COPY, False),
    "pgx": (go("pgx", "pgx"), WITH_COPY, True),
    "node-postgres": (node("node", "node"), WITHOUT_COPY, True),
    "pgjdbc": (java("pgjdbc", "pgjdbc"), WITH_COPY, True),
    "tokio-postgres": (rust("tokio", "tokio"), WITH_COPY, True),
}
CHOSEN = [name for name, (_, _, heavy) in DRIVERS.items() if FULL or not heavy]


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
