"""MySQL: query attributes, which MySQL's own clients send before a text and among a statement's parameters."""

import mysql.connector
import pymysql
import pytest

pytestmark = [pytest.mark.core, pytest.mark.parametrize("my_server", ["mysql-9"], indirect=True)]
QUESTION = "SELECT mysql_query_attribute_string('trace')"


@pytest.fixture
def front(my_database, my_rekey):
    """Rekey with one backend, whose server can be asked for attributes."""
    if not my_database.server.sql("SELECT 1 FROM mysql.component WHERE component_urn LIKE '%query_attributes'"):
        my_database.server.sql("INSTALL COMPONENT 'file://component_query_attributes'")
    rekey = my_rekey(my_database, size=1)
    rekey.database = my_database
    return rekey


def connect(rekey, database=None, **more):
    return mysql.connector.connect(host="127.0.0.1", port=rekey.port, user="app", password=rekey.password, use_pure=True,
                                   database=(database or rekey.database).name, **more)


def answer(cursor, question=QUESTION, values=()):
    cursor.execute(question, values)
    return cursor.fetchall()[0]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_text_has_the_attributes_that_its_client_gave_it(front, compressed):
    with connect(front, compress=compressed) as first, connect(front) as second:
        for connection, value in [(first, "one"), (second, "two"), (first, "three")]:
            with connection.cursor() as cursor:
                cursor.add_attribute("number", 7)
                cursor.add_attribute("trace", value)
                assert answer(cursor) == (value,)
                cursor.clear_attributes()
                assert answer(cursor) == (None,)
            connection.commit()  # for the other one's turn at the only backend


def test_a_prepared_statement_has_the_attributes_of_its_execution(front):
    with connect(front, autocommit=True) as first, connect(front, autocommit=True) as second:
        cursors = [connection.cursor(prepared=True) for connection in (first, second)]
        for number, cursor in enumerate(cursors * 3):
            cursor.add_attribute("trace", f"turn {number}")
            assert answer(cursor, "SELECT ?, mysql_query_attribute_string('trace'), ?", (number, "x" * number)) == (
                number, f"turn {number}", "x" * number)
            cursor.clear_attributes()


def test_a_long_text_has_its_attributes(front):
    with connect(front) as connection, connection.cursor() as cursor:
        cursor.add_attribute("padding", "y" * 100_000)
        cursor.add_attribute("trace", "one")
        question = f"SELECT mysql_query_attribute_string('trace'), LENGTH('{'x' * 20_000_000}')"
        assert answer(cursor, question) == ("one", 20_000_000)


def test_what_a_text_with_attributes_leaves_is_kept(front):
    with connect(front) as first, connect(front, connection_timeout=3) as second:
        with first.cursor() as cursor:
            cursor.add_attribute("trace", "one")
            cursor.execute("SET @@session.sql_mode = 'ANSI_QUOTES'")
        with second.cursor() as cursor:
            assert "ANSI_QUOTES" not in answer(cursor, "SELECT @@sql_mode")[0].split(",")
        second.commit()
        with first.cursor() as cursor:
            assert answer(cursor, "SELECT @@sql_mode") == ("ANSI_QUOTES",)


def test_clients_without_attributes_are_served_beside(front):
    target = {"host": "127.0.0.1", "port": front.port, "user": "app", "password": front.password,
              "database": front.database.name}
    with pymysql.connect(**target, autocommit=True) as plain, connect(front, autocommit=True) as named:
        for _ in range(3):
            with named.cursor() as cursor:
                cursor.add_attribute("trace", "one")
                assert answer(cursor) == ("one",)
            with plain.cursor() as cursor:
                cursor.execute(QUESTION)
                assert cursor.fetchall() == ((None,),)


@pytest.mark.usefixtures("my_server")
def test_a_server_that_knows_none_gets_none(mixed):
    rekey, (_, mariadb) = mixed(server_version="8.4.5")
    for prepared in (False, True):
        with (connect(rekey, mariadb, autocommit=True, collation="utf8mb4_general_ci") as connection,
              connection.cursor(prepared=prepared) as cursor):
            cursor.add_attribute("trace", "one")
            for number in range(3):
                assert answer(cursor, "SELECT %s + 1", (number,)) == (number + 1,)
