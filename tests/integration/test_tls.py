"""TLS on both sides: modes, direct negotiation, channel binding, certificates."""

import ssl

import psycopg
import pytest

from support import wire
from support.certificates import Authority
from support.waiting import wait_until

pytestmark = pytest.mark.core

LIBPQ_17 = psycopg.pq.version() >= 170000


def listener_tls(authority, mode, client_ca=False):
    """A change of the configuration: the listener's TLS block."""
    certificate, key = authority.issue("localhost")

    def change(configuration):
        tls = {"mode": mode, "certificate": str(certificate), "key": str(key)}
        if client_ca:
            tls["client_ca"] = str(authority.certificate)
        configuration["listeners"][0]["tls"] = tls

    return change


def upstream_tls(**block):
    def change(configuration):
        configuration["upstreams"][0]["tls"] = {key: str(value) for key, value in block.items()}

    return change


def encrypted(connection):
    return connection.pgconn.ssl_in_use


def test_prefer_offers_tls_with_a_certificate_of_its_own_making(database, rekey_for):
    rekey = rekey_for(database)
    with psycopg.connect(**rekey.target(database.name), sslmode="require") as connection:
        assert encrypted(connection)
    with psycopg.connect(**rekey.target(database.name), sslmode="disable") as connection:
        assert not encrypted(connection)


def fingerprint(rekey):
    with wire.Connection(rekey.port) as connection:
        connection.start_tls()
        return connection.socket.getpeercert(binary_form=True)


def test_the_self_made_certificate_outlives_a_restart(database, rekey_for):
    rekey = rekey_for(database)
    before = fingerprint(rekey)
    rekey.stop()
    rekey.start()
    assert fingerprint(rekey) == before


def test_disable_refuses_tls(database, rekey_for):
    def change(configuration):
        configuration["listeners"][0]["tls"] = {"mode": "disable"}

    rekey = rekey_for(database, change=change)
    with wire.Connection(rekey.port) as connection:
        assert connection.start_tls() == b"N"
        connection.login("app", rekey.password, database.name)


def test_require_refuses_plain_clients(database, rekey_for, authority):
    rekey = rekey_for(database, change=listener_tls(authority, "require"))
    with pytest.raises(psycopg.OperationalError, match="(TLS|SSL|encrypt)"):
        psycopg.connect(**rekey.target(database.name), sslmode="disable")
    with psycopg.connect(**rekey.target(database.name), sslmode="require") as connection:
        assert encrypted(connection)


def test_a_client_can_verify_the_server(database, rekey_for, authority):
    rekey = rekey_for(database, change=listener_tls(authority, "require"))
    target = {**rekey.target(database.name), "host": "localhost", "sslmode": "verify-full"}
    with psycopg.connect(**target, sslrootcert=str(authority.certificate)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("binding", ["require", "prefer", "disable"])
def test_channel_binding(database, rekey_for, authority, binding):
    rekey = rekey_for(database, change=listener_tls(authority, "prefer"))
    with psycopg.connect(**rekey.target(database.name), sslmode="require", channel_binding=binding) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_direct_tls_with_alpn(database, rekey_for):
    if not LIBPQ_17:
        pytest.skip(f"NOT RUN: direct TLS needs libpq 17, psycopg has {psycopg.pq.version()}")
    rekey = rekey_for(database)
    with psycopg.connect(**rekey.target(database.name), sslmode="require", sslnegotiation="direct") as connection:
        assert encrypted(connection)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_direct_tls_without_the_protocols_alpn_is_refused(database, rekey_for):
    rekey = rekey_for(database)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with wire.Connection(rekey.port) as connection:
        try:
            connection.socket = context.wrap_socket(connection.socket, server_hostname="localhost")
            assert connection.send(wire.startup({"user": "app", "database": database.name})).closed()
        except (ssl.SSLError, ConnectionError):
            pass
    with wire.Connection(rekey.port) as connection:
        connection.start_tls(direct=True)
        connection.login("app", rekey.password, database.name)


def test_direct_tls_is_refused_where_tls_is_off(database, rekey_for):
    def change(configuration):
        configuration["listeners"][0]["tls"] = {"mode": "disable"}

    rekey = rekey_for(database, change=change)
    with wire.Connection(rekey.port) as connection, pytest.raises((ssl.SSLError, ConnectionError)):
        connection.start_tls(direct=True)


def test_a_broken_tls_handshake_is_closed(database, rekey_for):
    rekey = rekey_for(database)
    with wire.Connection(rekey.port) as connection:
        connection.send(wire.request(wire.SSL_REQUEST))
        assert connection.read_bytes(1) == b"S"
        connection.send(b"\x16\x03\x01\x00\x05hello")
        assert connection.closed()
    with psycopg.connect(**rekey.target(database.name), sslmode="require") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_large_results_over_tls(database, rekey_for):
    rekey = rekey_for(database, size=2)
    with psycopg.connect(**rekey.target(database.name), sslmode="require") as connection:
        assert len(connection.execute("SELECT repeat('x', 5000000)").fetchone()[0]) == 5000000
        rows = connection.execute("SELECT generate_series(1, 100000)").fetchall()
        assert len(rows) == 100000


# Client certificates


def certificate_user(configuration):
    configuration["users"] = [{"name": "app", "methods": ["cert"]}]


def test_a_client_certificate_logs_in(database, rekey_for, authority):
    certificate, key = authority.issue("app")

    def change(configuration):
        listener_tls(authority, "verify", client_ca=True)(configuration)
        certificate_user(configuration)

    rekey = rekey_for(database, change=change)
    target = {**rekey.target(database.name), "password": "", "sslmode": "require"}
    with psycopg.connect(**target, sslcert=str(certificate), sslkey=str(key)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**target, sslcert="", sslkey="")


def test_a_certificate_of_another_name_or_authority_is_refused(database, rekey_for, authority, tmp_path):
    def change(configuration):
        listener_tls(authority, "verify", client_ca=True)(configuration)
        certificate_user(configuration)

    rekey = rekey_for(database, change=change)
    target = {**rekey.target(database.name), "password": "", "sslmode": "require"}
    for certificate, key in (authority.issue("somebody"), Authority(tmp_path, "another").issue("app")):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**target, sslcert=str(certificate), sslkey=str(key))


# Upstream


@pytest.mark.parametrize("mode", ["disable", "prefer", "require", "verify-ca", "verify-full"])
def test_upstream_modes(database, rekey_for, authority, mode):
    block = {"mode": mode}
    if mode.startswith("verify"):
        block["ca"] = authority.certificate
    rekey = rekey_for(database, change=upstream_tls(**block))
    with psycopg.connect(**rekey.target(database.name)) as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
        assert row == (mode != "disable",)


def test_an_upstream_of_another_authority_is_not_trusted(database, rekey_for, tmp_path):
    other = Authority(tmp_path, "another")
    rekey = rekey_for(database, change=upstream_tls(mode="verify-full", ca=other.certificate), start=False)
    rekey.start(ready=False)
    status, body = rekey.get("/readyz")
    assert status == 503, body
    wait_until(lambda: "certificate" in rekey.log(), what=lambda: f"the reason in the log: {rekey.log()}")


def test_a_server_without_tls_fails_require_and_serves_prefer(make_database, rekey_for, make_server):
    server = make_server(ssl="off")
    database = make_database(server)
    rekey = rekey_for(database, change=upstream_tls(mode="prefer"))
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    strict = rekey_for(database, change=upstream_tls(mode="require"), start=False).start(ready=False)
    assert strict.get("/readyz")[0] == 503


def test_upstream_scram_plus_is_used_when_the_server_offers_it(database, rekey_for, authority):
    """channel_binding cannot be seen at the server; that the login works over TLS with a PLUS-only client would not be
    ours to choose. What can be seen: TLS and SCRAM together."""
    rekey = rekey_for(database, "single_user", change=upstream_tls(mode="verify-full", ca=authority.certificate))
    assert rekey.rotate("app").returncode == 0, rekey.log()[-2000:]
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_direct_tls_to_the_server(make_database, rekey_for, make_server, authority):
    server = make_server(version=18)
    database = make_database(server)
    rekey = rekey_for(database, change=upstream_tls(mode="verify-full", ca=authority.certificate, negotiation="direct"))
    with psycopg.connect(**rekey.target(database.name)) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
