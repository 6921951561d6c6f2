"""Where the database is, as the credential's secret says: followed with `hosts: from_credential`, else only checked."""

import json

import pytest

from support.database import PostgresDatabase, ask
from support.following import generation
from support.load import QueryLoad
from support.rekey import file_credential
from support.waiting import wait_until


@pytest.fixture
def two_servers(make_server):
    """The same role and database on both; the password is another one."""
    first, second = make_server(), make_server()
    database = PostgresDatabase(first)
    second.make_role(database.role, "password-there")
    second.make_database(database.name, database.role)
    return database, second


def from_credential(configuration):
    configuration["upstreams"][0]["hosts"] = "from_credential"


def started(rekey_for, database, change=None, **words):
    """A Rekey whose secret names the first server."""
    rekey = rekey_for(database, start=False, change=change, size=4)

    def move(server, password, **more):
        rekey.secret_file("app.json", json.dumps({"username": database.role, "password": password, "host": "127.0.0.1",
                                                  "port": server.port, "dbname": database.name, **more}))
    move(database.server, database.password, **words)
    rekey.start()
    return rekey, move


@pytest.mark.core
def test_a_secret_that_moves_to_another_server_is_followed_unnoticed(two_servers, rekey_for):
    database, second = two_servers
    rekey, move = started(rekey_for, database, from_credential)
    with QueryLoad(database, rekey.target(database.name), 6, pause=0.002) as load:
        wait_until(lambda: len(database.backends()) == 4, what="a full pool")
        for server, password, left in ((second, "password-there", database.server),
                                       (database.server, database.password, second)):
            before = generation(rekey)
            move(server, password)
            wait_until(lambda: generation(rekey) == before + 1, what=rekey.log)
            wait_until(lambda: rekey.credential("app")["state"] == "idle", what=rekey.log)
            assert not left.backends(database.name), "old backends are left"
            assert len(server.backends(database.name)) == 4
    assert not load.failures, load.failures[0].text


def test_a_server_that_refuses_the_login_is_not_moved_to(two_servers, rekey_for):
    database, second = two_servers
    rekey, move = started(rekey_for, database, from_credential)
    with QueryLoad(database, rekey.target(database.name), 3, pause=0.002) as load:
        move(second, "not the password there")
        wait_until(lambda: rekey.credential("app")["state"] == "held", what=rekey.log)
        assert f"127.0.0.1:{second.port}" in rekey.credential("app")["reason"]
        assert generation(rekey) == 1
        move(second, "password-there")
        wait_until(lambda: generation(rekey) == 2, what=rekey.log)
    assert not load.failures, load.failures[0].text


def test_a_secret_without_a_host_is_held(two_servers, rekey_for):
    database, _ = two_servers
    rekey, move = started(rekey_for, database, from_credential)
    move(database.server, "whatever", host=None)
    wait_until(lambda: "names no host" in (rekey.credential("app").get("reason") or ""), what=rekey.log)
    with database.connect(rekey.target(database.name)) as connection:
        assert ask(connection, "SELECT 1") == (1,)


def test_the_last_good_server_is_remembered_over_a_restart_without_the_source(two_servers, rekey_for):
    database, second = two_servers
    rekey, move = started(rekey_for, database, from_credential)
    move(second, "password-there")
    wait_until(lambda: generation(rekey) == 2, what=rekey.log)
    rekey.stop()
    (rekey.directory / "app.json").unlink()
    rekey.start()
    with database.connect(rekey.target(database.name)) as connection:
        assert ask(connection, "SELECT inet_server_port()") == (second.port,)


@pytest.mark.core
def test_a_secret_that_names_another_host_than_the_configuration_is_held(two_servers, rekey_for):
    database, second = two_servers
    rekey, move = started(rekey_for, database)
    refused = database.refused_logins()
    move(second, "password-there")
    wait_until(lambda: rekey.credential("app")["state"] == "held", what=rekey.log)
    assert f"127.0.0.1:{second.port}" in rekey.credential("app")["reason"]
    with database.connect(rekey.target(database.name)) as connection:
        assert ask(connection, "SELECT inet_server_port()") == (database.server.port,)
    assert database.refused_logins() == refused, "it was not even tried"
    move(database.server, database.password)
    wait_until(lambda: rekey.credential("app")["state"] == "idle", what=rekey.log)


def test_one_credential_moves_all_its_upstreams(two_servers, rekey_for):
    database, second = two_servers

    def twice(configuration):
        from_credential(configuration)
        main = configuration["upstreams"][0]
        configuration["upstreams"].append({**main, "name": "other"})
        configuration["routes"].insert(0, {"listener": "pg", "database": "other", "user": "*", "upstream": "other",
                                           "upstream_database": database.name})
    rekey, move = started(rekey_for, database, twice)
    with QueryLoad(database, rekey.target(database.name), 3, pause=0.002) as load, \
            QueryLoad(database, rekey.target("other"), 3, pause=0.002) as others:
        wait_until(lambda: load.everyone_since(0) and others.everyone_since(0), what="everyone at work")
        move(second, "password-there")
        wait_until(lambda: generation(rekey) == 2, what=rekey.log)
        wait_until(lambda: rekey.credential("app")["state"] == "idle", what=rekey.log)
        assert not database.backends(), "old backends are left"
    assert not load.failures and not others.failures


def test_hosts_from_a_source_that_names_none_are_refused(rekey_for, database):
    rekey = rekey_for(database, start=False, change=from_credential)
    rekey.configuration["credentials"] = [{**file_credential("app", "app.json"), "source": {
        "type": "env", "username": "DB_USER", "password": "DB_PASSWORD"}}]
    rekey.write()
    result = rekey.cli("check")
    assert result.returncode != 0 and "from_credential needs a secret that names hosts" in result.stderr
