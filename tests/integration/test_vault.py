"""Credentials that OpenBao keeps or rotates: nobody notices a change, and nobody notices that it is away."""

import pytest

from support.following import (assert_a_wrong_password_changes_nothing, assert_five_new_versions_pass_unnoticed,
                               assert_nobody_notices_that_the_store_is_away, generation)
from support.pgbench import Pgbench
from support.waiting import wait_until


@pytest.fixture
def vault_rekey(store_rekey):
    """vault_rekey(database, bao, path, …): a Rekey whose credential comes from there."""

    def build(database, server, path, auth=None, **options):
        source = {"type": "vault", "address": server.address, "path": path, "timeout": "5s",
                  "auth": auth or {"token": {"value": server.root}}}
        return store_rekey(database, source, **options)

    return build


def change_password(database, bao, password):
    database.server.sql(f"ALTER ROLE {database.role} PASSWORD '{password}'")
    database.password = password
    return bao.put_secret(database.role, database.role, password)


@pytest.mark.core
def test_nobody_notices_five_new_versions_of_a_secret(database, bao, vault_rekey):
    database.initialise()
    bao.put_secret(database.role, database.role, database.password)
    rekey = vault_rekey(database, bao, f"secret/data/{database.role}", size=6)
    assert_five_new_versions_pass_unnoticed(rekey, database,
                                            lambda number: change_password(database, bao, f"kv-{number}"))


def test_a_wrong_password_changes_nothing(database, bao, vault_rekey):
    database.initialise()
    bao.put_secret(database.role, database.role, database.password)
    rekey = vault_rekey(database, bao, f"secret/data/{database.role}")
    assert_a_wrong_password_changes_nothing(
        rekey, database, lambda password: bao.put_secret(database.role, database.role, password))


@pytest.mark.core
def test_nobody_notices_that_the_store_rotates_a_static_role(database, bao, vault_rekey):
    database.initialise()
    bao.use_postgres(database.server, database.role, ("rotator", "rotator-password"))
    bao.static_role(database.role, database.role, database.role)
    policy = f'''path "database/static-creds/{database.role}" {{ capabilities = ["read"] }}
                 path "database/rotate-role/{database.role}" {{ capabilities = ["update"] }}'''
    role_id, secret_id = bao.approle(database.role, policy)
    rekey = vault_rekey(database, bao, f"database/static-creds/{database.role}", size=6,
                        auth={"method": "approle", "role_id": role_id, "secret_id": {"value": secret_id}})
    bench = Pgbench(rekey.target(database.name), clients=12, seconds=10, mode="extended", script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 6, what="a full pool")
    for _ in range(3):  # asked for here
        before = generation(rekey)
        result = rekey.rotate("app")
        assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
        assert generation(rekey) == before + 1
    before = generation(rekey)
    bao.ask("POST", f"database/rotate-role/{database.role}")  # and by somebody else
    wait_until(lambda: generation(rekey) == before + 1, 30, rekey.log)
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert secret_id not in rekey.log() and rekey.cli("audit", "verify").returncode == 0


def test_the_store_may_be_away_also_over_a_restart(database, own_bao, vault_rekey):
    database.initialise()
    own_bao.put_secret(database.role, database.role, database.password)
    rekey = vault_rekey(database, own_bao, f"secret/data/{database.role}")
    own_bao.stop()
    assert_nobody_notices_that_the_store_is_away(rekey, database)
    assert own_bao.root not in rekey.log()
