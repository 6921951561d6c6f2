"""MySQL and MariaDB: the greeting, which comes before the route is known."""

import socket

import pytest

from support.waiting import free_port

pytestmark = pytest.mark.core


def greeted_version(port):
    """What the first packet of a connection calls the server."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as stream:
        header = stream.read(4)
        payload = stream.read(int.from_bytes(header[:3], "little"))
    assert payload[0] == 10
    return payload[1:payload.index(0)].decode()


def test_the_first_client_after_a_restart_is_greeted_as_by_its_server(my_database, my_rekey):
    rekey = my_rekey(my_database)
    version = greeted_version(my_database.server.port)
    assert greeted_version(rekey.port) == version
    rekey.stop()
    rekey.configuration["upstreams"][0]["hosts"] = [f"127.0.0.1:{free_port()}"]  # where nobody listens
    rekey.write()
    rekey.start(ready=False)
    assert greeted_version(rekey.port) == version
