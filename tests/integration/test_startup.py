"""From the first byte to ReadyForQuery: negotiation, start-up parameters, routes, refusals."""

import struct

import psycopg
import pytest

from support import wire
from support.waiting import wait_until

pytestmark = pytest.mark.core

PROTOCOL_3_2 = 0x30002


def test_gss_encryption_is_declined_and_the_session_goes_on(database, rekey_for):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection:
        connection.send(wire.request(wire.GSS_REQUEST))
        assert connection.read_bytes(1) == b"N"
        connection.login("app", rekey.password, database.name)
        assert connection.query("SELECT 1")[-1][0] == "Z"


def test_protocol_3_2_gets_a_long_cancel_key(database, rekey_for):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection:
        connection.login("app", rekey.password, database.name, version=PROTOCOL_3_2)
        assert len(connection.key[1]) > 4
    with wire.Connection(rekey.port) as connection:
        connection.login("app", rekey.password, database.name)
        assert len(connection.key[1]) == 4


@pytest.mark.parametrize("version, options", [(0x30063, []), (0x30000, ["_pq_.shiny"]), (0x30063, ["_pq_.a", "_pq_.b"])])
def test_newer_protocols_are_negotiated_down(database, rekey_for, version, options):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection:
        parameters = {"user": "app", "database": database.name, **{name: "1" for name in options}}
        connection.send(wire.startup(parameters, version))
        kind, body = connection.read()
        assert kind == "v"
        newest, count = struct.unpack("!II", body[:8])
        assert newest & 0xFFFF <= 2 and count == len(options)
        assert body[8:].split(b"\0")[:-1] == [name.encode() for name in options]
        connection.authenticate(rekey.password)
        assert connection.read_until("Z")


@pytest.mark.parametrize("version", [0x20000, 0x40000])
def test_other_major_versions_are_refused(database, rekey_for, version):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection:
        connection.send(wire.startup({"user": "app", "database": database.name}, version))
        assert connection.last_error()["C"] == "0A000"


def test_start_up_parameters_reach_the_session(database, rekey_for):
    rekey = rekey_for(database, size=2)
    with psycopg.connect(**rekey.target(database.name), application_name="the app", client_encoding="LATIN1",
                         options="-c work_mem=5MB -c my.tenant=a\\ b -csearch_path=pg_catalog") as connection:
        for name, value in {"application_name": "the app", "client_encoding": "LATIN1", "work_mem": "5MB",
                            "my.tenant": "a b", "search_path": "pg_catalog"}.items():
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_start_up_parameters_are_the_reset_layer(database, rekey_for):
    rekey = rekey_for(database, size=1)
    other = psycopg.connect(**rekey.target(database.name), autocommit=True, options="-c work_mem=9MB")
    with psycopg.connect(**rekey.target(database.name), autocommit=True, options="-c work_mem=5MB") as connection:
        for text in ("SET work_mem = '6MB'", "RESET work_mem", "SET work_mem = '6MB'", "RESET ALL", "DISCARD ALL"):
            connection.execute(text)
            assert other.execute("SHOW work_mem").fetchone() == ("9MB",)
            expected = "6MB" if text.startswith("SET") else "5MB"
            assert connection.execute("SHOW work_mem").fetchone() == (expected,)
    other.close()


@pytest.mark.parametrize("words, sqlstate", [
    ({"options": "-c work_mem=nonsense"}, "22023"),
    ({"options": "-c no_such_setting=1"}, "42704"),
    ({"options": "-c max_connections=5"}, "55P02"),
])
def test_a_bad_start_up_parameter_is_refused_with_the_servers_words(database, rekey_for, words, sqlstate):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection, pytest.raises((PermissionError, wire.Closed), match=sqlstate):
        connection.login("app", rekey.password, database.name, **words)
        connection.query("SELECT 1")
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_replication_connections_get_a_clear_error(database, rekey_for):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection:
        with pytest.raises(PermissionError, match="(0A000|replication)"):
            connection.login("app", rekey.password, database.name, replication="database")


def test_an_unknown_database_is_told_after_the_login(database, rekey_for):
    def only_this_database(configuration):
        configuration["routes"][0]["database"] = database.name

    rekey = rekey_for(database, change=only_this_database)
    with wire.Connection(rekey.port) as connection, pytest.raises(PermissionError, match="3D000|route"):
        connection.login("app", rekey.password, "elsewhere")
    with wire.Connection(rekey.port) as connection, pytest.raises(PermissionError, match="28P01"):
        connection.login("app", "wrong", "elsewhere")
    wait_until(lambda: rekey.metric("rekey_client_errors_total") >= 2, what="counted")


def test_a_database_that_the_server_does_not_have(database, rekey_for):
    rekey = rekey_for(database, wait_timeout="5s")
    with pytest.raises(psycopg.OperationalError, match="does not exist|3D000"):
        with psycopg.connect(**rekey.target("no_such_database")) as connection:
            connection.execute("SELECT 1")
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_database_defaults_to_the_user(database, rekey_for):
    def renamed(configuration):
        configuration["routes"] = [{"listener": "pg", "database": "app", "user": "app", "upstream": "main",
                                    "upstream_database": database.name}]

    rekey = rekey_for(database, change=renamed)
    with wire.Connection(rekey.port) as connection:
        connection.send(wire.startup({"user": "app"}))
        connection.authenticate(rekey.password)
        connection.read_until("Z")
        rows = [body for kind, body in connection.query("SELECT current_database()") if kind == "D"]
        assert database.name.encode() in rows[0]


def test_reported_parameters_are_the_servers(database, rekey_for):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as through, wire.Connection(database.server.port) as direct:
        through.login("app", rekey.password, database.name)
        direct.login(database.role, database.password, database.name)
        assert set(through.parameters) == set(direct.parameters)
        different = {name: (value, through.parameters[name]) for name, value in direct.parameters.items()
                     if through.parameters[name] != value}
        # A session that gives itself no name is `rekey` to the server.
        assert set(different) <= {"session_authorization", "application_name"}, different
