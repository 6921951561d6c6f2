"""Clients that compress: what they get is what they would get without, and it is smaller on the way."""

import contextlib
import socket
import subprocess
import threading

import mysql.connector
import pytest

from support.mysql_server import SERVERS
from support.waiting import wait_until

MYSQL = SERVERS / "mysql-9/usr/bin/mysql"
LONG = 20 << 20


class Meter:
    """Between a client and a port: counts the bytes of each direction."""

    def __init__(self, port):
        self.to_client = self.to_server = 0
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                for source, sink, name in ((client, server, "to_server"), (server, client, "to_client")):
                    threading.Thread(target=self._carry, args=(source, sink, name), daemon=True).start()

    def _carry(self, source, sink, name):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                setattr(self, name, getattr(self, name) + len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        for one in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def front(my_database, my_rekey):
    """Rekey with two backends; front.database is behind it, front.meter before it."""
    rekey = my_rekey(my_database, size=2)
    rekey.database = my_database
    rekey.meter = Meter(rekey.port)
    yield rekey
    rekey.meter.close()


@contextlib.contextmanager
def connector(front, tls=False, **more):
    connection = mysql.connector.connect(
        host="127.0.0.1", port=front.meter.port, user="app", password=front.password, database=front.database.name,
        autocommit=True, ssl_disabled=not tls, **{"compress": True, "use_pure": True, **more})
    try:
        yield connection
    finally:
        connection.close()


def ask(connection, statement, *values):
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.with_rows else cursor.rowcount


def program(front, *arguments, command="mariadb", text=""):
    words = [command, "--no-defaults", "--host=127.0.0.1", f"--port={front.meter.port}", "--user=app", "--batch",
             "--skip-column-names", f"--password={front.password}", *arguments, front.database.name]
    result = subprocess.run(list(map(str, words)), input=text, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def program_of_mysql(front, *arguments, text=""):
    if not MYSQL.exists():
        pytest.skip("NOT RUN: mysql-9 is not here; ./dev setup servers brings it")
    return program(front, *arguments, command=MYSQL, text=text)


@pytest.mark.core
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_long_values_and_many_rows_come_as_they_are(front, tls):
    with connector(front, tls) as connection:
        assert ask(connection, "SELECT 1") == [(1,)]
        assert ask(connection, f"SELECT REPEAT('y', {LONG})") == [("y" * LONG,)]
        assert front.meter.to_client < LONG / 50
        text = "0123456789abcdef" * (LONG // 16)
        assert ask(connection, f"SELECT LENGTH('{text}')") == [(LONG,)]
        assert front.meter.to_server < LONG / 50
        ask(connection, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))")
        for start in range(0, 20000, 5000):
            rows = ",".join(f"({number}, REPEAT('{number}', 20))" for number in range(start, start + 5000))
            ask(connection, f"INSERT INTO t VALUES {rows}")
        rows = ask(connection, "SELECT id, v FROM t ORDER BY id")
        assert rows == [(number, str(number) * 20) for number in range(20000)]


@pytest.mark.core
def test_prepared_statements_and_errors(front):
    with connector(front) as one, connector(front) as two:
        first, second = one.cursor(prepared=True), two.cursor(prepared=True)
        for number in range(300):
            first.execute("SELECT ? + 1, ?", (number, "x" * number))
            assert first.fetchall() == [(number + 1, "x" * number)]
        two.start_transaction()
        second.execute("SELECT ? + 2", (1,))
        assert second.fetchall() == [(3,)]
        for _ in range(2):
            with pytest.raises(mysql.connector.Error) as error:
                ask(one, "SELECT nonsense")
            assert error.value.errno == 1054
        first.execute("SELECT ? + 1, ?", (1, "z" * 100000))
        assert first.fetchall() == [(2, "z" * 100000)]
        two.rollback()


def fill(path, rows):
    """Writes so many rows to a file; the script that sends them, and gets something long."""
    path.write_text("".join(f"{number}\tvalue {number}\n" for number in range(1, rows + 1)))
    return ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50));"
            f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE t; SELECT COUNT(*), MAX(id) FROM t;"
            f"SELECT REPEAT('y', {LONG}); SELECT 40 + 2;")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_program_of_mariadb(front, tls, tmp_path):
    options = ["--compress", "--ssl" if tls else "--skip-ssl"]
    path = tmp_path / "rows.tsv"
    script = fill(path, 200000)
    out = program(front, *options, "--local-infile", "--max-allowed-packet=64M", text=script)
    assert out == f"200000\t200000\n{'y' * LONG}\n42\n"
    assert front.meter.to_client < LONG / 20 and front.meter.to_server < path.stat().st_size * 0.6
    rows = program(front, *options, "--quick", "--execute=SELECT id, v FROM t ORDER BY id")
    assert rows == path.read_text()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("algorithms", ["zlib", "zstd", "zstd,zlib", "zstd,uncompressed"])
def test_the_program_of_mysql(front, algorithms, tls, tmp_path):
    options = [f"--compression-algorithms={algorithms}", "--zstd-compression-level=9",
               f"--ssl-mode={'REQUIRED' if tls else 'DISABLED'}", "--get-server-public-key"]
    if front.database.server.mariadb and algorithms == "zstd":  # which MariaDB knows not, so it is not offered
        with pytest.raises(AssertionError, match="wrongly configured compression algorithm"):
            program_of_mysql(front, *options, "--execute=SELECT 1")
        return
    path = tmp_path / "rows.tsv"
    script = fill(path, 100000)
    out = program_of_mysql(front, *options, "--local-infile", "--max-allowed-packet=64M", text=script)
    assert out == f"100000\t100000\n{'y' * LONG}\n42\n"
    if not front.database.server.mariadb or "zlib" in algorithms:
        assert front.meter.to_client < LONG / 20
    rows = program_of_mysql(front, *options, "--quick", "--execute=SELECT id, v FROM t ORDER BY id")
    assert rows == path.read_text()


def test_a_listener_may_offer_none(my_database, my_rekey):
    def without(configuration):
        configuration["listeners"][0]["compression"] = False

    rekey = my_rekey(my_database, size=2, change=without)
    rekey.database, rekey.meter = my_database, Meter(rekey.port)
    out = program(rekey, "--compress", "--skip-ssl", "--max-allowed-packet=64M", f"--execute=SELECT REPEAT('y', {LONG})")
    assert out == "y" * LONG + "\n"
    assert rekey.meter.to_client > LONG
    rekey.meter.close()


@pytest.mark.core
def test_what_is_not_compressed_ends_the_connection(front):
    with connector(front) as connection:
        plain = connection._socket.sock
        plain.sendall(b"\x64\0\0\0\xff\xff\xff" + b"x" * 100)
        plain.settimeout(10)
        said = b""
        while data := plain.recv(4096):
            said += data
        assert b"cannot be uncompressed" in said
        connection._socket.sock = None
    wait_until(lambda: front.metric("rekey_client_errors_total", reason="protocol_violation") == 1)
    with connector(front) as connection:
        assert ask(connection, "SELECT 1") == [(1,)]
