"""Credentials at Alibaba Cloud's KMS: it rotates an account, or somebody writes a secret, and nobody notices."""

import datetime
import json

import pytest

from support.alibaba_kms import AlibabaKms
from support.database import ask
from support.following import (assert_a_wrong_password_changes_nothing, assert_five_new_versions_pass_unnoticed,
                               assert_nobody_notices_that_the_store_is_away, generation)
from support.pgbench import Pgbench
from support.postgres import quote
from support.products import FULL
from support.waiting import wait_until


@pytest.fixture
def kms():
    server = AlibabaKms()
    yield server
    server.close()


@pytest.fixture
def kms_rekey(store_rekey, kms):
    """kms_rekey(database, source=…, variables=…): a Rekey whose credential is KMS's secret of the role's name."""

    def build(database, source=None, variables=None, **options):
        if source is None and variables is None:
            source = {"access_key": kms.configured_key()}
        whole = {"type": "aliyun_kms", "secret": database.role, "endpoint": kms.address, "metadata": kms.address,
                 "timeout": "3s", **(source or {})}
        return store_rekey(database, whole, {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", **(variables or {})},
                           **options)

    return build


def change_role(database):
    """What KMS does at the database."""
    def change(account, password):
        database.server.sql(f"ALTER ROLE {account} PASSWORD {quote(password)}")
        if account == database.role:
            database.password = password

    return change


def managed(kms, database, *others):
    return kms.managed_secret(database.role, [database.role, *others], database.password, change_role(database))


def assert_tells_nothing(rekey, *secrets):
    told = rekey.log() + rekey.audit_path.read_text()
    for secret in secrets:
        assert secret not in told


def ways_to_ask(kms, directory):
    """What a configuration says for each way; and what it must not tell."""
    key = {"access_key": kms.configured_key()}
    secret = key["access_key"]["secret"]["value"]
    file = directory / "client-key.json"
    file.write_text(kms.client_key("client-password"))
    file.chmod(0o600)
    client_key = {"client_key": {"file": str(file), "password": {"value": "client-password"}}}
    return {"acs3": (key, secret), "rpc": ({**key, "signature": "rpc"}, secret),
            "client_key": (client_key, "client-password")}


@pytest.mark.parametrize("way", ["acs3", "rpc", "client_key"])
def test_nobody_notices_five_rotations_of_an_account(database, kms, kms_rekey, tmp_path, way):
    database.initialise()
    secret = managed(kms, database)
    source, hidden = ways_to_ask(kms, tmp_path)[way]
    rekey = kms_rekey(database, source, size=6)

    def rotate(number):
        secret.rotate(f"version-{number}")
        return f"version-{number}"

    assert_five_new_versions_pass_unnoticed(rekey, database, rotate)
    assert not kms.wrong
    assert_tells_nothing(rekey, database.password, hidden)


@pytest.mark.core
def test_nobody_notices_rotations_that_rekey_asks_for(database, kms, kms_rekey):
    database.initialise()
    managed(kms, database)
    rekey = kms_rekey(database, size=6)
    bench = Pgbench(rekey.target(database.name), clients=12, seconds=7, mode="extended", script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 6, what="a full pool")
    for _ in range(2):
        before, password = generation(rekey), database.password
        result = rekey.rotate("app")
        assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
        assert generation(rekey) == before + 1
        assert database.password != password and not database.accepts(database.role, password)
    assert bench.running(), "the load ended before the last change"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert kms.asked.count("RotateSecret") == 2 and not kms.wrong
    assert_tells_nothing(rekey, database.password)


def test_nobody_notices_accounts_that_take_turns(database, kms, kms_rekey):
    database.initialise()
    other = f"{database.role}_b"
    database.server.make_role(other, "never-used")
    database.server.sql(f"GRANT {database.role} TO {other}")
    secret = managed(kms, database, other)
    rekey = kms_rekey(database, credential={"role": database.role}, size=6)
    bench = Pgbench(rekey.target(database.name), clients=12, seconds=12, mode="extended", script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 6, what="a full pool")
    for number in range(5):
        before, refused = generation(rekey), database.refused_logins()
        secret.rotate(f"version-{number}")
        wait_until(lambda: generation(rekey) == before + 1, 30, rekey.log)
        wait_until(lambda: rekey.credential("app")["state"] == "idle", 30, rekey.log)
        user = database.server.value(f"SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = '{database.name}' "
                                     "AND application_name <> 'watcher'")
        assert user == (other if number % 2 == 0 else database.role)
        with database.connect(rekey.target(database.name)) as connection:
            assert ask(connection, "SELECT current_user") == (database.role,)
        assert database.refused_logins() == refused, "the other account serves until all have left it"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]


def test_a_wrong_password_changes_nothing(database, kms, kms_rekey):
    database.initialise()
    secret = kms.generic_secret(database.role, database.role, database.password)
    rekey = kms_rekey(database)
    assert_a_wrong_password_changes_nothing(
        rekey, database, lambda password: secret.put(json.dumps({"username": database.role, "password": password})))


def test_the_version_before_serves_while_the_database_lags_behind(database, kms, kms_rekey):
    database.initialise()
    secret = kms.generic_secret(database.role, database.role, database.password)
    before = secret.find("ACSCurrent")[0]
    after = secret.put(json.dumps({"username": database.role, "password": "comes-later"}))
    rekey = kms_rekey(database, size=4)
    assert rekey.credential("app")["version"].startswith(f"{before}-")
    bench = Pgbench(rekey.target(database.name), clients=8, seconds=6, script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 4, what="a full pool")
    database.change_password("comes-later")
    result = rekey.rotate("app")  # which here says: look again
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert rekey.credential("app")["version"].startswith(f"{after}-")
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]


def test_an_instances_role_asks_with_keys_that_end_all_the_time(database, kms, kms_rekey):
    database.initialise()
    secret = managed(kms, database)
    kms.session_life = 5
    rekey = kms_rekey(database, variables={"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false"})
    before = generation(rekey)
    wait_until(lambda: len(kms.sessions) >= 20, 60, rekey.log)  # 20 × 300 ms: the first have ended
    secret.rotate("version-1")
    wait_until(lambda: generation(rekey) == before + 1, 30, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=1).run().errors == 0
    assert not kms.wrong
    assert_tells_nothing(rekey, *(token for token, _ in kms.sessions.values()))


def test_keys_of_the_environment_ask(database, kms, kms_rekey):
    database.initialise()
    managed(kms, database)
    keys = kms.session()
    kms_rekey(database, variables={"ALIBABA_CLOUD_ACCESS_KEY_ID": keys["AccessKeyId"],
                                   "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys["AccessKeySecret"],
                                   "ALIBABA_CLOUD_SECURITY_TOKEN": keys["SecurityToken"]})
    assert kms.asked and not kms.wrong


FAULTS = ["Rejected.Throttling", "hang", "InternalFailure", "half", "html", "close"]


@pytest.mark.parametrize("fault", FAULTS if FULL else FAULTS[:2])
def test_what_goes_wrong_at_the_store_is_noticed_by_nobody(database, kms, kms_rekey, fault):
    database.initialise()
    secret = managed(kms, database)
    rekey = kms_rekey(database, size=4)
    before = generation(rekey)
    bench = Pgbench(rekey.target(database.name), clients=8, seconds=10, script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 4, what="a full pool")
    kms.inject(fault, 2 if fault == "hang" else 4)
    secret.rotate("version-1")
    wait_until(lambda: generation(rekey) == before + 1, 60, rekey.log)
    assert kms.injected() == 0
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert_tells_nothing(rekey, database.password)


def test_the_store_may_be_away_also_over_a_restart(database, kms, kms_rekey):
    database.initialise()
    managed(kms, database)
    rekey = kms_rekey(database)
    kms.close()
    assert_nobody_notices_that_the_store_is_away(rekey, database)


def test_what_is_refused_is_named_with_what_to_do(database, kms, kms_rekey):
    managed(kms, database)
    rekey = kms_rekey(database)

    def says(text):
        wait_until(lambda: text in rekey.credential("app")["reason"], 20, rekey.log)

    kms.denied.add("GetSecretValue")
    says("Forbidden.NoPermission: the identity lacks the permission")
    kms.denied.clear()
    kms.clock_offset = datetime.timedelta(minutes=20)
    says("the clocks differ by more than a quarter of an hour")
    kms.clock_offset = datetime.timedelta(0)
    for name in kms.keys:
        kms.keys[name] = "another-secret"
    says("the access key's secret is wrong")
    kms.keys.clear()
    says("the access key is not known")
    assert_tells_nothing(rekey, "another-secret", database.password)
