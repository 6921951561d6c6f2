"""MySQL and MariaDB: COM_CHANGE_USER, another login on a connection that stands."""

import contextlib
import ctypes
import struct

import mysql.connector
import pymysql
import pytest
from pymysql import _auth
from pymysql.constants import COMMAND, CR

from support.load import side_by_side
from support.rekey import file_credential
from support.waiting import wait_until

pytestmark = pytest.mark.core
TABLE = "CREATE TABLE t (id INT PRIMARY KEY)"
OTHER = "other-password"
UTF8MB4, LATIN1 = 45, 8  # collations
ANSWERS = {"caching_sha2_password": _auth.scramble_caching_sha2,
           "mysql_native_password": _auth.scramble_native_password}


@pytest.fixture
def build(my_server, make_my_database, my_rekey):
    """build(change=None, **pool): Rekey with two upstreams at home on two workers. `app` is routed to the first, whose
    database is rekey.first, `other` to the second; `stray` has no route."""

    def build(change=None, **pool):
        first, second = make_my_database(my_server), make_my_database(my_server)
        rekey = my_rekey(first, start=False, **pool)
        rekey.first, rekey.second = first, second
        rekey.secret_json("second.json", second.role, second.password)
        configuration = rekey.configuration
        configuration["workers"] = 2
        configuration["users"] += [{"name": name, "password": {"value": OTHER}} for name in ("other", "stray")]
        configuration["credentials"].append(file_credential("second", rekey.directory / "second.json"))
        configuration["upstreams"].append({**configuration["upstreams"][0], "name": "second", "credential": "second",
                                           "database": second.name})
        configuration["routes"] = [{"listener": "my", "database": "*", "user": user, "upstream": upstream}
                                   for user, upstream in (("app", "main"), ("other", "second"))]
        if change is not None:
            change(configuration)
        rekey.write()
        return rekey.start()

    return build


@pytest.fixture
def front(build):
    return build(size=2)


def as_app(rekey):
    return {"user": "app", "password": rekey.password, "database": rekey.first.name}


def as_other(rekey):
    return {"user": "other", "password": OTHER, "database": rekey.second.name}


@contextlib.contextmanager
def connected(rekey, **more):
    connection = pymysql.connect(host="127.0.0.1", port=rekey.port, autocommit=True, **{**as_app(rekey), **more})
    try:
        yield connection
    finally:
        with contextlib.suppress(pymysql.err.Error):
            connection.close()


@contextlib.contextmanager
def connector(port, tls=False, **words):
    connection = mysql.connector.connect(host="127.0.0.1", port=port, use_pure=True, autocommit=True,
                                         ssl_disabled=not tls, **words)
    try:
        yield connection
    finally:
        connection.close()


def ask(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def wish(user, database="", collation=UTF8MB4):
    """The fields of the command. What it answers to an old nonce is not looked at."""
    return (user.encode() + b"\0" + b"\x14" + bytes(20) + database.encode() + b"\0" + struct.pack("<H", collation) +
            b"mysql_native_password\0" + b"\x04\x01k\x01v")


def answer_to(request, password):
    """To the packet that names a plug-in and a nonce."""
    assert request.is_auth_switch_request()
    request.read_uint8()
    plugin = request.read_string().decode()
    return ANSWERS[plugin](password.encode(), request.read_all()[:20]) if password else b""


def read_ok(connection):
    packet = connection._read_packet()
    if packet.is_extra_auth_data():
        packet = connection._read_packet()
    assert packet.is_ok_packet()


def change_user(connection, user, password, database="", collation=UTF8MB4):
    """PyMySQL has no word for it."""
    connection._execute_command(COMMAND.COM_CHANGE_USER, wish(user, database, collation))
    connection.write_packet(answer_to(connection._read_packet(), password))
    read_ok(connection)


def framed(sequence, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


def refusal(connection, *words):
    """The error that a change of user ends with; the connection ends as well."""
    with pytest.raises(pymysql.err.Error) as error:
        change_user(connection, *words)
    with pytest.raises((pymysql.err.Error, OSError)) as after:
        ask(connection, "SELECT 1")
    assert after.value.args[0] in (CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, 32, 104), after.value
    return error.value.args


def served_by(connection):
    """The account that the server knows the session by."""
    return ask(connection, "SELECT USER()")[0][0].split("@")[0]


# The session


@pytest.mark.parametrize("mode", ["auto", "session"])
def test_the_session_ends_with_its_user(build, mode):
    front = build(size=2, mode=mode)
    lock = f"GET_LOCK('{front.first.name}', 0)"
    with connected(front) as one, connected(front) as two:
        ask(two, TABLE)
        defaults = ask(two, "SELECT @@sql_mode, @@time_zone")
        ask(one, "SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+05:00'")
        ask(one, "SET @a = 5")
        ask(one, "CREATE TEMPORARY TABLE scratch (n INT)")
        assert ask(one, f"SELECT {lock}") == ((1,),)
        one.begin()
        ask(one, "INSERT INTO t VALUES (1)")
        change_user(one, **as_app(front))
        assert ask(two, f"SELECT {lock}, COUNT(*) FROM t") == ((1, 0),)
        ask(two, "INSERT INTO t VALUES (1)")
        assert ask(one, "SELECT @a, DATABASE()") == ((None, front.first.name),)
        assert ask(one, "SELECT @@sql_mode, @@time_zone") == defaults
        with pytest.raises(pymysql.err.ProgrammingError):
            ask(one, "SELECT * FROM scratch")
        assert ask(one, "SELECT COUNT(*) FROM t") == ((1,),)
        assert front.metric("rekey_client_connections") == 2


def test_its_backend_serves_others_again(build):
    front = build(size=1)
    with connected(front) as one, connected(front) as two:
        for _ in range(3):
            ask(one, "SET @a = 5")
            ask(one, "CREATE TEMPORARY TABLE scratch (n INT)")
            one.begin()
            ask(one, "INSERT INTO scratch VALUES (1)")
            change_user(one, **as_app(front))
            with pytest.raises(pymysql.err.ProgrammingError):
                ask(two, "SELECT * FROM scratch")
            assert ask(one, "SELECT 1") == ((1,),)
        assert len(front.first.backends()) == 1
        assert front.metric("rekey_backend_connections", upstream="main", state="pinned") == 0


def test_prepared_statements_end_with_their_user(front):
    with connector(front.port, **as_app(front)) as connection:
        old = connection.cursor(prepared=True)
        old.execute("SELECT ? + 1", (1,))
        assert old.fetchall() == [(2,)]
        connection.cmd_change_user("app", front.password, front.first.name)
        with pytest.raises(mysql.connector.Error) as error:
            old.execute("SELECT ? + 1", (2,))
            old.fetchall()
        assert error.value.errno == 1243
        fresh = connection.cursor(prepared=True)
        fresh.execute("SELECT ? + 2", (1,))
        assert fresh.fetchall() == [(3,)]


def test_the_schema_and_the_character_set_are_those_of_the_request(front):
    asked = "SELECT DATABASE(), @@character_set_client, @@collation_connection"
    front.first.server.make_database(f"{front.first.name}_b", front.first.role)
    with connected(front) as connection:
        change_user(connection, "app", front.password, f"{front.first.name}_b", LATIN1)
        assert ask(connection, asked) == ((f"{front.first.name}_b", "latin1", "latin1_swedish_ci"),)
        for _ in range(2):
            change_user(connection, "app", front.password)
            assert ask(connection, "SELECT DATABASE()") == ((None,),)
            change_user(connection, **as_app(front))
            assert ask(connection, "SELECT DATABASE()") == ((front.first.name,),)


STATEMENTS = ["SELECT @a", "SELECT COUNT(*) FROM t", "SELECT * FROM scratch", "SELECT DATABASE() IS NULL",
              "SELECT @@autocommit, @@sql_mode, @@time_zone, @@character_set_client, @@collation_connection",
              "SELECT LAST_INSERT_ID()", "EXECUTE p", "SHOW WARNINGS"]


def seen_after_a_change(port, words):
    """What a connector meets after a change to the user that it had."""
    seen = []
    with connector(port, tls=True, **words) as connection:
        def run(statement):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    return cursor.fetchall() if cursor.with_rows else cursor.rowcount
            except mysql.connector.Error as error:
                return error.errno

        for statement in ("DROP TABLE IF EXISTS t", "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
                          "INSERT INTO t (v) VALUES (1)", "SET autocommit = 0, sql_mode = 'ANSI', time_zone = '+03:00'",
                          "SET NAMES latin1", "SET @a = 5", "PREPARE p FROM 'SELECT 1'",
                          "CREATE TEMPORARY TABLE scratch (n INT)", "INSERT INTO t (v) VALUES (2)"):
            seen.append(run(statement))
        connection.cmd_change_user(words["user"], words["password"], words["database"])
        seen += [run(statement) for statement in STATEMENTS]
    return seen


def test_it_looks_as_on_a_connection_of_ones_own(front):
    direct = {"user": front.first.role, "password": front.first.password, "database": front.first.name}
    expected = seen_after_a_change(front.first.server.port, direct)
    assert seen_after_a_change(front.port, as_app(front)) == expected


# The user


def test_another_user_is_routed_to_its_own_server(front):
    with connected(front) as connection:
        assert served_by(connection) == front.first.role
        for _ in range(3):
            change_user(connection, **as_other(front))
            assert served_by(connection) == front.second.role
            connection.begin()
            ask(connection, "SELECT COUNT(*) FROM information_schema.schemata")
            change_user(connection, **as_app(front))
            assert served_by(connection) == front.first.role
        assert front.metric("rekey_client_connections") == 1
    wait_until(lambda: front.metric("rekey_client_connections") == 0, what="the client is gone")


def test_who_may_kill_whom_changes_with_the_user(front):
    with connected(front) as one, connected(front) as two, connected(front, **as_other(front)) as three:
        number = one.thread_id()
        ask(two, f"KILL QUERY {number}")
        change_user(one, **as_other(front))
        assert ask(one, "SELECT CONNECTION_ID()") == ((number,),)
        for asker, victim in ((two, one), (one, two)):
            with pytest.raises(pymysql.err.Error) as error:
                ask(asker, f"KILL {victim.thread_id()}")
            assert error.value.args[0] == 1095
        ask(three, f"KILL QUERY {number}")
        change_user(one, **as_app(front))
        ask(two, f"KILL QUERY {number}")
        with pytest.raises(pymysql.err.Error) as error:
            ask(three, f"KILL {number}")
        assert error.value.args[0] == 1095
        change_user(one, **as_other(front))
        ask(three, f"KILL {number}")
        with pytest.raises((pymysql.err.Error, OSError)):
            ask(one, "SELECT 1")
        assert ask(two, "SELECT 1") == ask(three, "SELECT 1") == ((1,),)
        with pytest.raises(pymysql.err.Error) as error:
            ask(three, f"KILL {number}")
        assert error.value.args[0] == 1094


def test_a_wrong_password_and_an_unknown_user_look_alike_and_end_the_connection(front):
    with connected(front) as one, connected(front) as two, connected(front) as three:
        one.begin()
        ask(one, "SELECT COUNT(*) FROM information_schema.schemata")
        wrong = refusal(one, "other", "wrong", front.second.name)
        unknown = refusal(two, "nobody", "wrong", front.second.name)
        assert wrong[0] == unknown[0] == 1045
        assert wrong[1].replace("other", "nobody") == unknown[1]
        assert refusal(three, "other", "")[1].endswith("(using password: NO)")
    assert front.metric("rekey_client_errors_total", reason="authentication_failed") == 3
    wait_until(lambda: front.metric("rekey_client_connections") == 0, what="the clients are gone")
    with connected(front) as connection:
        assert ask(connection, "SELECT 1") == ((1,),)


def test_wrong_passwords_are_throttled_as_those_of_a_first_login(front):
    for _ in range(4):
        with connected(front) as connection:
            assert refusal(connection, "other", "wrong")[0] == 1045
    assert front.metric("rekey_throttled_total") == 2


def test_what_cannot_be_served_is_refused_behind_the_proof(front):
    with connected(front) as one, connected(front) as two, connected(front) as three:
        assert refusal(one, "stray", "wrong")[0] == 1045
        assert refusal(two, "stray", OTHER)[0] == 1049
        assert refusal(three, "app", front.password, "not_there")[0] in (1044, 1049)


def test_a_change_counts_once_in_the_limits_of_users(build):
    def limit(configuration):
        for user in configuration["users"]:
            user["max_connections"] = 1

    front = build(limit)
    with connected(front) as one:
        for _ in range(3):
            change_user(one, **as_app(front))
        with pytest.raises(pymysql.err.Error):
            pymysql.connect(host="127.0.0.1", port=front.port, **as_app(front))
        change_user(one, **as_other(front))
        with connected(front) as two:
            assert refusal(two, "other", OTHER)[0] == 1040
        with connected(front) as two:
            assert ask(two, "SELECT 1") == ask(one, "SELECT 1") == ((1,),)
        assert front.metric("rekey_limits_hit_total", limit="max_connections") == 2


@pytest.mark.parametrize("method", ["caching_sha2_password", "mysql_native_password", "mysql_clear_password"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_every_plugin_can_be_changed_to(build, method, tls):
    if method == "mysql_clear_password" and not tls:
        return  # nobody sends it

    def methods(configuration):
        next(user for user in configuration["users"] if user["name"] == "other")["methods"] = [method]

    front = build(methods)
    with connector(front.port, tls=tls, **as_app(front)) as connection:
        for _ in range(2):
            connection.cmd_change_user("other", OTHER, front.second.name)
            assert connection.database == front.second.name
            connection.cmd_change_user("app", front.password, front.first.name)
            assert connection.database == front.first.name
        with pytest.raises(mysql.connector.Error) as error:
            connection.cmd_change_user("other", "wrong", front.second.name)
        assert error.value.errno == 1045


class Compressed:
    """A connection of MariaDB's library, which compresses and changes users; Python's drivers do not do both."""

    def __init__(self, port, words):
        self._library = ctypes.CDLL("libmariadb.so.3")
        for name in ("mysql_init", "mysql_real_connect", "mysql_store_result", "mysql_error"):
            getattr(self._library, name).restype = ctypes.c_void_p
        self._library.mysql_fetch_row.restype = ctypes.POINTER(ctypes.c_char_p)
        self._mysql = ctypes.c_void_p(self._library.mysql_init(None))
        compress = 1  # of enum mysql_option
        self._library.mysql_options(self._mysql, compress, None)
        self._require(self._library.mysql_real_connect(
            self._mysql, b"127.0.0.1", words["user"].encode(), words["password"].encode(), words["database"].encode(),
            port, None, ctypes.c_ulong(0)))

    def _require(self, well):
        if not well:
            error = ctypes.string_at(self._library.mysql_error(self._mysql)).decode()
            raise OSError(self._library.mysql_errno(self._mysql), error)

    def change_user(self, words):
        self._require(self._library.mysql_change_user(self._mysql, words["user"].encode(), words["password"].encode(),
                                                      words["database"].encode()) == 0)

    def row(self, statement):
        """The first row of a query's result."""
        self._require(self._library.mysql_query(self._mysql, statement.encode()) == 0)
        result = ctypes.c_void_p(self._library.mysql_store_result(self._mysql))
        row = self._library.mysql_fetch_row(result)
        values = [row[number].decode() for number in range(self._library.mysql_num_fields(result))]
        self._library.mysql_free_result(result)
        return values

    def close(self):
        self._library.mysql_close(self._mysql)


def test_a_connection_that_compresses_goes_on_to_do_so(front):
    connection = Compressed(front.port, as_app(front))
    with contextlib.closing(connection):
        for _ in range(3):
            for words, role in ((as_other(front), front.second.role), (as_app(front), front.first.role)):
                connection.change_user(words)
                assert connection.row("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1), REPEAT('y', 100000)") == [
                    role, "y" * 100000]
        with pytest.raises(OSError) as error:
            connection.change_user({**as_other(front), "password": "wrong"})
        assert error.value.errno == 1045


# The bytes


def test_requests_that_are_sent_ahead_are_answered_in_turn(front):
    with connected(front) as connection:
        ask(connection, "SET @a = 5")
        text = b"\x03" + b"SELECT @a"
        change = b"\x11" + wish("other", front.second.name)
        for _ in range(2):
            connection._write_bytes(framed(0, text) + framed(0, change))
            connection._next_seq_id = 1
            connection._read_query_result()
            connection._next_seq_id = 1
            answer = answer_to(connection._read_packet(), OTHER)
            connection._write_bytes(framed(2, answer) + framed(0, text) + framed(0, b"\x03SELECT USER()"))
            connection._next_seq_id = 3
            read_ok(connection)
            seen = []
            for _ in range(2):
                connection._next_seq_id = 1
                connection._read_query_result()
                seen.append(connection._result.rows[0][0])
            assert seen[0] is None and seen[1].startswith(front.second.role), seen
            change_user(connection, **as_app(front))


def test_requests_in_small_pieces_are_answered_in_turn(front):
    for _ in range(10):
        with connected(front) as connection:
            connection._execute_command(COMMAND.COM_CHANGE_USER, wish("other", front.second.name))
            answer = answer_to(connection._read_packet(), OTHER)
            text = b"\x03SELECT USER(), '" + b"x" * 100 + b"'"
            behind = framed(2, answer) + framed(0, text)
            for at in range(0, len(behind) - 1):
                connection._write_bytes(behind[at:at + 1])
            connection._next_seq_id = 3
            read_ok(connection)
            connection._write_bytes(behind[-1:])
            connection._next_seq_id = 1
            connection._read_query_result()
            assert connection._result.rows[0][0].startswith(front.second.role)


def test_a_malformed_request_ends_the_connection(front):
    with connected(front) as connection:
        connection._execute_command(COMMAND.COM_CHANGE_USER, b"no end")
        with pytest.raises(pymysql.err.Error) as error:
            connection._read_packet()
        assert error.value.args[0] == 1835
        with pytest.raises((pymysql.err.Error, OSError)):
            ask(connection, "SELECT 1")
    with connected(front) as connection:
        assert ask(connection, "SELECT 1") == ((1,),)


def test_many_clients_change_users_under_load(front):
    def work(number):
        with connected(front) as connection:
            for step in range(20):
                words, role = ((as_other(front), front.second.role), (as_app(front), front.first.role))[step % 2]
                if (number + step) % 3 == 0:
                    connection.begin()
                    ask(connection, "SET @a = 1")
                change_user(connection, **words)
                assert served_by(connection) == role
                assert ask(connection, "SELECT @a") == ((None,),)

    side_by_side(6, work)
    wait_until(lambda: front.metric("rekey_client_connections") == 0, what="the clients are gone")
    assert len(front.first.backends()) <= 2 and len(front.second.backends()) <= 2
