"""MySQL and MariaDB: whatever belongs to a session looks through Rekey as it does on a connection of one's own.

Each script runs three times: on the server itself, through a pool shared with others (auto), and in session mode. Its
statements are those of the clients a and b; between any two of them other clients take and give back backends."""

import contextlib
import os

import pymysql
import pytest
from pymysql.constants import CLIENT

pytestmark = pytest.mark.core

# name: what the clients a and b say; a script that one of the two families does not know is told so by its errors.
SCRIPTS = {
    "a transaction": [
        ("a", "BEGIN"), ("a", "INSERT INTO t VALUES (1, 'a')"), ("b", "SELECT COUNT(*) FROM t"), ("a", "ROLLBACK"),
        ("b", "SELECT COUNT(*) FROM t")],
    "savepoints": [
        ("a", "BEGIN"), ("a", "INSERT INTO t VALUES (1, 'a')"), ("a", "SAVEPOINT s"), ("a", "DELETE FROM t"),
        ("a", "ROLLBACK TO s"), ("a", "COMMIT"), ("b", "SELECT * FROM t")],
    "autocommit off": [
        ("a", "SET autocommit = 0"), ("a", "INSERT INTO t VALUES (1, 'a')"), ("b", "SELECT COUNT(*) FROM t"),
        ("b", "SELECT @@autocommit"), ("a", "COMMIT"), ("b", "SELECT * FROM t"), ("a", "SELECT @@autocommit"),
        ("a", "INSERT INTO t VALUES (2, 'a')"), ("a", "ROLLBACK"), ("a", "SELECT COUNT(*) FROM t")],
    "a snapshot with autocommit off": [
        ("a", "SET autocommit = 0"), ("a", "SELECT COUNT(*) FROM t"), ("b", "INSERT INTO t VALUES (1, 'b')"),
        ("a", "SELECT COUNT(*) FROM t"), ("a", "COMMIT"), ("a", "SELECT COUNT(*) FROM t")],
    "user variables": [
        ("a", "SET @v = 'x', @w = 1.50"), ("b", "SELECT @v, @w"), ("a", "SELECT @v, @w"), ("a", "SELECT @n := 7"),
        ("a", "SELECT @n"), ("b", "SELECT @n"), ("a", "SELECT COUNT(*) INTO @c FROM t"), ("a", "SELECT @c")],
    "settings": [
        ("a", "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'"), ("a", "SELECT 'x' || 'y'"),
        ("b", "SELECT 'x' || 'y'"), ("a", 'SELECT COUNT("id") FROM "t"'), ("a", "SET group_concat_max_len = 4"),
        ("a", "SELECT GROUP_CONCAT(n) FROM (SELECT 100 AS n UNION ALL SELECT 200) AS x"),
        ("b", "SELECT @@group_concat_max_len, @@sql_mode"), ("a", "SET time_zone = '-03:00'"),
        ("a", "SELECT @@time_zone"),
        ("b", "SELECT @@time_zone"), ("a", "SET foreign_key_checks = 0"), ("a", "SELECT @@foreign_key_checks"),
        ("b", "SELECT @@foreign_key_checks"), ("a", "SET unique_checks = 0"), ("b", "SELECT @@unique_checks"),
        ("a", "SET sql_mode = DEFAULT"), ("a", "SELECT 'x' || 'y'")],
    "isolation": [
        ("a", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"), ("a", "BEGIN"),
        ("a", "SELECT COUNT(*) FROM t"),
        ("b", "INSERT INTO t VALUES (1, 'b')"), ("a", "SELECT COUNT(*) FROM t"), ("a", "COMMIT"),
        ("b", "BEGIN"), ("b", "SELECT COUNT(*) FROM t"), ("a", "INSERT INTO t VALUES (2, 'a')"),
        ("b", "SELECT COUNT(*) FROM t"), ("b", "COMMIT")],
    "isolation of one transaction": [
        ("a", "SET TRANSACTION READ ONLY"), ("b", "INSERT INTO t VALUES (1, 'b')"), ("a", "BEGIN"),
        ("a", "INSERT INTO t VALUES (2, 'a')"), ("a", "COMMIT"), ("a", "INSERT INTO t VALUES (3, 'a')"),
        ("a", "SELECT id FROM t ORDER BY id")],
    "temporary tables": [
        ("a", "CREATE TEMPORARY TABLE t (n INT)"), ("a", "INSERT INTO t VALUES (5)"), ("b", "SELECT COUNT(*) FROM t"),
        ("a", "SELECT * FROM t"), ("a", "DROP TEMPORARY TABLE t"), ("a", "SELECT COUNT(*) FROM t")],
    "locked tables": [
        ("a", "LOCK TABLES t WRITE"), ("a", "INSERT INTO t VALUES (1, 'a')"), ("a", "SELECT COUNT(*) FROM other"),
        ("a", "UNLOCK TABLES"), ("a", "SELECT COUNT(*) FROM other"), ("b", "SELECT * FROM t")],
    "named locks": [
        ("a", "SELECT GET_LOCK(DATABASE(), 0)"), ("b", "SELECT GET_LOCK(DATABASE(), 0)"),
        ("b", "SELECT RELEASE_LOCK(DATABASE())"), ("a", "SELECT RELEASE_LOCK(DATABASE())"),
        ("b", "SELECT GET_LOCK(DATABASE(), 0)"), ("b", "SELECT RELEASE_ALL_LOCKS()"),
        ("a", "SELECT IS_FREE_LOCK(DATABASE())")],
    "found rows": [
        ("a", "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')"),
        ("a", "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1"),
        ("a", "SELECT FOUND_ROWS()"), ("b", "SELECT id FROM t LIMIT 2"), ("b", "SELECT FOUND_ROWS()")],
    "the last identity": [
        ("a", "INSERT INTO counted (v) VALUES ('a')"), ("b", "INSERT INTO counted (v) VALUES ('b'), ('c')"),
        ("a", "SELECT LAST_INSERT_ID()"), ("b", "SELECT LAST_INSERT_ID()"), ("a", "SELECT 1"),
        ("a", "INSERT INTO t VALUES (LAST_INSERT_ID(), 'p')"), ("b", "SELECT @@identity"), ("a", "SELECT id FROM t"),
        ("b", "SELECT LAST_INSERT_ID(40)"), ("b", "SELECT LAST_INSERT_ID()"), ("a", "SELECT LAST_INSERT_ID()")],
    "counts and warnings": [
        ("a", "INSERT INTO t VALUES (1, 'x'), (2, 'y')"), ("a", "SELECT ROW_COUNT()"), ("a", "DELETE FROM t"),
        ("a", "SELECT ROW_COUNT()"), ("a", "SELECT CAST('1x' AS SIGNED)"), ("a", "SELECT @@warning_count"),
        ("a", "SELECT CAST('2x' AS SIGNED)"), ("a", "SHOW WARNINGS"), ("a", "SHOW COUNT(*) WARNINGS"),
        ("a", "SELECT nonsense"), ("a", "SHOW ERRORS"), ("b", "SHOW WARNINGS")],
    "character sets": [
        ("a", "SET NAMES latin1"), ("a", "SELECT CHARSET('x'), COLLATION('x')"), ("b", "SELECT CHARSET('x')"),
        ("a", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"), ("a", "SELECT 'a' = 'A'"), ("b", "SELECT 'a' = 'A'"),
        ("a", "SET character_set_results = NULL"), ("a", "SELECT @@character_set_results IS NULL")],
    "the schema": [
        ("a", "USE information_schema"), ("a", "SELECT DATABASE()"), ("b", "SELECT DATABASE() = 'information_schema'"),
        ("a", "USE nowhere_at_all"), ("a", "SELECT DATABASE()")],
    "statements prepared by text": [
        ("a", "PREPARE p FROM 'SELECT ? + 1'"), ("a", "SET @n = 4"), ("b", "EXECUTE p USING @n"),
        ("a", "EXECUTE p USING @n"),
        ("a", "DEALLOCATE PREPARE p"), ("a", "EXECUTE p USING @n")],
    "handlers": [
        ("a", "INSERT INTO t VALUES (1, 'x'), (2, 'y')"), ("a", "HANDLER t OPEN"), ("a", "HANDLER t READ FIRST"),
        ("b", "HANDLER t READ FIRST"), ("a", "HANDLER t READ NEXT"), ("a", "HANDLER t CLOSE")],
    "distributed transactions": [
        ("a", "XA START 'x1'"), ("a", "INSERT INTO t VALUES (1, 'x')"), ("a", "XA END 'x1'"),
        ("b", "SELECT COUNT(*) FROM t"),
        ("a", "XA ROLLBACK 'x1'"), ("a", "SELECT COUNT(*) FROM t")],
    "routines": [
        ("a", "CREATE PROCEDURE remember() BEGIN SET @r = 9; CREATE TEMPORARY TABLE kept (n INT); END"),
        ("a", "CALL remember()"), ("b", "SELECT @r"), ("a", "SELECT @r"), ("a", "SELECT COUNT(*) FROM kept"),
        ("b", "SELECT COUNT(*) FROM kept")],
    "several statements": [
        ("a", "SET @m = 1; BEGIN; INSERT INTO t VALUES (1, 'x')"), ("b", "SELECT COUNT(*) FROM t"), ("a", "SELECT @m"),
        ("a", "ROLLBACK; SELECT COUNT(*) FROM t"), ("a", "SET @m = 2; SELECT nonsense; SET @m = 3"), ("a", "SELECT @m"),
        ("a", "SET time_zone = '+02:00'; SELECT nonsense"), ("a", "SELECT @@time_zone"), ("b", "SELECT @@time_zone")],
    "limits": [
        ("a", "INSERT INTO t VALUES (1, 'x'), (2, 'y')"), ("a", "SET sql_select_limit = 1"), ("b", "SELECT id FROM t"),
        ("a", "SELECT id FROM t"), ("a", "SET sql_select_limit = DEFAULT"), ("a", "SELECT id FROM t")],
    "time": [
        ("a", "SET timestamp = 1000000000"), ("b", "SELECT YEAR(NOW()) = 2001"), ("a", "SELECT UNIX_TIMESTAMP()"),
        ("a", "SET timestamp = DEFAULT"), ("a", "SELECT UNIX_TIMESTAMP() = 1000000000")],
}


def outcome(connection, statement):
    """Every result of the text, and the number of the error that ended it."""
    seen = []
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            seen.append((cursor.rowcount, list(cursor.fetchall())))
            while cursor.nextset():
                seen.append((cursor.rowcount, list(cursor.fetchall())))
    except pymysql.err.Error as error:
        seen.append(error.args[0])
    return seen


class Others:
    """Clients that take a backend at one step and give it back at a later one, so that idle ones change places."""

    def __init__(self, connections):
        self._connections, self._step = connections, 0

    def move(self):
        connection = self._connections[self._step % len(self._connections)]
        self._step += 1
        with connection.cursor() as cursor:
            if connection.get_autocommit():
                connection.autocommit(False)
                cursor.execute("SELECT COUNT(*) FROM other")
            else:
                connection.rollback()
                connection.autocommit(True)


def play(script, target, others):
    """What the clients of the script saw, step by step."""
    words = {**target, "autocommit": True, "client_flag": CLIENT.MULTI_STATEMENTS, "ssl_disabled": True}
    with contextlib.ExitStack() as stack:
        def client():
            return stack.enter_context(contextlib.closing(pymysql.connect(**words)))
        clients, mover = {"a": client(), "b": client()}, Others([client() for _ in range(others)])
        seen = []
        for name, statement in script:
            if others:
                mover.move()
            seen.append((name, statement, outcome(clients[name], statement)))
        return seen


def prepare(database):
    database.server.sql("DROP TABLE IF EXISTS t, other, counted", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))",
                        "CREATE TABLE other (n INT)",
                        "CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT)",
                        "DROP PROCEDURE IF EXISTS remember", database=database.name)


@pytest.mark.parametrize("mode", ["auto", "session"] if os.environ.get("REKEY_FULL") else ["auto"])
def test_sessions_look_as_they_do_on_connections_of_their_own(my_database, my_rekey, mode):
    direct = my_database.target()
    direct["database"] = direct.pop("dbname")
    rekey = my_rekey(my_database, mode=mode, size=4)
    through = {**direct, "port": rekey.port, "user": "app", "password": rekey.password}
    differences = []
    for name, script in SCRIPTS.items():
        prepare(my_database)
        expected = play(script, direct, 0)
        prepare(my_database)
        found = play(script, through, 2)
        differences += [(name, mine, theirs) for mine, theirs in zip(found, expected) if mine != theirs]
    assert not differences, "\n".join(map(str, differences))
