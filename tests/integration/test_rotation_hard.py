"""The hard case: the server ends the old sessions 0.2 s after the change, the new password is published 1 s later."""

import time

import pytest

from support.load import QueryLoad
from support.rekey import sanitized
from support.waiting import wait_until

pytestmark = pytest.mark.core

SIZE = 6


def change_and_end_sessions(database, password):
    """The change, and what some platforms do to the sessions of the old password 0.2 s after it."""
    server = database.server
    server.sql(f"ALTER ROLE {database.role} PASSWORD '{password}'")
    time.sleep(0.2)  # the scenario's own clock
    busy = server.sql("SELECT count(*) FILTER (WHERE state = 'active') FROM pg_stat_activity, "
                      f"LATERAL (SELECT pg_terminate_backend(pid)) t WHERE usename = '{database.role}'")
    return int(busy[0][0])


@pytest.mark.parametrize("clients", [4, 14])
def test_only_queries_inside_an_ended_backend_fail(database, rekey_for, clients):
    server = database.server
    rekey = rekey_for(database, credential={"replace": {"surge": 1, "window": "500ms"}}, size=SIZE)
    recovered = []
    with QueryLoad(rekey.target(database.name), clients, "SELECT pg_sleep(0.002)", pause=0.002) as load:
        wait_until(lambda: load.everyone_since(0), what="everyone at work")
        for number in range(3):
            failures, refused = len(load.failures), server.refused_logins(database.role)
            changed = time.monotonic()
            change_and_end_sessions(database, f"hard-{number}")
            time.sleep(max(0.0, 1.0 - (time.monotonic() - changed)))  # published one second after the change
            rekey.publish(database.role, f"hard-{number}")
            published = time.monotonic()
            wait_until(lambda moment=published: load.everyone_since(moment), 20,
                       lambda: f"nobody recovered:\n{rekey.log()[-4000:]}")
            recovered.append(time.monotonic() - published)
            failed = load.failures[failures:]
            assert len(failed) <= min(SIZE, clients), [failure.text for failure in failed]
            assert server.refused_logins(database.role) - refused <= 3, rekey.log()[-4000:]
            wait_until(lambda wanted=number + 2: rekey.credential("app")["generation"] == wanted, what="new generation")
    assert max(recovered) < (5.0 if sanitized() else 1.2), recovered
    assert rekey.metric("rekey_auth_retries_saved_total") > 0


def test_waiting_clients_are_served_when_the_password_arrives_late(database, rekey_for):
    rekey = rekey_for(database, size=2, min=0)
    change_and_end_sessions(database, "late")
    with QueryLoad(rekey.target(database.name), 3) as load:
        wait_until(lambda: database.server.refused_logins(database.role) > 0, what="a refused login")
        assert load.total() == 0
        rekey.publish(database.role, "late")
        wait_until(lambda: load.everyone_since(0), what="everyone served")
    assert not load.failures, load.failures[0].text
    assert database.server.refused_logins(database.role) <= 3


def test_a_password_that_never_arrives_costs_the_server_no_login_storm(database, rekey_for):
    rekey = rekey_for(database, size=4, wait_timeout="1s")
    refused = database.server.refused_logins(database.role)
    change_and_end_sessions(database, "never-published")
    with QueryLoad(rekey.target(database.name), 12, pause=0.01) as load:
        wait_until(lambda: len(load.failures) >= 24, 30, what="two rounds of expired waits")
    assert database.server.refused_logins(database.role) - refused <= 3, rekey.log()[-4000:]
    assert load.total() == 0
    assert rekey.running()
