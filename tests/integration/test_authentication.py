"""Who may come in: passwords, verifiers, md5, unix sockets, networks; and what a refused one can learn."""

import concurrent.futures
import struct
import time

import psycopg
import pytest

from support import wire
from support.waiting import wait_until


def users(*entries):
    def change(configuration):
        configuration["users"] = list(entries)

    return change


def login(rekey, database, **words):
    with psycopg.connect(**rekey.target(database.name, **words)) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_a_wrong_password_is_refused(database, rekey_for):
    rekey = rekey_for(database)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(rekey, database, password="wrong")
    assert rekey.metric("rekey_client_errors_total") >= 1


def test_a_verifier_instead_of_a_password(database, rekey_for):
    rekey = rekey_for(database, start=False)
    result = rekey.cli("hash-password", configuration=False)
    assert result.returncode != 0, "without input it must say so"
    database.server.make_role(f"{database.role}_v", "hashed elsewhere")
    verifier = database.server.value(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{database.role}_v'")
    rekey.configuration["users"] = [{"name": "app", "password": {"verifier": verifier}}]
    rekey.write()
    rekey.start()
    assert login(rekey, database, password="hashed elsewhere")


def test_a_password_from_the_environment(database, rekey_for):
    rekey = rekey_for(database, change=users({"name": "app", "password": {"env": "APP_PASSWORD"}}), start=False)
    rekey.start(APP_PASSWORD="from the environment")
    assert login(rekey, database, password="from the environment")


def test_md5_where_configured(database, rekey_for):
    user = {"name": "app", "password": {"file": "app.password"}, "methods": ["md5"]}
    rekey = rekey_for(database, change=users(user))
    assert login(rekey, database, require_auth="md5")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(rekey, database, password="wrong")


@pytest.mark.parametrize("method", ["md5", "scram-sha-256", "password", "trust"])
def test_upstream_methods(make_server, make_database, rekey_for, method):
    """Cleartext only under TLS: hence the encrypted upstream."""
    server = make_server(host_auth=method, start=False)
    server.start(password_encryption="md5" if method == "md5" else "scram-sha-256")
    database = make_database(server)

    def over_tls(configuration):
        configuration["upstreams"][0]["tls"] = {"mode": "require"}

    rekey = rekey_for(database, change=over_tls)
    assert login(rekey, database)


def test_a_cleartext_password_is_not_sent_without_tls(make_server, make_database, rekey_for):
    server = make_server(host_auth="password")
    database = make_database(server)
    rekey = rekey_for(database, start=False).start(ready=False)
    wait_until(lambda: rekey.credential("app")["reason"], what="why it is not ready")
    assert rekey.get("/readyz")[0] == 503


def first_answers(rekey, user):
    """What a client sees up to the server's challenge, the random parts blanked: types, lengths, iterations, salt."""
    with wire.Connection(rekey.port) as connection:
        connection.send(wire.startup({"user": user, "database": "x"}))
        kind, body = connection.read()
        initial = b"n,,n=,r=abcdefghijklmnopqrstuvwx"
        connection.send(wire.frame("p", wire.cstring("SCRAM-SHA-256") + struct.pack("!I", len(initial)) + initial))
        challenge_kind, challenge = connection.read()
        fields = dict(part.split("=", 1) for part in challenge[4:].decode().split(","))
        final = f"c=biws,r={fields['r']},p={'A' * 43}=".encode()
        connection.send(wire.frame("p", final))
        error = connection.last_error()
        error["M"] = error["M"].replace(user, "USER")
        return (kind, body, challenge_kind, len(challenge), fields["i"], len(fields["s"]), sorted(error.items())), fields["s"]


def test_an_unknown_user_looks_like_a_wrong_password(database, rekey_for):
    rekey = rekey_for(database)
    known, _ = first_answers(rekey, "app")
    unknown, salt = first_answers(rekey, "nobody")
    assert unknown == known
    assert first_answers(rekey, "nobody")[1] == salt, "the mock salt must not change from try to try"
    assert first_answers(rekey, "nobody2")[1] != salt
    rekey.stop()
    rekey.start()
    assert first_answers(rekey, "nobody")[1] == salt, "nor over a restart"
    known_salt = first_answers(rekey, "app")[1]
    rekey.stop()
    rekey.start()
    assert first_answers(rekey, "app")[1] == known_salt, "else a restart tells the known from the unknown"


def test_throttling_delays_wrong_passwords_and_never_a_right_one(database, rekey_for):
    rekey = rekey_for(database)

    def wrong(_):
        with pytest.raises(psycopg.OperationalError):
            login(rekey, database, password="wrong")

    with concurrent.futures.ThreadPoolExecutor(10) as threads:
        attempts = [threads.submit(wrong, number) for number in range(20)]
        began = time.monotonic()
        assert login(rekey, database)
        assert time.monotonic() - began < 3
        for attempt in attempts:
            attempt.result()


def test_networks_that_may_connect(database, rekey_for):
    rekey = rekey_for(database, change=users({"name": "app", "password": {"file": "app.password"}, "allow": ["10.0.0.0/8"]}))
    with pytest.raises(psycopg.OperationalError):
        login(rekey, database)


def test_a_limit_per_user(database, rekey_for):
    rekey = rekey_for(database, change=users({"name": "app", "password": {"file": "app.password"}, "max_connections": 2}))
    connections = [psycopg.connect(**rekey.target(database.name)) for _ in range(2)]
    with pytest.raises(psycopg.OperationalError, match="too many|53300"):
        login(rekey, database)
    for connection in connections:
        connection.close()
    wait_until(lambda: rekey.metric("rekey_client_connections") == 0, what="closed clients")
    assert login(rekey, database)


def test_unix_sockets_on_both_sides(database, rekey_for):
    rekey = rekey_for(database, start=False)
    socket = rekey.directory / ".s.PGSQL.6432"
    rekey.configuration["listeners"].append({"name": "local", "protocol": "postgres", "address": f"unix:{socket}"})
    rekey.configuration["routes"].append({"listener": "local", "database": "*", "user": "*", "upstream": "main"})
    server = database.server
    rekey.configuration["upstreams"][0]["hosts"] = [f"unix:{server.directory}/.s.PGSQL.{server.port}"]
    rekey.write()
    rekey.start()
    target = {**rekey.target(database.name), "host": str(rekey.directory), "port": 6432}
    with psycopg.connect(**target) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    rekey.stop()
    assert not socket.exists()


def test_a_stale_socket_file_is_replaced(database, rekey_for):
    rekey = rekey_for(database, start=False)
    socket = rekey.directory / ".s.PGSQL.6432"
    rekey.configuration["listeners"].append({"name": "local", "protocol": "postgres", "address": f"unix:{socket}"})
    rekey.configuration["routes"].append({"listener": "local", "database": "*", "user": "*", "upstream": "main"})
    rekey.write()
    rekey.start()
    rekey.kill()
    assert socket.exists()
    rekey.start()
    target = {**rekey.target(database.name), "host": str(rekey.directory), "port": 6432}
    with psycopg.connect(**target) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_several_hosts_the_first_that_answers_serves(make_server, make_database, rekey_for, database):
    dead = make_server()
    dead.stop()

    def two_hosts(configuration):
        configuration["upstreams"][0]["hosts"] = [f"127.0.0.1:{dead.port}", f"127.0.0.1:{database.server.port}"]

    rekey = rekey_for(database, change=two_hosts)
    assert login(rekey, database)
