"""Accounts that OpenBao makes for a while: they come and go under load, and none is used past its end."""

import threading

import pytest

from support.following import generation
from support.pgbench import Pgbench
from support.postgres import quote
from support.waiting import wait_until


@pytest.fixture
def leased(database, own_bao, rekey_for):
    """leased(life, longest, …): a Rekey whose accounts live so long; its database is filled for pgbench."""

    def build(life, longest, start=True, **pool):
        database.initialise()
        own_bao.use_postgres(database.server, database.role, ("rotator", "rotator-password"))
        own_bao.dynamic_role(database.role, database.role, database.role, life, longest)
        source = {"type": "vault", "address": own_bao.address, "path": f"database/creds/{database.role}", "timeout": "2s",
                  "auth": {"token": {"value": own_bao.root}}}

        def change(configuration):
            configuration["credentials"] = [{"name": "app", "role": database.role, "source": source,
                                             "replace": {"surge": 1, "window": "300ms"}}]

        rekey = rekey_for(database, change=change, start=start, **pool)
        rekey.bao = own_bao
        return rekey

    return build


class Accounts:
    """Looks again and again which accounts are there, and which sessions have none any more."""

    def __init__(self, database):
        self.most = 0
        self.orphans = set()
        self._database = database
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        members = (f"SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid "
                   f"WHERE r.rolname = {quote(self._database.role)}")
        # A session whose account was dropped has a usesysid that no role has.
        orphans = (f"SELECT pid FROM pg_stat_activity a WHERE datname = {quote(self._database.name)} "
                   f"AND usesysid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.usesysid)")
        while not self._over.wait(0.1):
            self.most = max(self.most, int(self._database.server.sql(members)[0][0]))
            self.orphans |= {row[0] for row in self._database.server.sql(orphans)}


@pytest.mark.core
def test_nobody_notices_that_accounts_come_and_go(database, leased):
    rekey = leased("8s", "14s", size=6)
    first = generation(rekey)
    with Accounts(database) as accounts:
        result = Pgbench(rekey.target(database.name), clients=12, seconds=30, mode="extended", script="tpcb").run()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert generation(rekey) >= first + 2
    assert accounts.most <= 3, "two generations, and one to come"
    assert not accounts.orphans
    assert rekey.metric("rekey_client_errors_total") in (None, 0)
    wait_until(lambda: len(rekey.bao.leases(database.role)) == 1, 20, rekey.log)
    owners = {row[0] for row in database.server.sql(
        "SELECT tableowner FROM pg_tables WHERE schemaname = 'public'", database=database.name)}
    assert owners == {database.role}
    assert rekey.cli("audit", "verify").returncode == 0


@pytest.mark.core
def test_clients_wait_while_a_store_is_away_for_longer_than_the_lease(database, leased):
    rekey = leased("6s", "60s", size=6, wait_timeout="60s")
    before = generation(rekey)
    with Accounts(database) as accounts:
        load = Pgbench(rekey.target(database.name), clients=12, seconds=20, mode="simple").start()
        wait_until(lambda: len(database.server.sql(open_sessions(database))) == 6, what="a full pool")
        rekey.bao.pause()
        try:
            wait_until(lambda: not database.server.sql(open_sessions(database)), 30, rekey.log)
            assert rekey.credential("app")["state"] == "held"
            assert generation(rekey) == before
        finally:
            rekey.bao.go_on()
        wait_until(lambda: generation(rekey) == before + 1, 40, rekey.log)
        result = load.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert not accounts.orphans
    assert [record["result"] for record in rekey.audit("replace")].count("withdrawn") == 1


def open_sessions(database):
    return (f"SELECT a.pid FROM pg_stat_activity a WHERE datname = {quote(database.name)} "
            f"AND usename LIKE 'v-%'")


def test_a_transaction_that_stays_open_ends_before_its_account(database, leased):
    rekey = leased("4s", "4s", size=2)
    with Accounts(database) as accounts, database.connect(rekey.target(database.name)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT 1")
        wait_until(lambda: connection_is_ended(connection), 20, rekey.log)
    assert not accounts.orphans


def connection_is_ended(connection):
    try:
        connection.execute("SELECT 1")
    except Exception as error:
        assert "57P01" in str(getattr(error, "sqlstate", "")) or connection.closed, error
        return True
    return False


def test_after_a_restart_what_was_left_is_revoked(database, leased):
    rekey = leased("1h", "2h", size=2)
    before = rekey.bao.leases(database.role)
    assert len(before) == 1
    rekey.kill()
    rekey.start()
    wait_until(lambda: len(rekey.bao.leases(database.role)) == 1 and rekey.bao.leases(database.role) != before, 20,
               rekey.log)
    with database.connect(rekey.target(database.name)) as connection:
        assert connection.execute("SELECT current_user").fetchone()[0] == database.role


def test_the_lease_of_before_a_restart_serves_while_the_store_is_away(database, leased):
    rekey = leased("1h", "2h", size=2)
    before = generation(rekey)
    rekey.stop()
    rekey.bao.pause()
    try:
        rekey.start()
        with database.connect(rekey.target(database.name)) as connection:
            assert connection.execute("SELECT 1").fetchone()[0] == 1
        assert generation(rekey) == before
    finally:
        rekey.bao.go_on()
    wait_until(lambda: generation(rekey) == before + 1 and len(rekey.bao.leases(database.role)) == 1, 40, rekey.log)


def test_a_rotation_that_is_asked_for_revokes_the_old_account(database, leased):
    rekey = leased("1h", "2h", size=2)
    before = rekey.bao.leases(database.role)
    load = Pgbench(rekey.target(database.name), clients=4, seconds=5).start()
    result = rekey.rotate("app")
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    after = rekey.bao.leases(database.role)
    assert len(after) == 1 and after != before
    assert rekey.credential("app")["old_refused"]
    assert load.finish().errors == 0
