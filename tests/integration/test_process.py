"""The process: signals, commands and their exit codes, limits, systemd, what the admin port says."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

import psycopg
import pytest

from support import wire
from support.postgres import binaries
from support.rekey import binary
from support.waiting import free_port, wait_until


def connect(rekey, database, **words):
    return psycopg.connect(**rekey.target(database.name, **words))


def run(*arguments, text=None):
    return subprocess.run([str(binary()), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=30,
                          check=False)


# Ending


def test_sigterm_ends_idle_clients_and_lets_transactions_finish(database, rekey_for):
    rekey = rekey_for(database, size=3)
    with wire.Connection(rekey.port) as idle:
        idle.login("app", rekey.password, database.name)
        busy = connect(rekey, database)
        busy.execute("SELECT 1")
        rekey.signal(signal.SIGTERM)
        assert idle.last_error()["C"] == "57P01"
        with pytest.raises(psycopg.OperationalError):
            connect(rekey, database)
        assert busy.execute("SELECT 2").fetchone() == (2,)
        busy.commit()
    assert rekey.wait_end() == 0


def test_sigterm_gives_up_at_the_shutdown_timeout(database, rekey_for):
    def short(configuration):
        configuration["limits"] = {"shutdown_timeout": "500ms"}

    rekey = rekey_for(database, change=short)
    busy = connect(rekey, database)
    busy.execute("SELECT 1")
    rekey.signal(signal.SIGTERM)
    assert rekey.wait_end(10) == 0
    with pytest.raises(psycopg.OperationalError):
        busy.execute("SELECT 2")


def test_a_second_sigterm_ends_at_once(database, rekey_for):
    rekey = rekey_for(database)
    busy = connect(rekey, database)
    busy.execute("SELECT 1")
    rekey.signal(signal.SIGTERM)
    wait_until(lambda: not _accepts(rekey.port), what="the listener closed")
    rekey.signal(signal.SIGTERM)
    rekey.wait_end(5)
    busy.close()


def _accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def test_systemd_is_told(database, rekey_for):
    rekey = rekey_for(database, start=False)
    path = rekey.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(20)
        rekey.start(NOTIFY_SOCKET=str(path))
        assert b"READY=1" in notify.recv(4096)
        rekey.signal(signal.SIGHUP)
        assert b"RELOADING=1" in notify.recv(4096)
        rekey.signal(signal.SIGTERM)
        while b"STOPPING=1" not in notify.recv(4096):
            pass


# Commands


def test_check_accepts_a_good_file_and_names_the_fault_in_a_bad_one(database, rekey_for):
    rekey = rekey_for(database, start=False)
    assert rekey.cli("check").returncode == 0
    rekey.configuration["upstreams"][0]["pool"]["sise"] = 5
    rekey.write()
    result = rekey.cli("check")
    assert result.returncode == 2
    line = next(number for number, text in enumerate(rekey.file.read_text().splitlines(), 1) if "sise" in text)
    assert f"rekey.yaml:{line}" in result.stderr and "size" in result.stderr, result.stderr


@pytest.mark.parametrize("arguments, code", [
    ([], 2), (["no-such-command"], 2), (["run"], 2), (["run", "-c", "/nowhere.yaml"], 2), (["rotate"], 2),
    (["--version"], 0), (["--help"], 0), (["status", "--admin", "http://127.0.0.1:1"], 3),
    (["rotate", "x", "--admin", "http://127.0.0.1:1"], 3), (["reload", "--admin", "http://127.0.0.1:1"], 3),
])
def test_exit_codes(arguments, code):
    assert run(*arguments).returncode == code


def test_rotating_an_unknown_credential(database, rekey_for):
    result = rekey_for(database).rotate("nobody")
    assert result.returncode in (1, 2) and "nobody" in result.stderr


def test_hash_password_makes_a_usable_verifier(database, rekey_for):
    verifier = run("hash-password", text="by the command\n").stdout.strip()
    assert verifier.startswith("SCRAM-SHA-256$4096:")

    def change(configuration):
        configuration["users"] = [{"name": "app", "password": {"verifier": verifier}}]

    rekey = rekey_for(database, change=change)
    connect(rekey, database, password="by the command").close()
    role = f"{database.role}_h"
    database.server.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{verifier}'")
    assert database.accepts(role, "by the command")


def test_an_altered_audit_log_is_detected(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    assert rekey.rotate("app").returncode == 0
    assert rekey.cli("audit", "verify").returncode == 0
    lines = rekey.audit_path.read_text().splitlines(keepends=True)
    rekey.audit_path.write_text("".join(lines[:2] + lines[3:]))
    result = rekey.cli("audit", "verify")
    assert result.returncode == 1 and "3" in result.stderr + result.stdout


def test_status_is_readable_and_as_json(database, rekey_for):
    rekey = rekey_for(database)
    text = rekey.cli("status")
    assert text.returncode == 0 and "app" in text.stdout and "idle" in text.stdout
    assert json.loads(rekey.cli("status", "--json").stdout)["credentials"][0]["name"] == "app"


# Limits


def limits(**values):
    def change(configuration):
        configuration["limits"] = values

    return change


def test_too_many_clients_get_an_error_and_the_rest_work(database, rekey_for):
    rekey = rekey_for(database, change=limits(client_connections=3))
    clients = [connect(rekey, database) for _ in range(3)]
    with pytest.raises(psycopg.OperationalError, match="too many|53300"):
        connect(rekey, database)
    for client in clients:
        assert client.execute("SELECT 1").fetchone() == (1,)
        client.close()
    wait_until(lambda: rekey.metric("rekey_client_connections") == 0, what="closed clients")
    connect(rekey, database).close()


@pytest.mark.parametrize("sent", [b"", b"\0\0", wire.startup({"user": "app", "database": "x"})])
def test_a_slow_start_up_is_ended(database, rekey_for, sent):
    rekey = rekey_for(database, change=limits(startup_timeout="300ms"))
    with wire.Connection(rekey.port) as connection:
        connection.send(sent)
        began = time.monotonic()
        assert connection.closed()
        assert time.monotonic() - began < 8


def test_slow_start_ups_hold_up_nobody(database, rekey_for):
    rekey = rekey_for(database)
    stuck = [wire.Connection(rekey.port) for _ in range(50)]
    assert connect(rekey, database).execute("SELECT 1").fetchone() == (1,)
    for connection in stuck:
        connection.close()


# Admin port, metrics, console


def test_the_admin_port(database, rekey_for):
    rekey = rekey_for(database)
    assert rekey.get("/healthz")[0] == 200
    assert rekey.get("/")[0] == 200
    assert rekey.get("/nowhere")[0] == 404
    assert rekey.request("POST", "/api/reload")[0] == 401
    assert rekey.request("POST", "/api/reload", {"Authorization": "Bearer wrong"})[0] == 401
    assert rekey.request("POST", "/api/reload", {"Authorization": f"Bearer {rekey.token()}"})[0] == 200
    assert rekey.request("GET", "/api/status", {"Host": "evil.example.com"})[0] in (400, 403, 421)
    assert os.stat(rekey.directory / "store" / "admin.token").st_mode & 0o777 == 0o600


def test_metrics_that_operators_rely_on(database, rekey_for):
    rekey = rekey_for(database)
    with connect(rekey, database) as connection:
        connection.execute("SELECT 1")
        names = {series.split("{")[0] for series in rekey.metrics()}
    for name in ("rekey_backend_connections", "rekey_client_connections", "rekey_client_errors_total", "rekey_rotations_total",
                 "rekey_rotation_state", "rekey_credential_generation", "rekey_credential_age_seconds",
                 "rekey_replacements_total", "rekey_acquire_wait_seconds_bucket", "rekey_auth_retries_saved_total",
                 "rekey_closes_total"):
        assert name in names, sorted(names)


def test_the_admin_port_survives_bad_requests(database, rekey_for):
    rekey = rekey_for(database)
    for data in (b"\0" * 100, b"GET " + b"x" * 100000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000,
                 b"POST /api/rotate HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"):
        with wire.Connection(rekey.admin_port) as connection:
            try:
                connection.send(data)
                connection.socket.shutdown(1)
                connection.closed()
            except OSError:
                pass
    assert rekey.get("/healthz")[0] == 200


def console(rekey, statement):
    target = f"host=127.0.0.1 port={rekey.console_port} user=rekey dbname=rekey password={rekey.token()} sslmode=disable"
    return subprocess.run([binaries() / "psql", "-XAt", target, "-c", statement], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("what", ["POOLS", "CLIENTS", "SERVERS", "CREDENTIALS", "ROTATIONS", "WHY", "VERSION", "HELP", "STATS"])
def test_the_console_shows(database, rekey_for, what):
    rekey = rekey_for(database)
    with connect(rekey, database) as connection:
        connection.execute("SELECT 1")
        result = console(rekey, f"SHOW {what}")
    assert result.returncode == 0, result.stderr
    if what in ("POOLS", "CLIENTS", "SERVERS", "CREDENTIALS"):
        assert result.stdout.strip()


def test_the_console_rotates_reloads_and_refuses_nonsense(database, rekey_for):
    rekey = rekey_for(database, "single_user")
    assert console(rekey, "ROTATE app").returncode == 0
    wait_until(lambda: rekey.credential("app")["generation"] == 2, what="a rotation")
    assert console(rekey, "RELOAD").returncode == 0
    result = console(rekey, "SELECT 1")
    assert result.returncode != 0 and "ERROR" in result.stderr


def test_the_console_needs_the_token(database, rekey_for):
    rekey = rekey_for(database)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=rekey.console_port, user="rekey", password="wrong", dbname="rekey")


def test_a_port_in_use_is_named(database, rekey_for):
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        rekey = rekey_for(database, start=False)
        rekey.configuration["listeners"][0]["address"] = f"127.0.0.1:{port}"
        rekey.write()
        result = rekey.cli("run", timeout=20)
        assert result.returncode != 0 and str(port) in result.stderr


def test_an_emergency_rotation_ends_an_open_transaction_at_its_deadline(database, rekey_for):
    rekey = rekey_for(database, "alternating_users", size=2)
    first = database.password
    busy = connect(rekey, database)
    busy.execute("SELECT 1")
    results = []
    thread = threading.Thread(target=lambda: results.append(rekey.rotate("app", "--emergency", "--deadline", "2s")))
    thread.start()
    thread.join()
    assert results[0].returncode == 0, results[0].stderr + rekey.log()[-2000:]
    with pytest.raises(psycopg.OperationalError):
        busy.execute("SELECT 2")
    assert not database.accepts(database.role, first)
