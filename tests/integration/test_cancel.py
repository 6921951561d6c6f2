"""Cancel requests hit the query they were meant for, or nothing."""

import struct
import threading
import time

import psycopg
import pytest

from support import wire
from support.waiting import wait_until

pytestmark = pytest.mark.core


def send_cancel(rekey, key):
    with wire.Connection(rekey.port) as connection:
        connection.send(wire.request(wire.CANCEL_REQUEST, struct.pack("!I", key[0]) + key[1]))
        assert connection.closed()


def sleeping(database):
    return int(database.server.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                                     f"'%pg_sleep%' AND datname = '{database.name}' AND pid <> pg_backend_pid()"))


@pytest.mark.parametrize("version", [wire.PROTOCOL_3_0, 0x30002])
def test_a_running_query_is_cancelled(database, rekey_for, version):
    rekey = rekey_for(database, size=2)
    with wire.Connection(rekey.port, timeout=30) as connection:
        connection.login("app", rekey.password, database.name, version=version)
        connection.send(wire.frame("Q", wire.cstring("SELECT pg_sleep(60)")))
        wait_until(lambda: sleeping(database) == 1, what="a sleeping query")
        send_cancel(rekey, connection.key)
        messages = connection.read_until("Z")
        assert wire.error_fields(messages[-2][1])["C"] == "57014"
        assert connection.query("SELECT 1")[-1][0] == "Z"


def test_psycopg_cancels(database, rekey_for):
    rekey = rekey_for(database, size=2)
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        def cancel():
            wait_until(lambda: sleeping(database) == 1, what="a sleeping query")
            connection.cancel_safe(timeout=10)

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(60)")
        thread.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("spoil", ["secret", "process", "short"])
def test_a_wrong_key_cancels_nothing(database, rekey_for, spoil):
    rekey = rekey_for(database, size=2)
    with wire.Connection(rekey.port, timeout=30) as connection:
        connection.login("app", rekey.password, database.name)
        process, secret = connection.key
        wrong = {"secret": (process, bytes([secret[0] ^ 1]) + secret[1:]), "process": (process ^ 1, secret),
                 "short": (process, secret[:2])}[spoil]
        connection.send(wire.frame("Q", wire.cstring("SELECT pg_sleep(0.5)")))
        wait_until(lambda: sleeping(database) == 1, what="a sleeping query")
        send_cancel(rekey, wrong)
        assert [kind for kind, _ in connection.read_until("Z")] == ["T", "D", "C", "Z"]


def test_a_late_cancel_never_hits_the_next_client_of_the_backend(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with wire.Connection(rekey.port, timeout=30) as first, wire.Connection(rekey.port, timeout=30) as second:
        for connection in (first, second):
            connection.login("app", rekey.password, database.name)
        stop = threading.Event()

        def cancel_for_ever():
            while not stop.is_set():
                send_cancel(rekey, first.key)

        thread = threading.Thread(target=cancel_for_ever)
        thread.start()
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            first.query("SELECT 1")
            assert [kind for kind, _ in second.query("SELECT pg_sleep(0.002)")] == ["T", "D", "C", "Z"]
        stop.set()
        thread.join()


def test_cancelling_a_client_that_waits_for_a_backend(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with psycopg.connect(**rekey.target(database.name)) as holder, wire.Connection(rekey.port, timeout=30) as waiter:
        waiter.login("app", rekey.password, database.name)
        holder.execute("SELECT 1")
        waiter.send(wire.frame("Q", wire.cstring("SELECT 1")))
        wait_until(lambda: any(pool["clients_waiting"] for pool in rekey.status()["pools"]), what="a waiting client")
        send_cancel(rekey, waiter.key)
        holder.rollback()
        kinds = [kind for kind, _ in waiter.read_until("Z")]
        assert kinds in (["T", "D", "C", "Z"], ["E", "Z"])
        assert waiter.query("SELECT 1")[-1][0] == "Z"
