"""Rotation while clients work: nobody notices, everything is replaced, the old password is refused."""

import threading
from contextlib import ExitStack

import psycopg
import pytest

from support.database import ask
from support.products import POSTGRES, PRODUCTS, STRATEGIES, cases, on
from support.waiting import wait_until

SIZE = 6
REPLACE = {"replace": {"surge": 1, "window": "300ms"}}


def change_password(database, rekey, password):
    """What somebody else's rotation does: the change, then publish."""
    database.change_password(password)
    rekey.publish(database.role, password)


def rotate_once(database, rekey, strategy, number):
    before = rekey.credential("app")["generation"]
    if strategy == "file":
        change_password(database, rekey, f"file-{number}")
    result = rekey.rotate("app")
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert rekey.credential("app")["generation"] == before + 1


def modes(product):
    """What its load is made of."""
    return ("simple", "extended", "prepared") if product == POSTGRES else ("read_write", "point_select", "text")


EVERY = [(product, strategy, mode) for product in PRODUCTS for strategy in ("file", *STRATEGIES[product])
         for mode in modes(product)]
# Each strategy and each mode once for the sanitizer builds; for the release all of them together with PostgreSQL.
CORE = [(POSTGRES, "file", "extended"), (POSTGRES, "single_user", "simple"),
        (POSTGRES, "alternating_users", "prepared"),
        ("mariadb-10.11", "file", "read_write"), ("mariadb-10.11", "single_user", "text"),
        ("mysql-9", "alternating_users", "read_write"), ("mysql-9", "dual_password", "point_select")]


@cases("database,strategy,mode", EVERY, CORE, [case for case in EVERY if case[0] == POSTGRES])
def test_nobody_notices_a_rotation(database, rekey_for, strategy, mode):
    database.initialise()
    rekey = rekey_for(database, strategy, credential=REPLACE, size=SIZE)
    first_password, refused_before = database.password, database.refused_logins()
    with database.connect(rekey.target(database.name)) as idle:
        seen = database.identity(idle)
        bench = database.load(rekey.target(database.name), mode, clients=3 * SIZE, seconds=5)
        wait_until(lambda: len(database.backends()) == SIZE, what="a full pool")
        with database.sampler() as sampler:
            for number in range(3):
                if number and not bench.running():
                    break  # a slow machine: what is shown must be shown under load
                shown, before = bench.running(), database.backends()
                rotate_once(database, rekey, strategy, number)
                assert not before & database.backends(), "old backends are left"
                assert database.identity(idle) == seen
            assert shown, "the load ended before the last rotation began"
        result = bench.finish()
    assert result.errors == 0, result.output + rekey.log()[-3000:]
    assert min(sampler.counts) >= SIZE - 1 and max(sampler.counts) <= SIZE + 1, sampler.counts
    assert database.refused_logins() - refused_before <= 3 * (number + 1)
    assert not database.accepts(database.role, first_password)


@on("mysql-9")
def test_status_metrics_and_audit_tell_of_a_rotation(database, rekey_for):
    rekey = rekey_for(database, "alternating_users", credential=REPLACE)
    with database.connect(rekey.target(database.name)) as connection:
        ask(connection, "SELECT 1")
    assert rekey.rotate("app").returncode == 0
    entry = rekey.credential("app")
    assert entry["state"] == "idle" and entry["generation"] == 2
    assert rekey.metric("rekey_credential_generation", credential="app") == 2
    assert rekey.metric("rekey_rotations_total", credential="app", result="done") == 1
    wait_until(lambda: rekey.metric("rekey_backend_connections", upstream="main", generation="1") == 0,
               what="the old generation's series gone")
    events = [record["event"] for record in rekey.audit() if record["credential"] == "app"]
    for event in ("stage", "alter", "test", "promote", "publish", "prove", "done"):
        assert event in events, events
    assert rekey.cli("audit", "verify").returncode == 0
    secrets = [database.password, "rotator-password", rekey.password]
    for text in (rekey.log(), rekey.audit_path.read_text(), rekey.cli("status", "--json").stdout, rekey.get("/metrics")[1]):
        assert not [secret for secret in secrets if secret in text]


@pytest.mark.core
def test_the_connection_that_verified_is_the_first_new_backend(make_server, make_database, rekey_for):
    server = make_server(log_connections="on")
    database = make_database(server)
    rekey = rekey_for(database, "file", credential=REPLACE, size=SIZE)
    with ExitStack() as stack:
        clients = [stack.enter_context(psycopg.connect(**rekey.target(database.name))) for _ in range(SIZE)]
        for client in clients:
            client.execute("SELECT 1")  # all in transactions at once: a full pool
        for client in clients:
            client.commit()

        def logins():
            return server.log().count(f"connection authorized: user={database.role} ")

        before = logins()
        rotate_once(database, rekey, "file", 1)
        assert logins() - before == SIZE


def test_no_plaintext_password_reaches_a_statement(make_server, make_database, rekey_for):
    server = make_server(log_statement="all")
    database = make_database(server)
    rekey = rekey_for(database, "alternating_users")
    for _ in range(2):
        assert rekey.rotate("app").returncode == 0
    statements = [line for line in server.log().splitlines() if "PASSWORD" in line and "rotator@" in line]
    setting = [line for line in statements if "PASSWORD NULL" not in line]
    assert len(setting) == 2, "exactly one statement a rotation sets a verifier"
    assert all("SCRAM-SHA-256$" in line for line in setting), setting


def test_the_retired_role_cannot_log_in(database, rekey_for):
    rekey = rekey_for(database, "alternating_users")
    server = database.server
    assert rekey.rotate("app").returncode == 0
    assert server.value(f"SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{database.role}'") == "t"
    clone = f"{database.role}_clone"
    assert server.value(f"SELECT pg_has_role('{clone}', '{database.role}', 'member')") == "t"
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        connection.execute("CREATE TABLE made_by_clone (n int)")
    owner = server.value("SELECT tableowner FROM pg_tables WHERE tablename = 'made_by_clone'", database=database.name)
    assert owner == database.role
    assert rekey.rotate("app").returncode == 0
    assert server.value(f"SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{clone}'") == "t"


@on("mariadb-10.11")
def test_a_dry_run_changes_nothing(database, rekey_for):
    rekey = rekey_for(database, "alternating_users")
    result = rekey.cli("rotate", "app", "--dry-run")
    assert result.returncode == 0 and result.stdout.strip(), result.stderr
    assert rekey.credential("app")["generation"] == 1
    assert database.accepts(database.role, database.password)


@on("mysql-9")
def test_a_second_rotate_joins_the_first(database, rekey_for):
    database.initialise()
    rekey = rekey_for(database, "single_user", credential={"replace": {"surge": 1, "window": "2s"}}, size=SIZE)
    bench = database.load(rekey.target(database.name), clients=12, seconds=5)
    wait_until(lambda: len(database.backends()) == SIZE, what="a full pool")
    results = []
    threads = [threading.Thread(target=lambda: results.append(rekey.rotate("app"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.returncode for result in results] == [0, 0, 0], [result.stderr for result in results]
    assert rekey.credential("app")["generation"] == 2
    assert bench.finish().errors == 0


@on("mariadb-10.11")
def test_a_followed_source_is_noticed_without_being_told(database, rekey_for):
    rekey = rekey_for(database, credential=REPLACE)
    with database.connect(rekey.target(database.name)) as connection:
        for number in range(3):
            change_password(database, rekey, f"noticed-{number}")
            wait_until(lambda wanted=number + 2: rekey.credential("app")["generation"] == wanted, what="a new generation")
            assert ask(connection, "SELECT 1") == (1,)


@on("mysql-9")
def test_rotations_by_schedule(database, rekey_for):
    rekey = rekey_for(database, "single_user", rotation={"every": "1s"})
    wait_until(lambda: rekey.metric("rekey_rotations_total", credential="app", result="done") >= 3, 30,
               what="three rotations")
    with database.connect(rekey.target(database.name)) as connection:
        assert ask(connection, "SELECT 1") == (1,)


@cases("database", [(POSTGRES,), ("mariadb-10.11",), ("mariadb-11.8",)], [(POSTGRES,)], [("mariadb-10.11",)])
def test_single_user_without_an_admin(database, rekey_for):
    rekey = rekey_for(database, "single_user", admin=None)
    first = database.password
    assert rekey.rotate("app").returncode == 0
    assert not database.accepts(database.role, first)
    with database.connect(rekey.target(database.name)) as connection:
        assert ask(connection, "SELECT 1") == (1,)
