"""Fixtures of the MySQL side: servers of each kind, accounts with a database, Rekeys in front."""

import itertools
import os
import subprocess

import pytest

from support.mysql_server import CORE_KINDS, KINDS, MysqlServer, available
from support.rekey import file_credential, local_credential

_numbers = itertools.count(1)


def missing(kind):
    """Skips the test where the server's program is not on this machine."""
    if not available(kind):
        pytest.skip(f"NOT RUN: {kind} is not here; ./dev setup full brings it")


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
        return servers[kind, tls]

    yield server
    for entry in servers.values():
        entry.close()


@pytest.fixture(params=KINDS if os.environ.get("REKEY_FULL") else CORE_KINDS)
def my_server(request, my_servers):
    return my_servers(request.param)


class MyDatabase:
    """An account and a database of its own, with unique names."""

    def __init__(self, server):
        number = next(_numbers)
        self.server = server
        self.role, self.name, self.password = f"role{number}x", f"db{number}", f"first-{number}"
        server.make_user(self.role, self.password)
        server.make_database(self.name, self.role)

    def target(self):
        return {"host": "127.0.0.1", "port": self.server.port, "user": self.role, "password": self.password,
                "dbname": self.name}

    def backends(self):
        return {row[0] for row in self.server.backends(self.role)}

    def accepts(self, password):
        command = ["mariadb", "--no-defaults", f"--socket={self.server.socket}", f"--user={self.role}",
                   f"--password={password}", "--execute=SELECT 1"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


@pytest.fixture
def make_my_database():
    return MyDatabase


@pytest.fixture
def my_database(my_server):
    return MyDatabase(my_server)


@pytest.fixture
def my_rekey(make_rekey):
    """my_rekey(database, strategy="file", tls="require", change=None, **pool): Rekey in front of it.

    `change` may alter the whole configuration."""

    def build(database, strategy="file", start=True, tls="require", change=None, **pool):
        rekey = make_rekey({})
        if strategy == "file":
            rekey.secret_json("app.json", database.role, database.password)
            credential = file_credential("app", rekey.directory / "app.json")
        else:
            rekey.secret_file("initial.password", database.password)
            admin = ("rotator", rekey.secret_file("rotator.password", "rotator-password"))
            credential = local_credential("app", database.role, "initial.password", admin, strategy)
        credential["replace"] = {"surge": 1, "window": "300ms"}
        rekey.configuration.update({
            "listeners": [{"name": "my", "protocol": "mysql", "address": f"127.0.0.1:{rekey.port}"}],
            "credentials": [credential],
            "upstreams": [{"name": "main", "protocol": "mysql", "hosts": [f"127.0.0.1:{database.server.port}"],
                           "database": database.name, "credential": "app", "tls": {"mode": tls},
                           "pool": {"size": 6, **pool}}],
            "routes": [{"listener": "my", "database": "*", "user": "*", "upstream": "main"}],
        })
        if change is not None:
            change(rekey.configuration)
        rekey.write()
        return rekey.start() if start else rekey

    return build
