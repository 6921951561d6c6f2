"""psycopg2 on its defaults. It has no protocol-level prepared statements: PREPARE by SQL stands for them."""

import io

import psycopg2
from psycopg2 import errors

from contract import cancel_soon, ok, run_sessions


def step(connection, number):
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s::int + 1", (number,))
        assert cursor.fetchone() == (number + 1,)
        cursor.execute("INSERT INTO work_psycopg2 VALUES (%s)", (number,))


def main():
    connection = psycopg2.connect("")
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    ok("connect")
    cursor.execute("PREPARE plus AS SELECT $1::int + 1")
    cursor.execute("EXECUTE plus (41)")
    assert cursor.fetchone() == (42,)
    cursor.execute("DEALLOCATE plus")
    connection.commit()
    ok("prepared")
    cursor.execute("CREATE TABLE IF NOT EXISTS work_psycopg2 (n int)")
    connection.commit()
    cursor.execute("INSERT INTO work_psycopg2 VALUES (-1)")
    connection.rollback()
    cursor.execute("SELECT count(*) FROM work_psycopg2 WHERE n = -1")
    assert cursor.fetchone() == (0,)
    connection.commit()
    ok("transaction")
    cursor.copy_expert("COPY work_psycopg2 FROM STDIN", io.StringIO("".join(f"{n}\n" for n in range(1000))))
    out = io.StringIO()
    cursor.copy_expert("COPY work_psycopg2 TO STDOUT", out)
    assert out.getvalue().count("\n") >= 1000
    connection.commit()
    ok("copy")
    timer = cancel_soon(connection.cancel)
    try:
        cursor.execute("SELECT pg_sleep(60)")
        raise SystemExit("the query was not cancelled")
    except errors.QueryCanceled:
        connection.rollback()
    timer.join()
    ok("cancel")
    connection.close()
    run_sessions(lambda: psycopg2.connect(""), step)


main()
