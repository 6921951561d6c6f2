"""psycopg 3 on its defaults: prepared by the protocol from the fifth execution on."""

import psycopg

from contract import cancel_soon, ok, run_sessions


def step(connection, number):
    with connection.transaction():
        assert connection.execute("SELECT %s::int + 1", (number,)).fetchone() == (number + 1,)
        connection.execute("INSERT INTO work_psycopg3 VALUES (%s)", (number,))


def main():
    connection = psycopg.connect("")
    connection.execute("SELECT 1")
    ok("connect")
    for number in range(12):
        assert connection.execute("SELECT %s::int + 1", (number,)).fetchone() == (number + 1,)
    connection.commit()
    ok("prepared")
    connection.execute("CREATE TABLE IF NOT EXISTS work_psycopg3 (n int)")
    connection.commit()
    connection.execute("INSERT INTO work_psycopg3 VALUES (-1)")
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM work_psycopg3 WHERE n = -1").fetchone() == (0,)
    connection.commit()
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(20)]
    assert [cursor.fetchone()[0] for cursor in cursors] == list(range(20))
    connection.commit()
    ok("transaction")
    with connection.cursor().copy("COPY work_psycopg3 FROM STDIN") as copy:
        for number in range(1000):
            copy.write_row((number,))
    with connection.cursor().copy("COPY work_psycopg3 TO STDOUT") as copy:
        assert len(list(copy.rows())) >= 1000
    connection.commit()
    ok("copy")
    timer = cancel_soon(connection.cancel_safe)
    try:
        connection.execute("SELECT pg_sleep(60)")
        raise SystemExit("the query was not cancelled")
    except psycopg.errors.QueryCanceled:
        connection.rollback()
    timer.join()
    ok("cancel")
    connection.close()
    run_sessions(lambda: psycopg.connect(""), step)


main()
