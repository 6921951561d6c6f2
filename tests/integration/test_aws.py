"""Credentials at AWS: a secret that somebody else rotates, and logins by tokens; nobody notices either."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.aws_metadata import AwsMetadata
from support.following import (assert_a_wrong_password_changes_nothing, assert_five_new_versions_pass_unnoticed,
                               assert_nobody_notices_that_the_store_is_away, generation)
from support.moto import REGION, Moto, packages
from support.pgbench import Pgbench
from support.rds_mysql import TokenGate
from support.rds_tokens import TokenDirectory
from support.waiting import wait_until

READ = "secretsmanager:GetSecretValue"
ROTATE = "secretsmanager:RotateSecret"


def started_moto():
    if packages() is None:
        pytest.skip("NOT RUN: moto is not here; REKEY_MOTO names the folder with it")
    return Moto().start()


@pytest.fixture(scope="module")
def moto():
    server = started_moto()
    server.reader = server.user("reader", READ)
    yield server
    server.close()


@pytest.fixture
def own_moto():
    """One to be stopped."""
    server = started_moto()
    server.reader = server.user("reader", READ)
    yield server
    server.close()


@pytest.fixture
def aws_rekey(store_rekey):
    """aws_rekey(database, source, variables, …): store_rekey in the region."""
    return lambda database, source, variables, **options: store_rekey(
        database, source, {"AWS_REGION": REGION, **variables}, **options)


def secret_source(server, database):
    return {"type": "aws_secrets_manager", "secret": database.role, "endpoint": server.address, "timeout": "5s"}


def keys(pair):
    return {"AWS_ACCESS_KEY_ID": pair[0], "AWS_SECRET_ACCESS_KEY": pair[1], "AWS_EC2_METADATA_DISABLED": "true"}


def assert_tells_nothing(rekey, *secrets):
    told = rekey.log() + rekey.audit_path.read_text()
    for secret in secrets:
        assert secret not in told


def test_nobody_notices_five_new_versions_of_a_secret(database, moto, aws_rekey):
    database.initialise()
    moto.create_secret(database.role, database.role, database.password)
    rekey = aws_rekey(database, secret_source(moto, database), keys(moto.reader), size=6)

    def change_password(number):
        database.change_password(f"aws-{number}")
        return moto.put_secret(database.role, database.role, database.password)

    assert_five_new_versions_pass_unnoticed(rekey, database, change_password)
    assert_tells_nothing(rekey, "aws-4", moto.reader[1])


def test_a_wrong_password_changes_nothing(database, moto, aws_rekey):
    database.initialise()
    moto.create_secret(database.role, database.role, database.password)
    rekey = aws_rekey(database, secret_source(moto, database), keys(moto.reader))
    assert_a_wrong_password_changes_nothing(
        rekey, database, lambda password: moto.put_secret(database.role, database.role, password))


def test_the_pending_version_serves_between_the_change_at_the_database_and_its_end_in_the_store(database, moto,
                                                                                                aws_rekey):
    database.initialise()
    moto.create_secret(database.role, database.role, database.password)
    # Backends that live for half a second log in all the time: somebody is refused at once.
    rekey = aws_rekey(database, secret_source(moto, database), keys(moto.reader), size=4, max_lifetime="500ms")
    bench = Pgbench(rekey.target(database.name), clients=8, seconds=12, script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 4, what="a full pool")
    for number in range(2):
        before, refused = generation(rekey), database.refused_logins()
        version = moto.put_secret(database.role, database.role, f"pending-{number}", "AWSPENDING")
        database.change_password(f"pending-{number}")
        wait_until(lambda: generation(rekey) == before + 1, 30, rekey.log)
        assert rekey.credential("app")["version"].startswith(f"{version}-")
        assert database.refused_logins() - refused <= 3
        wait_until(lambda: "is not over" in rekey.credential("app")["reason"], 30, rekey.log)
        assert rekey.credential("app")["state"] == "idle", "all is well as far as Rekey is concerned"
        moto.make_current(database.role, version)
        wait_until(lambda: not rekey.credential("app")["reason"], 30, rekey.log)
        assert generation(rekey) == before + 1, "it is the same version"
    assert bench.running(), "the load ended before the last change"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]


def test_a_rotation_at_the_store_is_begun_here_and_followed_to_its_end(database, moto, aws_rekey):
    database.initialise()
    current = moto.create_secret(database.role, database.role, database.password)
    rotator = moto.user(f"rotator-{database.role}", [READ, ROTATE])
    rekey = aws_rekey(database, secret_source(moto, database), keys(rotator), size=4)
    bench = Pgbench(rekey.target(database.name), clients=8, seconds=12, script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 4, what="a full pool")
    before = generation(rekey)
    with ThreadPoolExecutor(1) as asking:
        answer = asking.submit(rekey.rotate, "app")
        version = wait_until(lambda: moto.begun_rotation(database.role, current), 20, rekey.log)
        wait_until(lambda: rekey.credential("app")["reason"] == "the store is rotating", 20, rekey.log)
        moto.put_secret(database.role, database.role, "asked-for", "AWSPENDING", version)
        database.change_password("asked-for")
        assert not answer.done(), "it is not over"
        moto.make_current(database.role, version)
        result = answer.result()
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert generation(rekey) == before + 1
    assert rekey.credential("app")["version"].startswith(f"{version}-")
    assert bench.running(), "the load ended before the rotation"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert_tells_nothing(rekey, "asked-for", rotator[1])


def test_a_rotation_that_the_store_does_not_begin_changes_nothing(database, moto, aws_rekey):
    moto.create_secret(database.role, database.role, database.password)
    rekey = aws_rekey(database, secret_source(moto, database), keys(moto.reader))
    before = generation(rekey)
    result = rekey.rotate("app")
    assert result.returncode != 0 and "lacks the permission" in result.stderr
    assert generation(rekey) == before
    wait_until(lambda: rekey.credential("app")["state"] == "idle", 20, rekey.log)


def test_the_store_may_be_away_also_over_a_restart(database, own_moto, aws_rekey):
    database.initialise()
    own_moto.create_secret(database.role, database.role, database.password)
    rekey = aws_rekey(database, secret_source(own_moto, database), keys(own_moto.reader))
    own_moto.stop()
    assert_nobody_notices_that_the_store_is_away(rekey, database)


def test_a_secret_that_may_not_be_read_is_named_with_what_to_do(database, moto, aws_rekey):
    moto.create_secret(database.role, database.role, database.password)
    rekey = aws_rekey(database, secret_source(moto, database), keys(moto.reader))
    stranger = moto.user(f"stranger-{database.role}", "s3:GetObject")
    rekey.stop()
    rekey.environment.update(keys(stranger))
    rekey.start()
    wait_until(lambda: "lacks the permission" in rekey.credential("app")["reason"], 20, rekey.log)
    rekey.stop()
    rekey.environment.update(keys((moto.reader[0], "not-the-secret-key")))
    rekey.start()
    wait_until(lambda: "secret access key is wrong" in rekey.credential("app")["reason"], 20, rekey.log)
    assert_tells_nothing(rekey, "not-the-secret-key", stranger[1])


@pytest.mark.parametrize("place", ["as_instance", "as_container"])
def test_the_role_of_an_instance_or_a_container_reads_the_secret(database, moto, aws_rekey, place):
    database.initialise()
    moto.create_secret(database.role, database.role, database.password)
    role = moto.role_keys(f"role-{database.role}", READ)
    metadata = AwsMetadata(role, region=REGION)
    try:
        rekey = aws_rekey(database, secret_source(moto, database), getattr(metadata, place)())
        assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0
        assert metadata.handed_out == 1 and not metadata.wrong
        assert_tells_nothing(rekey, role["SecretAccessKey"], role["SessionToken"], metadata.authorization)
    finally:
        metadata.close()


@pytest.fixture
def token_database(make_server, make_database):
    """A database that takes nothing but tokens: `database.directory` checks them."""
    server = make_server()
    database = make_database(server).initialise()
    directory = TokenDirectory({"AKIDTEST": "the-secret-key", "AKIDNEXT": "the-next-key"}, REGION)
    directory.host = f"127.0.0.1:{server.port}"
    server.write_hba(directory.hba())
    server.reload()
    database.directory = directory
    yield database
    directory.close()


@pytest.mark.core
def test_every_login_is_made_with_a_token_that_nobody_keeps(token_database, aws_rekey):
    database, directory = token_database, token_database.directory
    source = {"type": "rds_iam", "user": database.role}
    session = {"AWS_SESSION_TOKEN": "s" * 1500}  # as long as a role's are
    rekey = aws_rekey(database, source, {**keys(("AKIDTEST", "the-secret-key")), **session}, tls="require", size=6,
                      max_lifetime="500ms")
    first = generation(rekey)
    result = Pgbench(rekey.target(database.name), clients=12, seconds=3, script="tpcb").run()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert directory.accepted > 6 and not directory.reasons
    assert len(directory.tokens) == 1, "one is shown again while it is young"
    assert len(directory.tokens.copy().pop()) > 1500
    assert generation(rekey) == first, "a token is no rotation"
    assert_tells_nothing(rekey, "X-Amz-Signature", "the-secret-key")
    rekey.stop()
    rekey.start()
    assert Pgbench(rekey.target(database.name), clients=4, seconds=1).run().errors == 0


@pytest.fixture
def token_gate(my_servers, make_my_database, authority):
    """A MariaDB that takes nothing but tokens at `gate.host`; `gate.directory` checks them."""
    database = make_my_database(my_servers("mariadb-10.11", tls=False)).initialise()
    directory = TokenDirectory({"AKIDTEST": "the-secret-key"}, REGION)
    gate = TokenGate(database, directory, authority)
    directory.host = gate.host
    gate.directory, gate.database = directory, database
    yield gate
    gate.close()
    directory.close()


def test_logins_at_mysql_send_the_token_in_clear_text_under_tls(token_gate, aws_rekey):
    database, directory = token_gate.database, token_gate.directory
    session = {"AWS_SESSION_TOKEN": "s" * 1500}  # as long as a role's are
    rekey = aws_rekey(database, {"type": "rds_iam", "user": database.role},
                      {**keys(("AKIDTEST", "the-secret-key")), **session}, tls="require", hosts=[token_gate.host],
                      size=4, max_lifetime="500ms")
    result = database.load(rekey.target(database.name), clients=8, seconds=3).finish()
    assert result.errors == 0 and result.transactions > 0, result.output + rekey.log()[-3000:]
    assert directory.accepted > 4 and not directory.reasons
    assert len(directory.tokens) == 1, "one is shown again while it is young"
    assert_tells_nothing(rekey, "X-Amz-Signature", "the-secret-key")


def test_other_keys_sign_without_a_backend_being_replaced(token_database, aws_rekey, tmp_path):
    database, directory = token_database, token_database.directory
    shared = tmp_path / "credentials"

    def write(key, secret):
        fresh = tmp_path / "new"
        fresh.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
        fresh.replace(shared)

    write("AKIDTEST", "the-secret-key")
    rekey = aws_rekey(database, {"type": "rds_iam", "user": database.role},
                      {"AWS_SHARED_CREDENTIALS_FILE": str(shared), "AWS_EC2_METADATA_DISABLED": "true"}, tls="require",
                      size=4, min=4)
    bench = Pgbench(rekey.target(database.name), clients=8, seconds=6).start()
    before = wait_until(lambda: len(database.backends()) == 4 and database.backends(), what="a full pool")
    write("AKIDNEXT", "the-next-key")
    # Refused keys change nothing for what is logged in; a backend that ends is followed by one with the new keys.
    directory.keys.pop("AKIDTEST")
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert database.backends() == before, "nothing was to be replaced"
    database.end_backends()
    wait_until(lambda: len(database.backends() - before) == 4, 20, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=1).run().errors == 0
    assert any("AKIDNEXT" in token for token in directory.tokens)
