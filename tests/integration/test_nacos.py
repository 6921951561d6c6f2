"""Credentials that a Nacos keeps: nobody notices a change, and nobody notices that it is away. These run with `full`."""

import pytest

from support.nacos import VERSIONS, Nacos, available
from support.pgbench import Pgbench
from support.waiting import wait_until

REPLACE = {"replace": {"surge": 1, "window": "300ms"}}


def _started(version, **options):
    if not available(version):
        pytest.skip(f"NOT RUN: Nacos {version} is not here; ./dev setup full brings it")
    return Nacos(version, **options).start()


@pytest.fixture(scope="module", params=VERSIONS)
def nacos(request):
    server = _started(request.param)
    yield server
    server.close()


@pytest.fixture(scope="module")
def nacos_3():
    server = _started("3", token_seconds=20)
    yield server
    server.close()


@pytest.fixture
def own_nacos():
    """One to be stopped."""
    server = _started("3")
    yield server
    server.close()


@pytest.fixture
def nacos_rekey(rekey_for):
    """nacos_rekey(database, server, …): a Rekey whose credential is in the configuration named after the database."""

    def build(database, server, refresh="1m", start=True, login=None, source=None, **pool):
        name, password = login or (server.admin, server.password)
        entry = {"type": "nacos", "addresses": [server.address], "data_id": f"{database.role}.properties",
                 "timeout": "5s", "login": {"username": name, "password": {"value": password}}, **(source or {})}

        def change(configuration):
            configuration["credentials"] = [{"name": "app", "source": entry, "refresh": refresh, **REPLACE}]

        return rekey_for(database, change=change, start=start, **pool)

    return build


def spring(username, password):
    return f"spring.datasource.username={username}\nspring.datasource.password={password}\nspring.application.name=x\n"


def publish(server, database):
    server.publish(f"{database.role}.properties", spring(database.role, database.password))


def change_password(database, server, password):
    database.server.sql(f"ALTER ROLE {database.role} PASSWORD '{password}'")
    database.password = password
    publish(server, database)


def generation(rekey):
    return rekey.credential("app")["generation"]


def test_nobody_notices_five_changes_that_the_server_tells_of(database, nacos, nacos_rekey):
    database.initialise()
    publish(nacos, database)
    rekey = nacos_rekey(database, nacos, size=6)  # it is not polled in time
    first = generation(rekey)
    bench = Pgbench(rekey.target(database.name), clients=12, seconds=30, mode="extended", script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 6, what="a full pool")
    for number in range(5):
        before = database.backends()
        change_password(database, nacos, f"nacos-pw-{number}")
        wait_until(lambda: generation(rekey) == first + number + 1, 20, rekey.log)
        wait_until(lambda: rekey.credential("app")["state"] == "idle", 20, rekey.log)
        assert not before & database.backends(), "old backends are left"
    assert bench.running(), "the load ended before the last change"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert nacos.password not in rekey.log() and "nacos-pw" not in rekey.log()


def test_version_3_is_polled(database, nacos_3, nacos_rekey):
    database.initialise()
    publish(nacos_3, database)
    rekey = nacos_rekey(database, nacos_3, refresh="300ms", source={"api": "v3"})
    before = generation(rekey)
    change_password(database, nacos_3, "v3-password")
    wait_until(lambda: generation(rekey) == before + 1, 20, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0


def test_tokens_are_renewed_before_they_end(database, nacos_3, nacos_rekey):
    """They live for twenty seconds there: a read with a dead one would be refused, and the failure counted."""
    database.initialise()
    publish(nacos_3, database)
    rekey = nacos_rekey(database, nacos_3, refresh="300ms")
    count = "rekey_credential_fetch_failures_total"
    bench = Pgbench(rekey.target(database.name), clients=2, seconds=45).start()
    result = bench.finish()
    assert result.errors == 0, result.output
    assert rekey.metric(count, credential="app") == 0, rekey.log()


def test_a_reader_of_one_namespace_is_enough(database, nacos_3, nacos_rekey):
    database.initialise()
    nacos_3.publish(f"{database.role}.properties", spring(database.role, database.password), namespace="orders")
    password = nacos_3.reader(f"reader{database.role}", "orders")
    rekey = nacos_rekey(database, nacos_3, login=(f"reader{database.role}", password), source={"namespace": "orders"})
    before = generation(rekey)
    database.server.sql(f"ALTER ROLE {database.role} PASSWORD 'in-a-namespace'")
    nacos_3.publish(f"{database.role}.properties", spring(database.role, "in-a-namespace"), namespace="orders")
    wait_until(lambda: generation(rekey) == before + 1, 20, rekey.log)


def test_a_configuration_that_is_gone_changes_nothing(database, nacos_3, nacos_rekey):
    database.initialise()
    publish(nacos_3, database)
    rekey = nacos_rekey(database, nacos_3, refresh="300ms")
    before = generation(rekey)
    nacos_3.remove(f"{database.role}.properties")
    wait_until(lambda: "there is no such configuration" in rekey.credential("app")["reason"], 20, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0
    publish(nacos_3, database)
    wait_until(lambda: rekey.credential("app")["state"] == "idle", 20, rekey.log)
    assert generation(rekey) == before


def test_a_wrong_login_is_told_and_not_hammered(database, nacos_3, nacos_rekey):
    database.initialise()
    publish(nacos_3, database)
    rekey = nacos_rekey(database, nacos_3, login=(nacos_3.admin, "wrong-password"), start=False)
    rekey.start(ready=False)
    wait_until(lambda: "auth/users/login" in rekey.credential("app")["reason"], 20, rekey.log)
    assert "wrong-password" not in rekey.log()


def test_the_servers_may_be_away_also_over_a_restart(database, own_nacos, nacos_rekey):
    database.initialise()
    publish(own_nacos, database)
    rekey = nacos_rekey(database, own_nacos, refresh="300ms",
                        source={"addresses": ["http://127.0.0.1:1", own_nacos.address]})
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0, "one of two serves"
    own_nacos.stop()
    wait_until(lambda: rekey.metric("rekey_credential_fetch_failures_total", credential="app") > 0, 60, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0
    rekey.stop()
    rekey.start()
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0
    assert own_nacos.password not in rekey.log()
