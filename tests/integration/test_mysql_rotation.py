"""MySQL and MariaDB: each strategy and the `file` source under sysbench; kill -9 at every step of a rotation."""

import itertools
import os
import signal
import subprocess
import time

import pytest

from support.mysql_server import KINDS
from support.sysbench import Sysbench, initialise
from support.waiting import wait_until

SIZE = 6
FULL = bool(os.environ.get("REKEY_FULL"))
STRATEGIES = ["file", "single_user", "alternating_users", "dual_password"]
STEPS = ["staged", "altered", "tested", "promoted", "replaced", "proven"]
LOADS = {"read_write": ("oltp_read_write", True), "point_select": ("oltp_point_select", True),
         "point_select_text": ("oltp_point_select", False)}  # script, prepared

# Each strategy, load and step once; `full` runs all of them together, with every server.
CORE_ROTATIONS = [("mariadb-10.11", "file", "read_write"), ("mariadb-10.11", "single_user", "point_select_text"),
                  ("mysql-9", "alternating_users", "read_write"), ("mysql-9", "dual_password", "point_select")]
CORE_CRASHES = [("mariadb-10.11", "alternating_users", "altered"), ("mariadb-10.11", "single_user", "tested"),
                ("mariadb-10.11", "dual_password", "replaced"), ("mysql-9", "dual_password", "staged"),
                ("mysql-9", "single_user", "promoted"), ("mysql-9", "alternating_users", "proven")]


def chosen(core, *everything):
    """What a test is run with: (kind, …), named by its words."""
    return [pytest.param(*words, id="-".join(words), marks=[pytest.mark.core] if words in core else [])
            for words in (itertools.product(KINDS, *everything) if FULL else core)]


def rotate(database, rekey, strategy, number):
    if strategy == "file":
        database.password = f"file-{number}"
        how = "VIA mysql_native_password USING PASSWORD('{}')" if database.server.mariadb else "BY '{}'"
        database.server.sql(f"ALTER USER '{database.role}'@'%' IDENTIFIED {how.format(database.password)}")
        rekey.secret_json("app.json", database.role, database.password)
    result = rekey.rotate("app")
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]


def serves(rekey, database):
    command = ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={rekey.port}", "--user=app",
               f"--password={rekey.password}", database.name, "--execute=SELECT 1"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return True


@pytest.mark.parametrize("my_server, strategy, load", chosen(CORE_ROTATIONS, STRATEGIES, LOADS), indirect=["my_server"])
def test_nobody_notices_a_rotation(my_database, my_rekey, strategy, load):
    initialise(my_database.target(), 2, 1000)
    rekey = my_rekey(my_database, strategy)
    first, refused = my_database.password, my_database.server.refused_logins(my_database.role)
    script, prepared = LOADS[load]
    bench = Sysbench(rekey.target(my_database.name), script=script, prepared=prepared, clients=3 * SIZE,
                     seconds=8 if FULL else 4, tables=2, rows=1000).start()
    wait_until(lambda: len(my_database.backends()) == SIZE, what=lambda: f"a full pool: {bench.output()[-2000:]}")
    for number in range(3):
        if number and not bench.running():
            break  # a slow machine: what is shown must be shown under load
        before, shown = my_database.backends(), bench.running()
        rotate(my_database, rekey, strategy, number)
        assert not before & my_database.backends(), "old backends are left"
    assert shown, "the load ended before the last rotation began"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert my_database.server.refused_logins(my_database.role) - refused <= 3 * (number + 1)
    assert not my_database.accepts(first)


@pytest.mark.parametrize("my_server, strategy, step", chosen(CORE_CRASHES, STRATEGIES[1:], STEPS),
                         indirect=["my_server"])
def test_a_crash_is_recovered_at_start(my_database, my_rekey, strategy, step):
    rekey = my_rekey(my_database, strategy, start=False)
    first = my_database.password
    rekey.start(REKEY_TEST_CRASH_AT=step)
    assert serves(rekey, my_database)
    result = rekey.rotate("app")
    assert result.returncode == 3, (result.returncode, result.stderr, rekey.log()[-2000:])
    assert rekey.wait_end() == -signal.SIGKILL

    rekey.start()
    assert serves(rekey, my_database)
    wait_until(lambda: rekey.credential("app")["state"] == "idle", what="completed or undone")
    assert rekey.rotate("app").returncode == 0, rekey.log()[-3000:]
    assert serves(rekey, my_database)
    assert not my_database.accepts(first)
    assert rekey.cli("audit", "verify").returncode == 0


def test_a_wrong_password_of_the_source_is_never_used(my_database, my_rekey):
    rekey = my_rekey(my_database, "file")
    refused = my_database.server.refused_logins(my_database.role)
    rekey.secret_json("app.json", my_database.role, "wrong")
    assert rekey.rotate("app").returncode != 0
    assert serves(rekey, my_database)
    assert my_database.server.refused_logins(my_database.role) - refused <= 3


def test_clients_wait_while_the_server_restarts(my_servers, make_my_database, my_rekey):
    server = my_servers("mariadb-10.11", tls=False)
    database = make_my_database(server)
    rekey = my_rekey(database, "dual_password", tls="disable")
    assert serves(rekey, database)
    server.stop(signal.SIGKILL)
    began = time.monotonic()
    server.start()
    assert serves(rekey, database), f"after {time.monotonic() - began:.1f} s"
    assert rekey.rotate("app").returncode == 0, rekey.log()[-3000:]
