"""Bad input from clients: the protocol's own error, a counted close, and nobody else notices."""

import pathlib
import struct

import psycopg
import pytest

from support import wire
from support.waiting import wait_until
from support.wire import cstring, frame, request, startup

pytestmark = pytest.mark.core

GOOD = {"user": "app", "database": "whatever"}

BEFORE_LOGIN = {
    "garbage": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zero length": struct.pack("!I", 0),
    "length of itself only": struct.pack("!I", 4),
    "length too small": struct.pack("!II", 7, wire.PROTOCOL_3_0),
    "enormous length": struct.pack("!II", 0x7FFFFFFF, wire.PROTOCOL_3_0),
    "negative length": struct.pack("!II", 0xFFFFFFFF, wire.PROTOCOL_3_0),
    "over the start-up limit": startup({**GOOD, "options": "x" * 20000}),
    "no terminator": struct.pack("!II", 13, wire.PROTOCOL_3_0) + b"user\0",
    "name without value": struct.pack("!II", 14, wire.PROTOCOL_3_0) + b"user\0\0",
    "no user": startup({"database": "x"}),
    "bytes after the terminator": struct.pack("!II", 20, wire.PROTOCOL_3_0) + b"user\0app\0\0xx",
    "a frame instead of a start-up": frame("Q", cstring("SELECT 1")),
    "ssl request with a body": struct.pack("!II", 12, wire.SSL_REQUEST) + b"abcd",
    "two ssl requests and garbage": request(wire.SSL_REQUEST) + b"stuffed bytes before TLS",
    "short cancel": struct.pack("!II", 12, wire.CANCEL_REQUEST) + b"abcd",
}

DURING_LOGIN = {
    "query before authentication": frame("Q", cstring("SELECT 1")),
    "unknown mechanism": frame("p", cstring("PLAIN") + struct.pack("!I", 3) + b"abc"),
    "truncated SASL": frame("p", b"SCRAM-SHA-256"),
    "SASL length beyond the frame": frame("p", cstring("SCRAM-SHA-256") + struct.pack("!I", 500) + b"n,,"),
    "negative SASL length": frame("p", cstring("SCRAM-SHA-256") + struct.pack("!i", -5) + b"n,,"),
    "nonsense SCRAM": frame("p", cstring("SCRAM-SHA-256") + struct.pack("!I", 6) + b"x=y,zz"),
    "no nonce": frame("p", cstring("SCRAM-SHA-256") + struct.pack("!I", 6) + b"n,,n=,"),
    "binding claimed without TLS": frame("p", cstring("SCRAM-SHA-256") + struct.pack("!I", 31) +
                                         b"p=tls-server-end-point,,n=,r=ab"),
    "oversized password frame": b"p" + struct.pack("!I", 0x10000000),
    "short frame length": b"p" + struct.pack("!I", 3),
    "terminate": frame("X"),
}

AFTER_LOGIN = {
    "unknown type": frame("?"),
    "backend's message": frame("Z", b"I"),
    "short length": b"Q" + struct.pack("!I", 3),
    "zero length": b"Q" + struct.pack("!I", 0),
    "enormous length": b"P" + struct.pack("!I", 0xFFFFFFF0),
    "query without end": frame("Q", b"SELECT 1"),
    "bytes after a query": frame("Q", b"SELECT 1\0junk"),
    "sync with a body": frame("S", b"x"),
    "password message": frame("p", cstring("hello")),
    "parse without end": frame("P", b"s"),
    "parse with too few types": frame("P", cstring("s") + cstring("SELECT 1") + struct.pack("!H", 5)),
    "bind with a truncated value": frame("B", cstring("") + cstring("s") + struct.pack("!HHI", 0, 1, 1000) + b"x"),
    "describe of nothing": frame("D", b"Q" + cstring("s")),
    "close of nothing": frame("C", b"?" + cstring("s")),
    "execute without a count": frame("E", cstring("")),
}


@pytest.fixture
def witness(database, rekey_for):
    """Rekey, and another client that must not notice."""
    rekey = rekey_for(database, size=2)
    connection = psycopg.connect(**rekey.target(database.name), autocommit=True)
    connection.execute("SELECT 1")
    yield rekey
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()
    with psycopg.connect(**rekey.target(database.name)) as fresh:
        assert fresh.execute("SELECT 1").fetchone() == (1,)


def counted(rekey):
    return rekey.metric("rekey_closes_total")


@pytest.mark.parametrize("name", sorted(BEFORE_LOGIN))
def test_before_the_login(witness, name):
    before = counted(witness)
    with wire.Connection(witness.port) as connection:
        connection.send(BEFORE_LOGIN[name])
        connection.socket.shutdown(1)
        assert connection.closed()
    wait_until(lambda: counted(witness) > before, what="a counted close")


@pytest.mark.parametrize("name", sorted(DURING_LOGIN))
def test_during_the_login(witness, name):
    before = counted(witness)
    with wire.Connection(witness.port) as connection:
        connection.send(startup(GOOD))
        assert connection.read()[0] == "R"
        connection.send(DURING_LOGIN[name])
        error = connection.last_error()
        assert name == "terminate" or error.get("C", "").startswith(("08", "28")), error
    wait_until(lambda: counted(witness) > before, what="a counted close")


@pytest.mark.parametrize("name", sorted(AFTER_LOGIN))
def test_after_the_login(witness, database, name):
    """Refused with an SQLSTATE, by Rekey (which closes) or by the server (which goes on after Sync)."""
    with wire.Connection(witness.port) as connection:
        connection.login("app", witness.password, database.name)
        connection.send(AFTER_LOGIN[name] + frame("S"))
        assert wire.error_fields(connection.read_until("E")[-1][1])["C"]


def test_a_frame_that_is_announced_and_never_sent(witness, database):
    """Nothing is kept ready for it: a hundred of them cost no memory, and the close is clean."""
    connections = []
    for _ in range(100):
        connection = wire.Connection(witness.port)
        connection.login("app", witness.password, database.name)
        connection.send(b"P" + struct.pack("!I", 0x3FFFFFFF) + b"s\0")
        connections.append(connection)
    assert resident_kilobytes(witness) < 400_000
    for connection in connections:
        connection.close()
    wait_until(lambda: witness.metric("rekey_client_connections") == 1, what="only the witness is left")


def resident_kilobytes(rekey):
    lines = pathlib.Path(f"/proc/{rekey.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_bytes_stuffed_before_tls_are_refused(witness):
    with wire.Connection(witness.port) as connection:
        connection.send(request(wire.SSL_REQUEST) + startup(GOOD))
        assert connection.read_bytes(1) in (b"S", b"N", b"E")
        assert connection.closed()


def test_a_client_that_vanishes_in_the_middle_of_everything(witness, database):
    whole = startup({"user": "app", "database": database.name})
    for length in range(0, len(whole), 7):
        with wire.Connection(witness.port) as connection:
            connection.send(whole[:length])
    for text in ("BEGIN", "SELECT pg_sleep(0.01)", "COPY (SELECT generate_series(1, 100000)) TO STDOUT", "COPY t FROM STDIN"):
        with wire.Connection(witness.port) as connection:
            connection.login("app", witness.password, database.name)
            connection.send(frame("Q", cstring(text)))
    wait_until(lambda: witness.metric("rekey_client_connections") == 1, what="only the witness is left")


def test_every_byte_on_its_own(witness, database):
    with wire.Connection(witness.port) as connection:
        connection.socket.setsockopt(6, 1, 1)
        connection.login("app", witness.password, database.name)
        for byte in frame("Q", cstring("SELECT 12345")):
            connection.send(bytes([byte]))
        assert b"12345" in connection.read_until("Z")[1][1]
