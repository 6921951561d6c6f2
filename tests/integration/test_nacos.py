"""Credentials that a Nacos keeps, also encrypted by KMS: nobody notices a change, nor that it is away. With `full`."""

import pytest

from support.alibaba_kms import AlibabaKms
from support.following import (assert_a_wrong_password_changes_nothing, assert_five_new_versions_pass_unnoticed,
                               assert_nobody_notices_that_the_store_is_away, generation)
from support.mse_cipher import sealed
from support.nacos import VERSIONS, Nacos, available
from support.pgbench import Pgbench
from support.waiting import wait_until


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
def nacos_rekey(store_rekey):
    """nacos_rekey(database, server, …): a Rekey whose credential is in the configuration named after the database."""

    def build(database, server, refresh="1m", login=None, source=None, **options):
        name, password = login or (server.admin, server.password)
        entry = {"type": "nacos", "addresses": [server.address], "data_id": f"{database.role}.properties",
                 "timeout": "5s", "login": {"username": name, "password": {"value": password}}, **(source or {})}
        return store_rekey(database, entry, refresh=refresh, **options)

    return build


def spring(username, password):
    return f"spring.datasource.username={username}\nspring.datasource.password={password}\nspring.application.name=x\n"


def publish(server, database):
    server.publish(f"{database.role}.properties", spring(database.role, database.password))


def change_password(database, server, password):
    database.change_password(password)
    publish(server, database)


def test_nobody_notices_five_changes_that_the_server_tells_of(database, nacos, nacos_rekey):
    database.initialise()
    publish(nacos, database)
    rekey = nacos_rekey(database, nacos, size=6)  # it is not polled in time
    assert_five_new_versions_pass_unnoticed(
        rekey, database, lambda number: change_password(database, nacos, f"nacos-pw-{number}"))
    assert nacos.password not in rekey.log()


@pytest.fixture
def kms():
    server = AlibabaKms()
    yield server
    server.close()


def encrypted(database, kms):
    """What of the source is different for a configuration that KMS has encrypted."""
    return {"data_id": f"cipher-kms-aes-256-{database.role}.properties",
            "kms": {"endpoint": kms.address, "access_key": kms.configured_key()}}


def publish_encrypted(server, database, kms, password):
    content, key = sealed(kms, spring(database.role, password))
    server.publish(f"cipher-kms-aes-256-{database.role}.properties", content, data_key=key)


def test_nobody_notices_five_changes_that_kms_has_encrypted(database, nacos, kms, nacos_rekey):
    database.initialise()
    publish_encrypted(nacos, database, kms, database.password)
    rekey = nacos_rekey(database, nacos, size=6, source=encrypted(database, kms))

    def change(number):
        database.change_password(f"sealed-pw-{number}")
        publish_encrypted(nacos, database, kms, database.password)

    assert_five_new_versions_pass_unnoticed(rekey, database, change)
    assert kms.asked.count("Decrypt") >= 6 and not kms.wrong


def test_an_encrypted_configuration_with_a_wrong_password_changes_nothing(database, nacos, kms, nacos_rekey):
    database.initialise()
    publish_encrypted(nacos, database, kms, database.password)
    rekey = nacos_rekey(database, nacos, source=encrypted(database, kms))
    assert_a_wrong_password_changes_nothing(
        rekey, database, lambda password: publish_encrypted(nacos, database, kms, password))


def test_what_kms_cannot_decrypt_changes_nothing(database, nacos_3, kms, nacos_rekey):
    database.initialise()
    publish_encrypted(nacos_3, database, kms, database.password)
    rekey = nacos_rekey(database, nacos_3, refresh="300ms", source=encrypted(database, kms))
    before = generation(rekey)

    def assert_told_and_harmless(reason):
        wait_until(lambda: reason in rekey.credential("app")["reason"], 20, rekey.log)
        assert Pgbench(rekey.target(database.name), clients=4, seconds=1).run().errors == 0
        assert generation(rekey) == before

    content, _ = sealed(kms, spring(database.role, database.password))
    _, other_key = sealed(kms, "")
    nacos_3.publish(f"cipher-kms-aes-256-{database.role}.properties", content, data_key=other_key)
    assert_told_and_harmless("another data key, or damaged")
    kms.denied.add("Decrypt")
    assert_told_and_harmless("Forbidden.NoPermission")
    kms.denied.clear()
    publish_encrypted(nacos_3, database, kms, database.password)
    wait_until(lambda: not rekey.credential("app")["reason"], 20, rekey.log)
    assert generation(rekey) == before


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
    database.change_password("in-a-namespace")
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
    assert_nobody_notices_that_the_store_is_away(rekey, database)
    assert own_nacos.password not in rekey.log()
