"""kill -9 at every step of a rotation by Rekey itself: a restart always serves, and nothing is lost."""

import signal

import psycopg
import pytest

from support.waiting import wait_until

pytestmark = pytest.mark.core

STEPS = ["staged", "altered", "tested", "promoted", "replaced", "proven"]


def serves(rekey, database):
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        return connection.execute("SELECT current_user").fetchone() == (database.role,)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("strategy", ["single_user", "alternating_users"])
def test_a_crash_is_recovered_at_start(database, rekey_for, strategy, step):
    rekey = rekey_for(database, strategy, start=False)
    first = database.password
    rekey.start(REKEY_TEST_CRASH_AT=step)
    assert serves(rekey, database)
    result = rekey.rotate("app")
    assert result.returncode == 3, (result.returncode, result.stderr, rekey.log()[-2000:])
    assert rekey.wait_end() == -signal.SIGKILL

    rekey.start()
    assert serves(rekey, database)
    wait_until(lambda: rekey.credential("app")["state"] == "idle", what="completed or undone")
    assert rekey.rotate("app").returncode == 0, rekey.log()[-3000:]
    assert serves(rekey, database)
    assert not database.accepts(database.role, first)
    assert rekey.cli("audit", "verify").returncode == 0


@pytest.mark.parametrize("step", ["altered", "promoted"])
def test_crashing_again_and_again_still_ends_well(database, rekey_for, step):
    rekey = rekey_for(database, "single_user", start=False)
    for _ in range(3):
        rekey.start(REKEY_TEST_CRASH_AT=step)
        assert serves(rekey, database)
        rekey.rotate("app")
        rekey.wait_end()
    rekey.start()
    assert serves(rekey, database)


def test_a_kill_at_any_other_moment(database, rekey_for):
    rekey = rekey_for(database, "alternating_users", rotation={"every": "1s"})
    for _ in range(4):
        wait_until(lambda: rekey.metric("rekey_rotations_total", credential="app", result="done") >= 1, 30,
                   what="a rotation")
        rekey.kill()
        rekey.start()
        assert serves(rekey, database)


def test_one_process_per_store(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    second = rekey.cli("run", timeout=20)
    assert second.returncode == 1, second
    assert "store" in second.stderr
    assert serves(rekey, database)


def test_recover_sets_a_new_password_when_all_are_refused(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    assert serves(rekey, database)
    database.server.sql(f"ALTER ROLE {database.role} PASSWORD 'set behind our back'")
    database.server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{database.role}'")
    result = rekey.rotate("app", "--recover")
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert serves(rekey, database)
    assert rekey.audit("recover")
