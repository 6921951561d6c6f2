"""kill -9 at every step of a rotation by Rekey itself: a restart always serves, and nothing is lost."""

import signal

import pytest

from support.database import ask
from support.products import POSTGRES, PRODUCTS, STRATEGIES, cases, on
from support.waiting import wait_until

STEPS = ["staged", "altered", "tested", "promoted", "replaced", "proven"]
EVERY = [(product, strategy, step) for product in PRODUCTS for strategy in STRATEGIES[product] for step in STEPS]
# Each step with both of the others, too, and each strategy with several steps.
CORE = [("mariadb-10.11", "alternating_users", "altered"), ("mariadb-10.11", "single_user", "tested"),
        ("mariadb-10.11", "dual_password", "replaced"), ("mysql-9", "dual_password", "staged"),
        ("mysql-9", "single_user", "promoted"), ("mysql-9", "alternating_users", "proven")]
RELEASE = [("mariadb-10.11", "dual_password", "staged"), ("mariadb-10.11", "alternating_users", "promoted"),
           ("mariadb-10.11", "single_user", "proven"), ("mysql-9", "single_user", "altered"),
           ("mysql-9", "dual_password", "tested"), ("mysql-9", "alternating_users", "replaced")]


def serves(rekey, database):
    with database.connect(rekey.target(database.name)) as connection:
        return ask(connection, database.whoami)[0] in database.served_as


@cases("database,strategy,step", EVERY, [case for case in EVERY if case[0] == POSTGRES] + CORE, RELEASE)
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


@cases("database,step", [(product, step) for product in PRODUCTS for step in ("altered", "promoted")],
       [(POSTGRES, "altered"), (POSTGRES, "promoted"), ("mysql-9", "promoted")], [("mariadb-10.11", "altered")])
def test_crashing_again_and_again_still_ends_well(database, rekey_for, step):
    rekey = rekey_for(database, "single_user", start=False)
    for _ in range(3):
        rekey.start(REKEY_TEST_CRASH_AT=step)
        assert serves(rekey, database)
        # A request while the interrupted rotation is still being completed would join that.
        wait_until(lambda: rekey.credential("app")["state"] == "idle", what="the rotation before completed")
        rekey.rotate("app")
        rekey.wait_end()
    rekey.start()
    assert serves(rekey, database)


@on("mariadb-10.11")
def test_a_kill_at_any_other_moment(database, rekey_for):
    rekey = rekey_for(database, "alternating_users", rotation={"every": "1s"})
    for _ in range(4):
        wait_until(lambda: rekey.metric("rekey_rotations_total", credential="app", result="done") >= 1, 30,
                   what="a rotation")
        rekey.kill()
        rekey.start()
        assert serves(rekey, database)


@pytest.mark.core
def test_one_process_per_store(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    second = rekey.cli("run", timeout=20)
    assert second.returncode == 1, second
    assert "store" in second.stderr
    assert serves(rekey, database)


@on("mysql-9", also=["mariadb-10.11"])
def test_recover_sets_a_new_password_when_all_are_refused(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    assert serves(rekey, database)
    database.change_password("set behind our back")
    database.end_backends()
    result = rekey.rotate("app", "--recover")
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert serves(rekey, database)
    assert rekey.audit("recover")


@on("mysql-9", also=["mariadb-10.11"])
def test_recover_before_any_login_was_refused(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    assert serves(rekey, database)
    database.change_password("set behind our back")  # the pool's session goes on
    result = rekey.rotate("app", "--recover")
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert serves(rekey, database)
    assert not database.accepts(database.role, "set behind our back")
