"""MySQL and MariaDB: the greeting, which comes before the route is known."""

import socket

import pymysql
import pytest

from support.database import MysqlDatabase, ask
from support.waiting import free_port

pytestmark = pytest.mark.core


def greeted_version(port):
    """What the first packet of a connection calls the server."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as stream:
        header = stream.read(4)
        payload = stream.read(int.from_bytes(header[:3], "little"))
    assert payload[0] == 10
    return payload[1:payload.index(0)].decode()


def version_of(rekey, database):
    connection = MysqlDatabase.connect(rekey.target(database.name))
    try:
        return ask(connection, "SELECT VERSION()")[0]
    finally:
        connection.close()


def test_a_server_of_another_kind_than_was_greeted_as_is_refused(mixed):
    rekey, (mysql, mariadb) = mixed()
    assert greeted_version(rekey.port) == greeted_version(mysql.server.port)
    assert version_of(rekey, mysql) == greeted_version(mysql.server.port)
    with pytest.raises(pymysql.err.Error) as refused:
        version_of(rekey, mariadb)
    assert refused.value.args == (1235, "this listener greets as a MySQL, and the server of the route is a MariaDB")
    assert rekey.metric("rekey_client_errors_total", reason="greeted_otherwise") == 1
    sentence = f"listener my: its routes lead to MySQL ({mysql.name}) and to MariaDB ({mariadb.name})"
    assert rekey.log().count("event=mixed_listener " + sentence) == 1
    assert [warning.startswith(sentence) for warning in rekey.status()["warnings"]] == [True]


def test_a_listener_that_is_told_what_to_greet_as_serves_servers_of_both_kinds(mixed):
    rekey, databases = mixed(server_version="8.4.5", charset="utf8mb4")
    assert greeted_version(rekey.port) == "8.4.5"
    for database in databases:
        assert version_of(rekey, database) == database.server.value("SELECT VERSION()")
    assert rekey.status()["warnings"] == []


def test_the_first_client_after_a_restart_is_greeted_as_by_its_server(my_database, my_rekey):
    rekey = my_rekey(my_database)
    version = greeted_version(my_database.server.port)
    assert greeted_version(rekey.port) == version
    rekey.stop()
    rekey.configuration["upstreams"][0]["hosts"] = [f"127.0.0.1:{free_port()}"]  # where nobody listens
    rekey.write()
    rekey.start(ready=False)
    assert greeted_version(rekey.port) == version
