"""MySQL and MariaDB: unmodified clients through Rekey, and what a session must find as it left it."""

import contextlib
import re
import socket
import subprocess
import threading
import time

import mysql.connector
import pymysql
import pytest
from pymysql.constants import CLIENT

from support.load import side_by_side
from support.waiting import wait_until

pytestmark = pytest.mark.core
TABLE = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(50))"


@pytest.fixture
def front(my_database, my_rekey):
    """Rekey with two backends; front.database is behind it."""
    return in_front(my_rekey, my_database, size=2, change=second_user)


def in_front(my_rekey, database, **options):
    rekey = my_rekey(database, **options)
    rekey.database = database
    return rekey


def second_user(configuration):
    configuration["users"].append({"name": "other", "password": {"value": "other-password"}})


def words(rekey, **more):
    return {"host": "127.0.0.1", "port": rekey.port, "user": "app", "password": rekey.password,
            "database": rekey.database.name, **more}


@contextlib.contextmanager
def connected(rekey, **more):
    """PyMySQL, each statement its own transaction unless it is told otherwise."""
    connection = pymysql.connect(**words(rekey, **{"autocommit": True, **more}))
    try:
        yield connection
    finally:
        with contextlib.suppress(pymysql.err.Error):
            connection.close()


@contextlib.contextmanager
def connector(rekey, **more):
    connection = mysql.connector.connect(**words(rekey, **{"use_pure": True, "autocommit": True, **more}))
    try:
        yield connection
    finally:
        connection.close()


def ask(connection, statement, *values):
    """The rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall()


def program(rekey, *arguments, password=None):
    command = ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={rekey.port}", "--user=app", "--batch",
               "--skip-column-names", f"--password={password or rekey.password}", *arguments, rekey.database.name]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def kept_busy(rekey, count=1):
    """Backends that are not to be had: transactions of other clients."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(rekey)) for _ in range(count)]
        for connection in connections:
            connection.begin()
            ask(connection, "SELECT CONNECTION_ID() + 0, COUNT(*) FROM information_schema.schemata")
        yield connections
        for connection in connections:
            connection.rollback()


# Logins


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_clients_connect(front, tls):
    extra = {"ssl": {"ca": None, "check_hostname": False}} if tls else {"ssl_disabled": True}
    with connected(front, **extra) as connection:
        assert ask(connection, "SELECT 40 + 2") == ((42,),)
    with connector(front, ssl_disabled=not tls) as connection:
        assert ask(connection, "SELECT 40 + 2") == [(42,)]
    result = program(front, "--ssl" if tls else "--skip-ssl", "--execute=SELECT 40 + 2")
    assert result.stdout == "42\n", result.stderr


def refusal(front, **more):
    with pytest.raises(pymysql.err.OperationalError) as error:
        pymysql.connect(**words(front, **more))
    return error.value.args


def test_a_wrong_password_and_an_unknown_user_look_alike(front):
    wrong = refusal(front, password="wrong")
    unknown = refusal(front, user="nobody", password="wrong")
    assert wrong[0] == unknown[0] == 1045
    assert wrong[1].replace("app", "nobody") == unknown[1]
    assert refusal(front, password="")[1].endswith("(using password: NO)")


def test_an_unknown_database_is_refused_as_the_server_does(front):
    assert refusal(front, database="not_there")[0] in (1049, 1044)
    with connected(front) as connection:
        with pytest.raises(pymysql.err.Error) as error:
            connection.select_db("not_there")
        assert error.value.args[0] in (1049, 1044)
        assert ask(connection, "SELECT DATABASE()") == ((front.database.name,),)


def test_a_goodbye_at_any_place_of_a_burst_ends_one_session_only(front):
    with connected(front) as witness:
        for before in range(26):
            with connected(front, ssl={"ca": None, "check_hostname": False}) as connection:
                connection._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                for _ in range(before):  # a record of TLS each
                    connection._sock.sendall(b"\1\0\0\0\x0e")
                connection._sock.sendall(b"\1\0\0\0\x01")
                connection._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
                while connection._sock.recv(4096):
                    pass
        assert ask(witness, "SELECT 1") == ((1,),)


def test_a_password_is_proven_to_the_server_without_tls(my_servers, make_my_database, my_rekey, my_server):
    if my_server.mariadb:
        return  # knows no caching_sha2_password
    server = my_servers(my_server.kind, tls=False)
    database = make_my_database(server)
    rekey = in_front(my_rekey, database, tls="disable")
    with connected(rekey) as connection:
        assert ask(connection, "SELECT 1") == ((1,),)
    server.sql(f"ALTER USER '{database.role}'@'%' IDENTIFIED BY 'second'", "FLUSH PRIVILEGES")
    rekey.secret_json("app.json", database.role, "second")
    assert rekey.rotate("app").returncode == 0, rekey.log()[-3000:]
    with connected(rekey) as connection:
        assert ask(connection, "SELECT 2") == ((2,),)


# Sharing


def test_transactions_of_six_clients_share_two_backends(front):
    with connected(front) as connection:
        ask(connection, TABLE)
    def work(number):
        with connected(front) as connection:
            for step in range(20):
                connection.begin()
                ask(connection, "INSERT INTO t (v) VALUES (%s)", f"{number}")
                assert ask(connection, "SELECT v FROM t WHERE id = LAST_INSERT_ID()") == ((f"{number}",),)
                connection.commit() if step % 2 else connection.rollback()

    side_by_side(6, work)
    with connected(front) as connection:
        assert ask(connection, "SELECT COUNT(*), COUNT(DISTINCT v) FROM t") == ((60, 6),)
    assert len(front.database.backends()) <= 2


def test_prepared_statements_move_between_backends(front):
    with connector(front) as one, connector(front) as two:
        first, second = one.cursor(prepared=True), two.cursor(prepared=True)
        for number in range(4):
            first.execute("SELECT ? + 1, ?", (number, "x" * number))
            assert first.fetchall() == [(number + 1, "x" * number)]
        two.start_transaction()
        second.execute("SELECT ? + 2", (1,))
        assert second.fetchall() == [(3,)]
        for number in range(4):
            first.execute("SELECT ? + 1, ?", (number, "x" * number))
            assert first.fetchall() == [(number + 1, "x" * number)]
        two.rollback()
        with kept_busy(front):
            second.execute("SELECT ? + 2", (5,))
            assert second.fetchall() == [(7,)]


def test_several_results_of_one_text(front):
    with connected(front, client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 2, 3; DO 0; SELECT 4")
        seen = [cursor.fetchall()]
        while cursor.nextset():
            seen.append(cursor.fetchall())
        assert [list(rows) for rows in seen] == [[(1,)], [(2, 3)], [], [(4,)]]
        with pytest.raises(pymysql.err.Error):
            cursor.execute("SELECT 1; SELECT nonsense")
            cursor.nextset()
        assert ask(connection, "SELECT 5") == ((5,),)


def test_a_local_file_is_loaded(front, tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("".join(f"{number}\tvalue {number}\n" for number in range(1, 20001)))
    with connected(front, local_infile=True) as connection:
        ask(connection, TABLE)
        ask(connection, f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE t")
        assert ask(connection, "SELECT COUNT(*), MAX(v) FROM t WHERE id = 20000 OR id = 1") == ((2, "value 20000"),)
        with pytest.raises((pymysql.err.Error, OSError)):
            ask(connection, f"LOAD DATA LOCAL INFILE '{path}.none' INTO TABLE t")


def test_a_packet_of_more_than_sixteen_mebibytes(front):
    text = "0123456789abcdef" * (20 << 16)
    with connected(front, max_allowed_packet=64 << 20) as connection:
        assert ask(connection, f"SELECT LENGTH('{text}')") == ((len(text),),)
        assert ask(connection, "SELECT %s", text) == ((text,),)
        assert ask(connection, "SELECT REPEAT('y', %s)", len(text)) == (("y" * len(text),),)


# KILL


def asleep(connection, seconds=20):
    """A thread in which it sleeps; thread.result is what came of it."""

    def run():
        try:
            thread.result = ask(connection, f"SELECT SLEEP({seconds})")
        except pymysql.err.Error as error:
            thread.result = error.args[0]

    thread = threading.Thread(target=run)
    thread.result = None
    thread.start()
    return thread


def at_work(front):
    return wait_until(lambda: any("SLEEP(" in cell for row in front.database.server.sql("SHOW PROCESSLIST")
                                  for cell in row), what="a statement at work")


def test_kill_query_ends_a_statement_by_the_id_that_rekey_gave(front):
    with connected(front) as one, connected(front) as two:
        thread, began = asleep(one), time.monotonic()
        at_work(front)
        ask(two, f"KILL QUERY {one.thread_id()}")
        thread.join()
        assert thread.result in (((1,),), 1317)
        assert time.monotonic() - began < 10
        assert ask(one, "SELECT 1") == ask(two, "SELECT 1") == ((1,),)


def test_kill_connection_ends_a_session(front):
    with connected(front) as one, connected(front) as two:
        thread = asleep(one)
        at_work(front)
        ask(two, f"KILL {one.thread_id()}")
        thread.join()
        assert thread.result in (2013, 2006, 1317, 1053, 1927, 4031), thread.result
        with pytest.raises((pymysql.err.Error, OSError)):
            ask(one, "SELECT 1")
        with pytest.raises(pymysql.err.Error) as error:
            ask(two, "KILL 999999999")
        assert error.value.args[0] == 1094


def test_the_session_of_another_user_is_not_killed(front):
    with connected(front, user="other", password="other-password") as one, connected(front) as two:
        for statement in ("KILL", "KILL QUERY"):
            with pytest.raises(pymysql.err.Error) as error:
                ask(two, f"{statement} {one.thread_id()}")
            assert error.value.args[0] in (1094, 1095)
        assert ask(one, "SELECT 1") == ((1,),)
        servers_own = {int(number) for number in front.database.backends()} - {one.thread_id(), two.thread_id()}
        for number in servers_own:
            with pytest.raises(pymysql.err.Error) as error:
                ask(two, f"KILL {number}")
            assert error.value.args[0] == 1094


# What belongs to a session


def moved(front, connection, statement, *values):
    """The statement's rows, asked when the backend that served before is taken by another client."""
    with kept_busy(front):
        return ask(connection, statement, *values)


def test_settings_and_the_schema_follow_the_client(front):
    database = front.database
    database.server.make_database(f"{database.name}_b", database.role)
    asked = "SELECT @@character_set_client, @@collation_connection, @@sql_mode, @@time_zone, DATABASE()"
    with connected(front) as one, connected(front) as two:
        ask(one, "SET NAMES latin1 COLLATE latin1_german2_ci")
        ask(one, "SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+05:00'")
        ask(one, f"USE {database.name}_b")
        before = ask(two, asked)
        expected = (("latin1", "latin1_german2_ci", "ANSI_QUOTES", "+05:00", f"{database.name}_b"),)
        assert ask(one, asked) == expected
        assert moved(front, one, asked) == expected
        assert ask(two, asked) == before != expected
        two.select_db(f"{database.name}_b")
        assert moved(front, two, "SELECT DATABASE()") == ((f"{database.name}_b",),)


def test_user_variables_and_temporary_tables_stay_with_their_session(front):
    with connected(front) as one, connected(front) as two:
        ask(one, "SET @a = 5")
        assert ask(two, "SELECT @a") == ((None,),)
        assert ask(one, "SELECT @a") == ((5,),)
    with connected(front) as one:
        ask(one, "CREATE TEMPORARY TABLE scratch (n INT)")
        ask(one, "INSERT INTO scratch VALUES (7)")
        assert moved(front, one, "SELECT n FROM scratch") == ((7,),)
    with connected(front) as two, kept_busy(front), pytest.raises(pymysql.err.ProgrammingError):
        ask(two, "SELECT n FROM scratch")
    wait_until(lambda: front.metric("rekey_backend_connections", upstream="main", state="pinned") == 0)
    for _ in range(3):
        with connected(front) as two:
            assert ask(two, "SELECT @a") == ((None,),)


def test_the_next_statement_finds_what_the_last_one_left(front):
    with connected(front) as one, connected(front) as two:
        ask(one, TABLE)
        for number in range(1, 4):
            with one.cursor() as cursor:
                cursor.execute("INSERT INTO t (v) VALUES ('one')")
                mine = cursor.lastrowid
            ask(two, "INSERT INTO t (v) VALUES ('two')")
            assert ask(one, "SELECT LAST_INSERT_ID()") == ((mine,),), number
        ask(one, "SELECT CAST('abc' AS SIGNED)")
        ask(two, "SELECT 1")
        assert [row[1] for row in ask(one, "SHOW WARNINGS")] == [1292]
        ask(one, "UPDATE t SET v = 'x' WHERE v = 'one'")
        assert ask(one, "SELECT ROW_COUNT()") == ((3,),)
        ask(one, "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1")
        assert ask(one, "SELECT FOUND_ROWS()") == ((6,),)


# Servers and modes


def test_idle_clients_go_on_after_a_restart_of_the_server(my_servers, make_my_database, my_rekey, my_server):
    server = my_servers(my_server.kind, tls=False)
    rekey = in_front(my_rekey, make_my_database(server), size=2, tls="disable")
    with connected(rekey) as one, connector(rekey) as two:
        ask(one, "SET SESSION sql_mode = ''")
        prepared = two.cursor(prepared=True)
        prepared.execute("SELECT ? + 1", (1,))
        assert prepared.fetchall() == [(2,)]
        server.restart()
        assert ask(one, "SELECT @@sql_mode") == (("",),)
        prepared.execute("SELECT ? + 1", (2,))
        assert prepared.fetchall() == [(3,)]


def test_session_mode_gives_each_client_a_backend_of_its_own(my_database, my_rekey):
    rekey = in_front(my_rekey, my_database, size=2, mode="session")
    with connected(rekey) as one, connected(rekey) as two:
        ask(one, "SET @a = 1")
        ask(two, "SET @a = 2")
        assert (ask(one, "SELECT @a"), ask(two, "SELECT @a")) == (((1,),), ((2,),))
        assert len(my_database.backends()) == 2
        assert re.fullmatch(r"\d+", str(ask(one, "SELECT CONNECTION_ID()")[0][0]))
    with connected(rekey) as three:
        assert ask(three, "SELECT @a") == ((None,),)
