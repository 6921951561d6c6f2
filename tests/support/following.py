"""What holds whatever store a credential is followed in."""

from .pgbench import Pgbench
from .waiting import wait_until


def generation(rekey):
    return rekey.credential("app")["generation"]


def assert_five_new_versions_pass_unnoticed(rekey, database, change_password):
    """`change_password(n)` changes it at the database and in the store, and returns the version there if it has one."""
    assert_new_versions_pass_unnoticed(rekey, database, change_password, 5, 12)


def assert_new_versions_pass_unnoticed(rekey, database, change_password, versions, seconds):
    """The same for fewer of them; the load lasts for so many seconds."""
    first, passwords = generation(rekey), []
    bench = Pgbench(rekey.target(database.name), clients=12, seconds=seconds, mode="extended", script="tpcb").start()
    wait_until(lambda: len(database.backends()) == 6, what="a full pool")
    for number in range(versions):
        before, old = database.backends(), database.password
        version = change_password(number)
        passwords.append(database.password)
        wait_until(lambda: generation(rekey) == first + number + 1, 30, rekey.log)
        wait_until(lambda: rekey.credential("app")["state"] == "idle", 30, rekey.log)
        assert rekey.credential("app")["version"].startswith(f"{version}-" if version else "")
        wait_until(lambda: not before & database.backends(), 10, "the old backends' end at the server")
        assert not database.accepts(database.role, old)
    assert bench.running(), "the load ended before the last change"
    result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    told = rekey.log() + rekey.audit_path.read_text()
    assert not any(password in told for password in passwords)


def assert_a_wrong_password_changes_nothing(rekey, database, publish):
    """`publish(password)` changes it in the store alone."""
    before, refused = generation(rekey), database.refused_logins()
    bench = Pgbench(rekey.target(database.name), clients=4, seconds=5).start()
    publish("wrong-password")
    wait_until(lambda: rekey.credential("app")["state"] == "held", 20, rekey.log)
    result = bench.finish()
    assert result.errors == 0, result.output
    assert generation(rekey) == before
    assert database.refused_logins() - refused <= 3
    assert "wrong-password" not in rekey.log() + rekey.audit_path.read_text()
    publish(database.password)
    wait_until(lambda: rekey.credential("app")["state"] == "idle", 20, rekey.log)


def assert_nobody_notices_that_the_store_is_away(rekey, database):
    """It has just gone; over a restart, too."""
    wait_until(lambda: rekey.metric("rekey_credential_fetch_failures_total", credential="app") > 0, 60, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0
    rekey.stop()
    rekey.start()
    assert Pgbench(rekey.target(database.name), clients=4, seconds=2).run().errors == 0
    wait_until(lambda: "connect" in rekey.credential("app")["reason"], 20, rekey.log)
