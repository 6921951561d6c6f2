"""The pool as its settings promise: modes, sizes, waiting, lifetimes."""

import concurrent.futures
import time

import psycopg
import pytest

from support.waiting import wait_until


def connect(rekey, database, **words):
    return psycopg.connect(**rekey.target(database.name), autocommit=True, **words)


def pid(connection):
    return connection.execute("SELECT pg_backend_pid()").fetchone()[0]


@pytest.mark.parametrize("mode", ["auto", "transaction"])
def test_clients_share_a_backend_per_transaction(database, rekey_for, mode):
    rekey = rekey_for(database, size=1, mode=mode)
    with connect(rekey, database) as first, connect(rekey, database) as second:
        assert pid(first) == pid(second)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            with first.transaction():
                inside = pid(first)
                waiting = threads.submit(pid, second)
                wait_until(lambda: any(pool["clients_waiting"] for pool in rekey.status()["pools"]), what="a waiter")
                assert pid(first) == inside and not waiting.done()
            # the transaction is over: the waiter gets the backend
            assert waiting.result(10) == inside


def test_session_mode_keeps_the_backend(database, rekey_for):
    rekey = rekey_for(database, size=2, mode="session")
    with connect(rekey, database) as first, connect(rekey, database) as second:
        pids = pid(first), pid(second)
        assert pids[0] != pids[1]
        assert (pid(first), pid(second)) == pids
        first.execute("CREATE TEMP TABLE mine (n int); SET work_mem = '5MB'; PREPARE p AS SELECT 1")
        assert first.execute("EXECUTE p").fetchone() == (1,)
    with connect(rekey, database) as third:
        assert third.execute("SELECT to_regclass('mine')").fetchone() == (None,)
        assert third.execute("SHOW work_mem").fetchone() == ("4MB",)


def test_statement_mode_refuses_transactions(database, rekey_for):
    rekey = rekey_for(database, size=1, mode="statement")
    with connect(rekey, database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.Error):
            connection.execute("BEGIN")
    with connect(rekey, database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_waiting_is_first_in_first_out(database, rekey_for):
    rekey = rekey_for(database, size=1)
    order = []

    def one(number, connection):
        connection.execute("SELECT 1")
        order.append(number)

    connections = [connect(rekey, database) for _ in range(6)]
    holder = connect(rekey, database)
    holder.execute("BEGIN")
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        for number, connection in enumerate(connections):
            threads.submit(one, number, connection)
            wait_until(lambda wanted=number + 1: rekey.status()["pools"][0]["clients_waiting"] == wanted, what="in the queue")
        holder.execute("COMMIT")
    assert sorted(order) == list(range(6))
    assert order[0] == 0
    for connection in (*connections, holder):
        connection.close()


def test_an_expired_wait_is_an_error_and_the_session_lives(database, rekey_for):
    rekey = rekey_for(database, size=1, wait_timeout="400ms")
    with connect(rekey, database) as holder, connect(rekey, database) as waiter:
        holder.execute("BEGIN")
        began = time.monotonic()
        with pytest.raises(psycopg.Error, match="(wait|backend)"):
            waiter.execute("SELECT 1")
        assert 0.3 < time.monotonic() - began < 5
        holder.execute("COMMIT")
    assert rekey.metric("rekey_client_errors_total") >= 1


def test_min_backends_are_kept_once_a_database_is_used(database, rekey_for):
    rekey = rekey_for(database, size=5, min=3)
    with connect(rekey, database) as connection:
        connection.execute("SELECT 1")
    wait_until(lambda: len(database.backends()) == 3, what="three backends")


def test_idle_backends_are_closed_down_to_min(database, rekey_for):
    rekey = rekey_for(database, size=5, min=1, idle_timeout="300ms")
    connections = [connect(rekey, database) for _ in range(5)]
    for connection in connections:
        connection.execute("BEGIN")
        connection.execute("SELECT 1")
    assert len(database.backends()) == 5
    for connection in connections:
        connection.close()
    wait_until(lambda: len(database.backends()) == 1, what="one backend left")


def test_backends_that_lived_long_enough_are_replaced(database, rekey_for):
    rekey = rekey_for(database, size=2, max_lifetime="500ms")
    with connect(rekey, database) as connection:
        before = pid(connection)
        wait_until(lambda: pid(connection) != before, what="another backend")


def test_clients_of_one_pool_never_mix_their_answers(database, rekey_for):
    rekey = rekey_for(database, size=3)

    def client(number):
        with connect(rekey, database) as connection:
            for step in range(60):
                assert connection.execute("SELECT %s::int, %s::int", (number, step)).fetchone() == (number, step)
        return True

    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        assert all(threads.map(client, range(12)))
    assert len(database.backends()) <= 3
