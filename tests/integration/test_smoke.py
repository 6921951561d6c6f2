"""The first path: unmodified clients through Rekey to the server."""

import subprocess

import psycopg
import pytest

from support.pgbench import Pgbench
from support.postgres import binaries

pytestmark = pytest.mark.core


def test_psql_runs_a_query(database, rekey_for):
    rekey = rekey_for(database)
    target = rekey.target(database.name)
    words = " ".join(f"{name}={value}" for name, value in target.items())
    result = subprocess.run([binaries() / "psql", "-XAtq", words, "-c", "SELECT current_user, 40 + 2"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == f"{database.role}|42", result.stderr


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
@pytest.mark.parametrize("clients", [3, 16])
def test_pgbench_with_fewer_and_more_clients_than_backends(database, rekey_for, mode, clients):
    database.initialise()
    rekey = rekey_for(database, size=4)
    result = Pgbench(rekey.target(database.name), clients=clients, seconds=2, mode=mode, script="tpcb").run()
    assert result.errors == 0, result.output
    assert result.transactions > 0
    assert 1 <= len(database.backends()) <= 4


def test_reconnecting_for_every_transaction(database, rekey_for):
    database.initialise()
    rekey = rekey_for(database, size=4)
    result = Pgbench(rekey.target(database.name), clients=8, seconds=2, extra=["-C"]).run()
    assert result.errors == 0, result.output
    assert len(database.backends()) <= 4


@pytest.mark.parametrize("strategy", ["single_user", "alternating_users"])
def test_rekeys_own_store_serves(database, rekey_for, strategy):
    rekey = rekey_for(database, strategy)
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (database.role,)


def test_several_databases_of_one_upstream_share_its_limit(database, make_database, rekey_for):
    other = make_database(database.server)
    database.server.sql(f"GRANT CONNECT ON DATABASE {other.name} TO {database.role}")
    rekey = rekey_for(database, size=2)
    for _ in range(3):
        for name in (database.name, other.name):
            with psycopg.connect(**rekey.target(name)) as connection:
                assert connection.execute("SELECT current_database()").fetchone() == (name,)
    pids = database.server.sql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{database.role}'")
    assert len(pids) <= 2


def test_a_restart_serves_again(database, rekey_for):
    rekey = rekey_for(database)
    assert rekey.stop() == 0
    rekey.start()
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
