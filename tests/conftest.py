"""Fixtures: one shared PostgreSQL 15 with TLS for the session, servers of one's own, databases, Rekeys in front."""

import psycopg
import pytest

from support.certificates import Authority
from support.database import PostgresDatabase, database_at
from support.postgres import PostgresServer, binaries, running_server
from support.rekey import Rekey, binary, file_credential, local_credential
from support.scratch import Scratch


def pytest_sessionstart(session):
    del session
    if not binary().exists():
        pytest.exit(f"there is no {binary()}: ./dev build first", returncode=3)


@pytest.fixture(scope="session")
def authority():
    """A certificate authority for servers and clients."""
    scratch = Scratch("rekey-ca-")
    yield Authority(scratch.path)
    scratch.close()


@pytest.fixture(scope="session")
def shared_server(authority):
    """PostgreSQL 15 that tests may use but not restart."""
    with running_server(authority) as server:
        yield server


@pytest.fixture
def make_server(authority):
    """Servers of one's own, to be broken: make_server(options…)."""
    servers = []

    def make(start=True, **options):
        version = options.pop("version", 15)
        if binaries(version) is None:
            pytest.skip(f"NOT RUN: PostgreSQL {version} is not here; ./dev setup full fetches it")
        server = PostgresServer(authority=authority, version=version, host_auth=options.pop("host_auth", "scram-sha-256"),
                                options=options)
        servers.append(server)
        if start:
            server.start()
            server.make_rotator("rotator", "rotator-password")
        return server

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def database(shared_server):
    return PostgresDatabase(shared_server)


@pytest.fixture
def make_database():
    return database_at


@pytest.fixture
def make_rekey():
    """Rekeys: make_rekey(configuration). Closed at the end; a sanitizer's report fails the test."""
    instances = []

    def make(configuration, **options):
        instance = Rekey(configuration, **options)
        instances.append(instance)
        return instance

    yield make
    errors = []
    for instance in instances:
        try:
            instance.close()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


def configuration(database, credential, port, tls, **pool):
    """One listener, upstream and credential, every database and user; logins are verified against `database`."""
    upstream = {"name": "main", "protocol": database.protocol, "hosts": [f"127.0.0.1:{database.server.port}"],
                "database": database.name, "credential": credential["name"], "tls": {"mode": tls},
                "pool": {"size": 4, **pool}}
    listener = {"name": database.listener, "protocol": database.protocol, "address": f"127.0.0.1:{port}"}
    return {
        "listeners": [listener],
        "credentials": [credential],
        "upstreams": [upstream],
        "routes": [{"listener": database.listener, "database": "*", "user": "*", "upstream": "main"}],
    }


@pytest.fixture
def rekey_for(make_rekey):
    """rekey_for(database, strategy=…, **pool): a started Rekey in front of a database of any product.

    strategy: "file" (default; instance.publish(username, password) rewrites the secret), "single_user",
    "alternating_users" or "dual_password" (MySQL and MariaDB). `tls` is towards the server; what the database says if
    None. `credential` adds keys to the credential, `change` may alter the whole configuration; `admin` is the rotating
    role's (name, password), or None."""

    def build(database, strategy="file", credential=None, rotation=None, change=None, start=True,
              admin=("rotator", "rotator-password"), tls=None, **pool):
        rekey = make_rekey({})
        rekey.publish = lambda username, password: rekey.secret_json("app.json", username, password)
        if strategy == "file":
            rekey.publish(database.role, database.password)
            entry = file_credential("app", rekey.directory / "app.json", **(credential or {}))
        else:
            rekey.secret_file("initial.password", database.password)
            if admin is not None:
                admin = (admin[0], rekey.secret_file("rotator.password", admin[1]))
            entry = local_credential("app", database.role, "initial.password", admin, strategy, rotation,
                                     **(credential or {}))
        rekey.configuration.update(configuration(database, entry, rekey.port, tls or database.tls, **pool))
        if change is not None:
            change(rekey.configuration)
        rekey.write()
        return rekey.start() if start else rekey

    return build


@pytest.fixture
def watcher():
    """watcher(server): a superuser connection for looking at pg_stat_activity."""
    connections = []

    def connect(server, dbname="postgres"):
        connection = psycopg.connect(host=str(server.directory), port=server.port, user="postgres", dbname=dbname,
                                     autocommit=True, application_name="watcher")
        connections.append(connection)
        return connection

    yield connect
    for connection in connections:
        connection.close()
