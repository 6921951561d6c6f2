"""Reload touches only what changed; a bad new file changes nothing."""

import signal

import psycopg
import pytest

from support.waiting import wait_until


def connect(rekey, database, **words):
    return psycopg.connect(**rekey.target(database.name, **words), autocommit=True)


def reload(rekey):
    rekey.write()
    result = rekey.reload()
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_nothing_changed_keeps_every_backend_and_client(database, rekey_for):
    rekey = rekey_for(database, size=3)
    with connect(rekey, database) as connection:
        pid = connection.execute("SELECT pg_backend_pid()").fetchone()
        reload(rekey)
        rekey.signal(signal.SIGHUP)
        wait_until(lambda: "reload" in rekey.log().lower(), what="a reload by signal")
        assert connection.execute("SELECT pg_backend_pid()").fetchone() == pid


@pytest.mark.parametrize("spoil, expected", [
    (lambda c: c["upstreams"][0].update(pol={"size": 3}), "pool"),
    (lambda c: c["upstreams"][0].update(credential="nobody"), "nobody"),
    (lambda c: c["upstreams"][0]["pool"].update(size="many"), "size"),
    (lambda c: c.update(routes=[{"listener": "nowhere", "database": "*", "user": "*", "upstream": "main"}]), "nowhere"),
])
def test_a_bad_file_is_told_and_the_old_one_keeps_running(database, rekey_for, spoil, expected):
    rekey = rekey_for(database)
    with connect(rekey, database) as connection:
        spoil(rekey.configuration)
        rekey.write()
        result = rekey.reload()
        assert result.returncode == 2, (result.returncode, result.stderr)
        assert expected in result.stderr and "rekey.yaml:" in result.stderr, result.stderr
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with connect(rekey, database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_larger_pool_takes_effect_at_once(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with connect(rekey, database) as holder, connect(rekey, database) as waiter:
        holder.execute("BEGIN")
        rekey.configuration["upstreams"][0]["pool"]["size"] = 2
        reload(rekey)
        assert waiter.execute("SELECT 1").fetchone() == (1,)
        holder.execute("COMMIT")


def test_a_smaller_pool_shrinks(database, rekey_for):
    rekey = rekey_for(database, size=4, min=4)
    connect(rekey, database).execute("SELECT 1").connection.close()
    wait_until(lambda: len(database.backends()) == 4, what="a full pool")
    rekey.configuration["upstreams"][0]["pool"].update(size=2, min=0)
    reload(rekey)
    wait_until(lambda: len(database.backends()) <= 2, what="a smaller pool")


def test_a_password_file_is_read_again(database, rekey_for):
    rekey = rekey_for(database)
    rekey.secret_file("app.password", "changed locally")
    assert rekey.reload().returncode == 0
    with connect(rekey, database, password="changed locally") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        connect(rekey, database)


def test_users_come_and_go_at_transaction_end(database, rekey_for):
    rekey = rekey_for(database)
    with psycopg.connect(**rekey.target(database.name)) as leaving:
        leaving.execute("SELECT 1")
        rekey.secret_file("other.password", "other")
        rekey.configuration["users"] = [{"name": "other", "password": {"file": "other.password"}}]
        reload(rekey)
        assert leaving.execute("SELECT 2").fetchone() == (2,)
        leaving.commit()
        with pytest.raises(psycopg.OperationalError):
            leaving.execute("SELECT 3")
            leaving.execute("SELECT 4")
    with connect(rekey, database, user="other", password="other") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_host_replaces_backends_one_by_one(make_server, make_database, rekey_for, database):
    other = make_server()
    other.make_role(database.role, database.password)
    other.make_database(database.name, database.role)
    rekey = rekey_for(database, size=2)
    with connect(rekey, database) as connection:
        connection.execute("SELECT 1")
        rekey.configuration["upstreams"][0]["hosts"] = [f"127.0.0.1:{other.port}"]
        reload(rekey)
        wait_until(lambda: connection.execute("SELECT inet_server_port()").fetchone() == (other.port,), what="the new host")
    wait_until(lambda: not database.backends(), what="no backend at the old host")


def test_a_new_upstream_and_credential(database, make_database, rekey_for):
    other = make_database(database.server)
    rekey = rekey_for(database)
    rekey.secret_json("other.json", other.role, other.password)
    rekey.configuration["credentials"].append({"name": "second", "source": {"type": "file", "path": "other.json"}})
    rekey.configuration["upstreams"].append({**rekey.configuration["upstreams"][0], "name": "two", "credential": "second"})
    rekey.configuration["routes"].insert(0, {"listener": "pg", "database": other.name, "user": "app", "upstream": "two"})
    reload(rekey)
    with connect(rekey, other) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (other.role,)
    with connect(rekey, database) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (database.role,)


def test_keys_that_need_a_restart_are_named(database, rekey_for):
    rekey = rekey_for(database)
    rekey.configuration["workers"] = 2
    rekey.write()
    result = rekey.reload()
    assert "workers" in result.stdout + result.stderr
    with connect(rekey, database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_limits_are_live(database, rekey_for):
    rekey = rekey_for(database)
    with connect(rekey, database):
        rekey.configuration["limits"] = {"client_connections": 1}
        reload(rekey)
        with pytest.raises(psycopg.OperationalError, match="too many|53300"):
            connect(rekey, database)
        rekey.configuration["limits"] = {"client_connections": 10}
        reload(rekey)
        connect(rekey, database).close()
