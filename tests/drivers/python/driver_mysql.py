"""PyMySQL, mysqlclient or mysql-connector-python on its defaults: driver_mysql.py NAME. PyMySQL and mysqlclient prepare
nothing by the protocol."""

import importlib
import os
import ssl
import sys
import time

from contract import cancel_soon, ok, run_sessions

LARGE = 33 << 20
TLS = os.environ["DRIVER_TLS"] == "1"
COMPRESSED = os.environ["DRIVER_COMPRESSED"] == "1"
WHERE = {"host": os.environ["DRIVER_HOST"], "port": int(os.environ["DRIVER_PORT"]), "user": os.environ["DRIVER_USER"],
         "password": os.environ["DRIVER_PASSWORD"], "database": os.environ["DRIVER_DATABASE"]}
MULTI_STATEMENTS = 1 << 16


def pymysql(module):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    over = {"ssl": context} if TLS else {"ssl_disabled": True}
    return module.connect(**WHERE, **over, local_infile=True, client_flag=MULTI_STATEMENTS, max_allowed_packet=2 * LARGE)


def mysqlclient(module):
    return module.connect(**WHERE, ssl=TLS, compress=COMPRESSED, local_infile=1, client_flag=MULTI_STATEMENTS)


def connector(module):
    return module.connect(**WHERE, ssl_disabled=not TLS, compress=COMPRESSED, allow_local_infile=True)


LIBRARIES = {"pymysql": ("pymysql", pymysql), "mysqlclient": ("MySQLdb", mysqlclient),
             "connector": ("mysql.connector", connector)}
LIBRARY, CONNECT = LIBRARIES[sys.argv[1]]
TABLE = f"work_{sys.argv[1]}"


def connect():
    return CONNECT(importlib.import_module(LIBRARY))


def value(cursor, statement, arguments=()):
    cursor.execute(statement, arguments)
    rows = cursor.fetchall()
    assert len(rows) == 1, rows
    return rows[0][0]


def step(connection, number):
    cursor = connection.cursor()
    assert value(cursor, "SELECT %s + 1", (number,)) == number + 1
    cursor.execute(f"INSERT INTO {TABLE} VALUES (%s)", (number,))
    connection.commit()
    cursor.close()


def prepared(connection):
    cursor = connection.cursor(prepared=True)
    cursor.add_attribute("trace", "prepared")  # nothing comes of it in front of a MariaDB
    for number in range(12):
        assert value(cursor, "SELECT ? + 1", (number,)) == number + 1
    cursor.close()
    ok("prepared")


def transaction(connection, cursor):
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (n int)")
    cursor.execute(f"INSERT INTO {TABLE} VALUES (-1)")
    connection.rollback()
    assert value(cursor, f"SELECT count(*) FROM {TABLE} WHERE n = -1") == 0
    connection.commit()
    ok("transaction")


def multi_results(cursor):
    cursor.execute("SELECT 1; SELECT 2, 3; DO 0; SELECT 4")
    seen = [cursor.fetchall()]
    while cursor.nextset():
        if cursor.description:
            seen.append(cursor.fetchall())
    assert [tuple(rows[0]) for rows in seen if rows] == [(1,), (2, 3), (4,)], seen
    ok("multi-results")


def local_infile(connection, cursor):
    cursor.execute(f"LOAD DATA LOCAL INFILE '{os.environ['DRIVER_FILE']}' INTO TABLE {TABLE}")
    connection.commit()
    assert value(cursor, f"SELECT count(*) FROM {TABLE} WHERE n >= 1000000") == 1000
    connection.commit()
    ok("local-infile")


def large(cursor):
    assert value(cursor, "SELECT LENGTH(%s)", ("x" * LARGE,)) == LARGE
    assert len(value(cursor, f"SELECT REPEAT('y', {LARGE})")) == LARGE
    ok("large")


def kill_query(cursor):
    other = connect()
    number = value(cursor, "SELECT CONNECTION_ID()")
    began = time.monotonic()
    timer = cancel_soon(lambda: other.cursor().execute(f"KILL QUERY {number}"))
    try:
        assert value(cursor, "SELECT SLEEP(60)") == 1  # MySQL's answer; MariaDB's is error 1317
    except Exception as error:  # pylint: disable=broad-exception-caught
        if error.args[0] != 1317:
            raise
    timer.join()
    assert time.monotonic() - began < 30
    other.close()
    ok("kill-query")


def main():
    connection = connect()
    cursor = connection.cursor()
    assert value(cursor, "SELECT 1") == 1
    ok("connect")
    if sys.argv[1] == "connector":
        prepared(connection)
        cursor.add_attribute("trace", "text")
    transaction(connection, cursor)
    multi_results(cursor)
    local_infile(connection, cursor)
    large(cursor)
    kill_query(cursor)
    assert value(cursor, "SELECT 5") == 5
    connection.close()
    run_sessions(connect, step)


main()
