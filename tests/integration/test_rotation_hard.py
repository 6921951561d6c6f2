"""The hard case: the server ends the old sessions 0.2 s after the change, the new password is published 1 s later."""

import time

from support.load import QueryLoad
from support.products import POSTGRES, PRODUCTS, cases, on
from support.rekey import sanitized
from support.waiting import wait_until

SIZE = 6


def change_and_end_sessions(database, password):
    """The change, and what some platforms do to the sessions of the old password 0.2 s after it."""
    database.change_password(password)
    time.sleep(0.2)  # the scenario's own clock
    database.end_backends()


@cases("database,clients", [(product, clients) for product in PRODUCTS for clients in (4, 14)],
       [(POSTGRES, 4), (POSTGRES, 14), ("mysql-9", 14)], [("mariadb-10.11", 4)])
def test_only_queries_inside_an_ended_backend_fail(database, rekey_for, clients):
    rekey = rekey_for(database, credential={"replace": {"surge": 1, "window": "500ms"}}, size=SIZE)
    recovered = []
    with QueryLoad(database, rekey.target(database.name), clients, database.nap, pause=0.002) as load:
        wait_until(lambda: load.everyone_since(0), what="everyone at work")
        for number in range(3):
            failures, refused = len(load.failures), database.refused_logins()
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
            assert database.refused_logins() - refused <= 3, rekey.log()[-4000:]
            wait_until(lambda wanted=number + 2: rekey.credential("app")["generation"] == wanted, what="new generation")
    assert max(recovered) < (5.0 if sanitized() else 1.2), recovered
    assert rekey.metric("rekey_auth_retries_saved_total") > 0


@on("mariadb-10.11")
def test_waiting_clients_are_served_when_the_password_arrives_late(database, rekey_for):
    rekey = rekey_for(database, size=2, min=0)
    change_and_end_sessions(database, "late")
    with QueryLoad(database, rekey.target(database.name), 3) as load:
        wait_until(lambda: database.refused_logins() > 0, what="a refused login")
        assert load.total() == 0
        rekey.publish(database.role, "late")
        wait_until(lambda: load.everyone_since(0), what="everyone served")
    assert not load.failures, load.failures[0].text
    assert database.refused_logins() <= 3


@on("mysql-9")
def test_a_password_that_never_arrives_costs_the_server_no_login_storm(database, rekey_for):
    rekey = rekey_for(database, size=4, wait_timeout="1s")
    refused = database.refused_logins()
    change_and_end_sessions(database, "never-published")
    with QueryLoad(database, rekey.target(database.name), 12, pause=0.01) as load:
        wait_until(lambda: len(load.failures) >= 24, 30, what="two rounds of expired waits")
    assert database.refused_logins() - refused <= 3, rekey.log()[-4000:]
    assert load.total() == 0
    assert rekey.running()
