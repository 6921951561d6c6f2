"""The testers tested: the protocol client and the watchers, against the server itself."""

import pytest

from support import wire
from support.products import on
from support.waiting import wait_until


def test_wire_logs_in_and_queries(database):
    with wire.Connection(database.server.port) as connection:
        connection.login(database.role, database.password, database.name, application_name="by hand")
        assert connection.parameters["application_name"] == "by hand"
        assert connection.key is not None
        assert [kind for kind, _ in connection.query("SELECT 1")] == ["T", "D", "C", "Z"]
        assert connection.status == "I"


def test_wire_reports_a_refused_login(database):
    before = database.server.refused_logins(database.role)
    with wire.Connection(database.server.port) as connection, pytest.raises(PermissionError, match="28P01"):
        connection.login(database.role, "wrong", database.name)
    assert database.server.refused_logins(database.role) == before + 1


def test_wire_speaks_tls(database):
    with wire.Connection(database.server.port) as connection:
        assert connection.start_tls() == b"S"
        connection.login(database.role, database.password, database.name)


@on("mysql-9", also=["mariadb-10.11"])
def test_the_sampler_sees_backends(database):
    with database.sampler() as sampler, database.connect(database.target()):
        wait_until(lambda: 1 in sampler.counts, what="a backend seen")
        assert {role for _, role in sampler.logins} == {database.role}
