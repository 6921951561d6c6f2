"""Prepared statements over shared backends, pipelines and their errors, COPY, large results."""

import concurrent.futures
import io
import pathlib
import struct

import psycopg
import pytest

from support import wire
from support.rekey import sanitized
from support.wire import cstring, frame

pytestmark = pytest.mark.core


def parse(name, text):
    return frame("P", cstring(name) + cstring(text) + struct.pack("!H", 0))


def bind(name, *values, portal=""):
    body = cstring(portal) + cstring(name) + struct.pack("!H", 0) + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!I", len(value)) + value.encode()
    return frame("B", body + struct.pack("!H", 0))


def describe(name):
    return frame("D", b"S" + cstring(name))


def close(name):
    return frame("C", b"S" + cstring(name))


EXECUTE = frame("E", cstring("") + struct.pack("!I", 0))
SYNC, FLUSH = frame("S"), frame("H")


def answers(connection, data):
    """Types of the reply to `data` up to ReadyForQuery, errors as their SQLSTATE, rows with their first column."""
    connection.send(data)
    out = []
    for kind, body in connection.read_until("Z"):
        if kind == "E":
            out.append(wire.error_fields(body)["C"])
        elif kind == "D":
            size = struct.unpack("!i", body[2:6])[0]
            out.append("D" + body[6:6 + size].decode())
        elif kind not in "NS":
            out.append(kind)
    return out


@pytest.fixture
def pair(database, make_database, rekey_for):
    """(a client through Rekey with one backend, another client on it, a client of a twin database without Rekey)."""
    twin = make_database(database.server)
    rekey = rekey_for(database, size=1)
    connections = [wire.Connection(rekey.port), wire.Connection(rekey.port), wire.Connection(database.server.port)]
    for connection in connections[:2]:
        connection.login("app", rekey.password, database.name)
    connections[2].login(twin.role, twin.password, twin.name)
    yield connections
    for connection in connections:
        connection.close()


SEQUENCES = {
    "named statement used later": [parse("s", "SELECT $1::int + 1") + SYNC, bind("s", "1") + EXECUTE + SYNC,
                                   bind("s", "5") + EXECUTE + SYNC],
    "described": [parse("s", "SELECT 1 AS one") + describe("s") + SYNC, describe("s") + SYNC],
    "unknown statement": [bind("nobody") + EXECUTE + SYNC, describe("nobody") + SYNC, close("nobody") + SYNC],
    "same name twice": [parse("s", "SELECT 1") + SYNC, parse("s", "SELECT 2") + SYNC, bind("s") + EXECUTE + SYNC],
    "closed and made anew": [parse("s", "SELECT 1") + SYNC, close("s") + parse("s", "SELECT 2") + SYNC,
                             bind("s") + EXECUTE + SYNC],
    "a bad text": [parse("s", "SELEKT") + SYNC, bind("s") + EXECUTE + SYNC, parse("s", "SELECT 3") + SYNC,
                   bind("s") + EXECUTE + SYNC],
    "unnamed": [parse("", "SELECT 4") + bind("") + EXECUTE + SYNC, parse("", "SELECT 5") + SYNC],
    "error skips to sync": [parse("", "SELECT 1/0") + bind("") + EXECUTE + parse("x", "SELECT 1") + SYNC,
                            bind("x") + EXECUTE + SYNC, parse("", "SELECT 1") + bind("") + EXECUTE + SYNC],
    "pipeline of three": [(parse("", "SELECT 1") + bind("") + EXECUTE) * 3 + SYNC],
    "error in the middle of a pipeline": [parse("", "SELECT 1") + bind("") + EXECUTE + parse("", "SELECT 1/0") + bind("") +
                                          EXECUTE + parse("", "SELECT 2") + bind("") + EXECUTE + SYNC],
    "begin in a pipeline": [parse("", "BEGIN") + bind("") + EXECUTE + parse("", "SELECT 1") + bind("") + EXECUTE + SYNC,
                            parse("", "COMMIT") + bind("") + EXECUTE + SYNC],
    "deallocate by SQL": [parse("s", "SELECT 1") + SYNC, frame("Q", cstring("DEALLOCATE s")), bind("s") + EXECUTE + SYNC],
    "deallocate all by SQL": [parse("s", "SELECT 1") + SYNC, frame("Q", cstring("DEALLOCATE ALL")),
                              bind("s") + EXECUTE + SYNC],
    "discard all": [parse("s", "SELECT 1") + SYNC, frame("Q", cstring("DISCARD ALL")), bind("s") + EXECUTE + SYNC],
    "executed by SQL": [parse("s", "SELECT 7") + SYNC, frame("Q", cstring("EXECUTE s"))],
    "prepared by SQL, bound by protocol": [frame("Q", cstring("PREPARE s AS SELECT 8")), bind("s") + EXECUTE + SYNC,
                                           frame("Q", cstring("DEALLOCATE s"))],
    "statement of a rolled back transaction": [frame("Q", cstring("BEGIN")), parse("s", "SELECT 9") + SYNC,
                                               frame("Q", cstring("ROLLBACK")), bind("s") + EXECUTE + SYNC],
    "changed table": [frame("Q", cstring("CREATE TABLE c (n int)")), parse("s", "SELECT * FROM c") + SYNC,
                      frame("Q", cstring("ALTER TABLE c ADD m int")), bind("s") + EXECUTE + SYNC,
                      frame("Q", cstring("DROP TABLE c"))],
    "empty query": [frame("Q", cstring("")), parse("", "") + bind("") + EXECUTE + SYNC],
    "sync alone": [SYNC, SYNC],
    "unknown function call": [frame("F", struct.pack("!IHHH", 0, 0, 0, 0))],
}

# In a transaction, or pinned: with one backend another client would have to wait.
NEEDS_THE_BACKEND = {"begin in a pipeline", "prepared by SQL, bound by protocol", "statement of a rolled back transaction"}


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_the_extended_protocol_answers_as_the_server_does(pair, name):
    through, other, direct = pair
    alone = name in NEEDS_THE_BACKEND
    for data in SEQUENCES[name]:
        expected = answers(direct, data)
        assert answers(through, data) == expected
        if not alone:  # another client's statement of the same name on the same backend
            answers(other, parse("s", "SELECT 'other'") + close("s") + SYNC)


def test_two_syncs_sent_at_once_give_two_answers(pair):
    through, _, _ = pair
    through.send((parse("", "SELECT 1") + bind("") + EXECUTE + SYNC) * 5)
    assert [len(through.read_until("Z")) for _ in range(5)] == [5] * 5


def test_flush_delivers_before_sync(pair):
    through, _, _ = pair
    through.send(parse("", "SELECT 1") + bind("") + EXECUTE + FLUSH)
    assert [through.read()[0] for _ in range(4)] == ["1", "2", "D", "C"]
    through.send(SYNC)
    assert through.read()[0] == "Z"


def test_many_clients_prepare_the_same_names_with_different_texts(database, rekey_for):
    rekey = rekey_for(database, size=2)

    def client(number):
        with psycopg.connect(**rekey.target(database.name), autocommit=True, prepare_threshold=0) as connection:
            return [connection.execute(f"SELECT {number} + %s::int", (step,)).fetchone()[0] for step in range(20)]

    with concurrent.futures.ThreadPoolExecutor(10) as threads:
        assert list(threads.map(client, range(10))) == [[number + step for step in range(20)] for number in range(10)]
    assert len(database.backends()) <= 2


def test_more_statements_than_a_backend_keeps(database, rekey_for):
    rekey = rekey_for(database, size=1, prepared_statements=5)
    with psycopg.connect(**rekey.target(database.name), autocommit=True, prepare_threshold=0) as connection:
        for _ in range(3):
            for number in range(20):
                assert connection.execute(f"SELECT {number}").fetchone() == (number,)
        kept = connection.execute("SELECT count(*) FROM pg_prepared_statements", prepare=False).fetchone()[0]
    assert kept <= 6


def test_pipeline_mode_of_libpq(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(50)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(50))
        with pytest.raises(psycopg.errors.DivisionByZero), connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("SELECT 1/0")
            connection.execute("SELECT 2")
        assert connection.execute("SELECT 3").fetchone() == (3,)


def test_copy_in_and_out(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with psycopg.connect(**rekey.target(database.name)) as connection:
        connection.execute("CREATE TABLE copied (n int, t text)")
        with connection.cursor().copy("COPY copied FROM STDIN") as copy:
            for number in range(20000):
                copy.write_row((number, "x" * 100))
        connection.commit()
        out = io.BytesIO()
        with connection.cursor().copy("COPY copied TO STDOUT (FORMAT binary)") as copy:
            for data in copy:
                out.write(data)
        assert out.tell() > 20000 * 100
        assert connection.execute("SELECT count(*), sum(n) FROM copied").fetchone() == (20000, 199990000)


def test_a_failed_copy_leaves_the_session_usable(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        connection.execute("CREATE TABLE c (n int)")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            with connection.cursor().copy("COPY c FROM STDIN") as copy:
                copy.write(b"not a number\n")
        with pytest.raises(RuntimeError):
            with connection.cursor().copy("COPY c FROM STDIN"):
                raise RuntimeError("the application gave up")
        assert connection.execute("SELECT count(*) FROM c").fetchone() == (0,)


def test_a_large_row_arrives_whole(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        text = connection.execute("SELECT repeat('0123456789', 2000000)").fetchone()[0]
        assert len(text) == 20000000 and text[-10:] == "0123456789"
        assert connection.execute("SELECT length(%s)", ("y" * 10000000,)).fetchone() == (10000000,)


def test_a_slow_reader_does_not_make_rekey_buffer_the_result(database, rekey_for):
    rekey = rekey_for(database, size=2)
    with wire.Connection(rekey.port) as slow:
        slow.login("app", rekey.password, database.name)
        slow.send(frame("Q", cstring("SELECT repeat('x', 1000) FROM generate_series(1, 200000)")))
        with psycopg.connect(**rekey.target(database.name), autocommit=True) as other:
            for _ in range(50):
                other.execute("SELECT count(*) FROM generate_series(1, 10000)")
        kilobytes = next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{rekey.process.pid}/status").read_text()
                         .splitlines() if line.startswith("VmRSS"))
        if not sanitized():
            assert kilobytes < 60000
        messages = slow.read_until("Z")
        assert sum(1 for kind, _ in messages if kind == "D") == 200000


def test_cached_plan_errors_stay_the_servers(database, rekey_for):
    rekey = rekey_for(database, size=2)
    with psycopg.connect(**rekey.target(database.name), autocommit=True, prepare_threshold=0) as connection:
        connection.execute("CREATE TABLE plan (n int)")
        assert connection.execute("SELECT * FROM plan").fetchall() == []
        connection.execute("ALTER TABLE plan ADD m int")
        try:
            connection.execute("SELECT * FROM plan")
        except psycopg.errors.FeatureNotSupported as error:
            assert "cached plan" in str(error)
        assert connection.execute("SELECT 1").fetchone() == (1,)
