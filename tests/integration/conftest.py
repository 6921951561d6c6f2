"""Fixtures of the MySQL side (servers of each kind, accounts with a database, Rekeys in front), and those of the tests
that are the same for every product."""

import os

import pytest

from support.database import MysqlDatabase, database_at
from support.mysql_server import CORE_KINDS, KINDS, MysqlServer, available
from support.openbao import OpenBao, program
from support.postgres import running_server
from support.products import FULL, POSTGRES
from support.rekey import file_credential

collect_ignore = [] if FULL else ["test_nacos.py"]  # its server is half a minute's start, and brought by `full` only


def missing(kind):
    """Skips the test where the server's program is not on this machine."""
    if not available(kind):
        pytest.skip(f"NOT RUN: {kind} is not here; ./dev setup full brings it")


def as_usual(server):
    """The server running with its usual settings, whatever the last test did to it."""
    if not server.running() or server.started_with:
        server.restart()
    return server


@pytest.fixture(scope="session")
def my_servers(authority):
    """my_servers(kind): a server with TLS that tests may use but not restart; with tls=False one without, which they
    may restart."""
    servers = {}

    def server(kind, tls=True):
        missing(kind)
        if (kind, tls) not in servers:
            entry = servers[kind, tls] = MysqlServer(kind, {"max_allowed_packet": "64M"}, authority if tls else None)
            entry.start()
            entry.make_rotator("rotator", "rotator-password")
        return as_usual(servers[kind, tls])

    yield server
    for entry in servers.values():
        entry.close()


def _openbao():
    if program() is None:
        pytest.skip("NOT RUN: OpenBao is not here; ./dev setup servers brings it, or REKEY_BAO names its program")
    server = OpenBao()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def bao():
    yield from _openbao()


@pytest.fixture
def own_bao():
    """One to be stopped."""
    yield from _openbao()


@pytest.fixture
def store_rekey(rekey_for):
    """store_rekey(database, source, variables, …): a Rekey that has these variables, and its credential from there."""

    def build(database, source, variables=None, refresh="300ms", start=True, hosts=None, credential=None, **options):
        def change(configuration):
            if hosts is not None:
                configuration["upstreams"][0]["hosts"] = hosts
            configuration["credentials"] = [{"name": "app", "source": source, "refresh": refresh,
                                             "replace": {"surge": 1, "window": "300ms"}, **(credential or {})}]

        rekey = rekey_for(database, change=change, start=False, **options)
        rekey.environment = {"HOME": str(rekey.directory), **(variables or {})}
        return rekey.start() if start else rekey

    return build


@pytest.fixture(params=KINDS if os.environ.get("REKEY_FULL") else CORE_KINDS)
def my_server(request, my_servers):
    return my_servers(request.param)


@pytest.fixture
def make_my_database():
    return MysqlDatabase


@pytest.fixture
def my_database(my_server):
    return MysqlDatabase(my_server)


@pytest.fixture
def my_rekey(rekey_for):
    """my_rekey(database, strategy="file", **options): rekey_for with a greater pool, replaced quickly."""

    def build(database, strategy="file", **options):
        return rekey_for(database, strategy, credential={"replace": {"surge": 1, "window": "300ms"}},
                         **{"size": 6, **options})

    return build


@pytest.fixture
def mixed(my_servers, make_rekey):
    """mixed(**listener): Rekey with a MySQL and a MariaDB behind one listener, the MySQL's route the first; the two databases."""

    def build(**listener):
        databases = [MysqlDatabase(my_servers(kind)) for kind in ("mysql-9", "mariadb-10.11")]
        rekey = make_rekey({})
        names = [database.name for database in databases]
        files = [rekey.secret_json(f"{database.name}.json", database.role, database.password) for database in databases]
        rekey.configuration.update({
            "listeners": [{"name": "my", "protocol": "mysql", "address": f"127.0.0.1:{rekey.port}", **listener}],
            "credentials": [file_credential(name, path) for name, path in zip(names, files)],
            "upstreams": [{"name": database.name, "protocol": "mysql", "hosts": [f"127.0.0.1:{database.server.port}"],
                           "database": database.name, "credential": database.name, "tls": {"mode": database.tls}}
                          for database in databases],
            "routes": [{"listener": "my", "database": name, "user": "*", "upstream": name} for name in names]})
        rekey.write()
        return rekey.start(), databases

    return build


# Tests that are the same for every product (support.products)


@pytest.fixture
def database(request):
    """A database of the product that the test is run with; PostgreSQL if nothing is said."""
    product = getattr(request, "param", POSTGRES)
    if product == POSTGRES:
        return database_at(request.getfixturevalue("shared_server"))
    return database_at(request.getfixturevalue("my_servers")(product))


@pytest.fixture(scope="session")
def spare_postgres(authority):
    """PostgreSQL 15 that tests may stop and restart."""
    with running_server(authority) as server:
        yield server


@pytest.fixture
def breakable(request):
    """A database at a server that the test may stop, crash, fill and restart."""
    if request.param == POSTGRES:
        return database_at(as_usual(request.getfixturevalue("spare_postgres")))
    return database_at(request.getfixturevalue("my_servers")(request.param, tls=False))
