"""What goes wrong around Rekey: sources, servers, rights. The last good credential serves, the reason is told, and it
recovers by itself."""

import concurrent.futures
import contextlib
import json
import signal

import pytest

from support.database import ask
from support.following import generation
from support.load import QueryLoad
from support.products import on
from support.waiting import wait_until


def query(rekey, database):
    with database.connect(rekey.target(database.name)) as connection:
        return ask(connection, "SELECT 1")[0]


def reason(rekey):
    return rekey.credential("app").get("reason") or ""


@on("mariadb-10.11", also=["mysql-9"])
def test_a_wrong_new_password_is_never_used(database, rekey_for):
    rekey = rekey_for(database, size=3)
    with QueryLoad(database, rekey.target(database.name), 5, pause=0.005) as load:
        wait_until(lambda: load.everyone_since(0), what="everyone at work")
        refused = database.refused_logins()
        rekey.publish(database.role, "not the password")
        wait_until(lambda: database.refused in reason(rekey) or "refused" in reason(rekey),
                   what=lambda: f"why: {rekey.status()}")
        result = rekey.rotate("app")
        assert result.returncode == 1 and result.stderr.strip()
        assert generation(rekey) == 1 and database.refused in rekey.log()
        assert database.refused_logins() - refused <= 3
        database.change_password("the next one")
        rekey.publish(database.role, "the next one")
        wait_until(lambda: generation(rekey) == 2, what=lambda: f"recovery: {rekey.status()}")
    assert not load.failures, load.failures[0].text
    assert "not the password" not in rekey.log()


@pytest.mark.core
@pytest.mark.parametrize("content", ["", "{", "[]", '{"username": "only"}', '{"username": "", "password": ""}'])
def test_a_broken_secret_file_changes_nothing(database, rekey_for, content):
    rekey = rekey_for(database)
    rekey.secret_file("app.json", content)
    result = rekey.rotate("app")
    assert result.returncode == 1 and "app.json" in result.stderr
    assert query(rekey, database) == 1
    rekey.publish(database.role, database.password)
    wait_until(lambda: reason(rekey) == "", what=lambda: f"recovery: {rekey.status()}")


@on("mysql-9")
def test_the_source_goes_away_and_comes_back(database, rekey_for):
    rekey = rekey_for(database)
    (rekey.directory / "app.json").unlink()
    wait_until(lambda: "app.json" in reason(rekey), what="the reason in the status")
    assert "app.json" in rekey.log()
    assert query(rekey, database) == 1
    database.change_password("while it was away")
    rekey.publish(database.role, "while it was away")
    wait_until(lambda: generation(rekey) == 2 and not reason(rekey), what=lambda: f"recovery: {rekey.status()}")


@on("mariadb-10.11", also=["mysql-9"])
def test_a_restart_while_the_source_is_gone_serves_the_last_good_credential(database, rekey_for):
    rekey = rekey_for(database)
    assert query(rekey, database) == 1
    rekey.stop()
    (rekey.directory / "app.json").unlink()
    rekey.start()
    assert query(rekey, database) == 1
    assert reason(rekey)


@on("mysql-9", also=["mariadb-10.11"], fixture="breakable")
def test_a_server_restart_costs_only_transactions_in_flight(breakable, rekey_for):
    database, server = breakable, breakable.server
    rekey = rekey_for(database, size=3)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(database.connect(rekey.target(database.name))) for _ in range(5)]
        inside = stack.enter_context(database.connect(rekey.target(database.name)))
        for connection in idle:
            ask(connection, "SELECT 1")
        ask(inside, "BEGIN")
        ask(inside, "SELECT 1")
        server.stop()
        with concurrent.futures.ThreadPoolExecutor() as threads:
            waiting = [threads.submit(ask, connection, "SELECT 2") for connection in idle]
            server.start()
            assert [done.result(30) for done in waiting] == [(2,)] * len(idle)
        with pytest.raises(database.Error):
            ask(inside, "SELECT 1")


@on("mariadb-10.11", fixture="breakable")
def test_an_immediate_crash_of_the_server_is_survived(breakable, rekey_for):
    database, server = breakable, breakable.server
    rekey = rekey_for(database, size=3)
    with QueryLoad(database, rekey.target(database.name), 6, pause=0.002) as load:
        wait_until(lambda: load.everyone_since(0), what="everyone at work")
        server.stop(signal.SIGKILL)
        server.start()
        done = load.total()
        wait_until(lambda: load.total() > done + 20, 30, what="work goes on")
    assert len(load.failures) <= 6, [failure.text for failure in load.failures]


@on("mysql-9", fixture="breakable")
def test_a_request_waits_in_its_budget_and_then_gets_an_error(breakable, rekey_for):
    database, server = breakable, breakable.server
    rekey = rekey_for(database, size=2, wait_timeout="700ms")
    with database.connect(rekey.target(database.name)) as connection:
        ask(connection, "SELECT 1")
        server.stop()
        with pytest.raises(database.Error):
            ask(connection, "SELECT 1")
    server.start()
    wait_until(lambda: _works(rekey, database), what="recovery")


@on("mysql-9", also=["mariadb-10.11"], fixture="breakable")
def test_requests_wait_while_the_server_refuses_connections(breakable, rekey_for):
    database = breakable
    rekey = rekey_for(database, size=2)
    with database.connect(rekey.target(database.name)) as client, database.closed_to_all():
        wait_until(lambda: not database.backends(), what="no backend left")
        with concurrent.futures.ThreadPoolExecutor() as threads:
            waiting = threads.submit(ask, client, "SELECT 2")
            wait_until(lambda: database.closed in rekey.log(), what=lambda: f"the reason in the log: {rekey.log()}")
            assert not waiting.done()
            database.open_to_all()
            assert waiting.result(30) == (2,)


def _works(rekey, database):
    try:
        return query(rekey, database) == 1
    except database.Error:
        return False


@on("mysql-9", fixture="breakable")
def test_no_server_at_start(breakable, rekey_for):
    database, server = breakable, breakable.server
    server.stop()
    rekey = rekey_for(database, start=False).start(ready=False)
    status, body = rekey.get("/readyz")
    assert status == 503 and "app" in body
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(query, rekey, database)
        server.start()
        assert waiting.result(30) == 1
    rekey.wait_ready()


@on("mysql-9")
def test_a_wrong_first_password_is_told_and_mended(database, rekey_for):
    rekey = rekey_for(database, start=False)
    rekey.publish(database.role, "mistyped")
    rekey.start(ready=False)
    wait_until(lambda: reason(rekey), what="why it is not ready")
    assert rekey.get("/readyz")[0] == 503
    rekey.publish(database.role, database.password)
    rekey.wait_ready()
    assert query(rekey, database) == 1


@on("mariadb-10.11")
def test_a_full_server_retires_one_backend_first(database, rekey_for):
    size = 4
    database.initialise()
    database.limit_connections(size)
    rekey = rekey_for(database, size=size, min=size, credential={"replace": {"surge": 1, "window": "200ms"}})
    with QueryLoad(database, rekey.target(database.name), 8) as load:
        wait_until(lambda: len(database.backends()) == size, what="a full pool")
        before = database.backends()
        database.change_password("on a full server")
        rekey.publish(database.role, "on a full server")
        wait_until(lambda: not before & database.backends(), 30,
                   lambda: f"all replaced: {json.dumps(rekey.status())[:3000]}")
    assert not load.failures, load.failures[0].text
    # One made room for the login that verified. Whether its successor was there when the replacement began, so that
    # the server refused a surge, is a matter of time.
    made_room = rekey.metric("rekey_closes_total", reason="slot_for_verifying")
    assert made_room + rekey.metric("rekey_replacements_total", result="surge_refused") > 0


@on("mariadb-10.11", fixture="breakable")
def test_a_server_without_free_slots_queues_clients(breakable, rekey_for):
    database, server = breakable, breakable.server
    server.restart(**server.room_for(10))
    rekey = rekey_for(database, size=4)
    hog = database.target(user=f"{database.role}_hog", password="hog-password")
    database.make_login(hog["user"], hog["password"])
    hogs = []

    def take_all():
        with pytest.raises(database.Error):
            while True:
                hogs.append(database.connect(hog))

    take_all()
    database.end_backends()
    take_all()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = [threads.submit(query, rekey, database) for _ in range(3)]
        for connection in hogs:
            connection.close()
        assert [done.result(30) for done in waiting] == [1, 1, 1]


@on("mysql-9", also=["mariadb-10.11"])
def test_an_admin_role_without_the_right(database, rekey_for):
    admin = f"{database.role}_admin"
    database.make_login(admin, "admin-password")
    rekey = rekey_for(database, "single_user", admin=(admin, "admin-password"))
    result = rekey.rotate("app")
    assert result.returncode == 1
    assert database.denied in result.stderr, result.stderr
    assert database.denied in rekey.log() and database.denied in reason(rekey)
    assert query(rekey, database) == 1
    assert database.accepts(database.role, database.password)
    database.allow_rotation(admin)
    assert rekey.rotate("app").returncode == 0, rekey.log()[-3000:]
    assert query(rekey, database) == 1


@on("mariadb-10.11", also=["mysql-9"])
def test_an_admin_with_a_wrong_password(database, rekey_for):
    rekey = rekey_for(database, "single_user", admin=("rotator", "wrong"))
    result = rekey.rotate("app")
    assert result.returncode == 1 and result.stderr.strip()
    assert query(rekey, database) == 1
