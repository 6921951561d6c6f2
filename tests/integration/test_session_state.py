"""Sessions that share backends keep their own state: each script gives the same answers through Rekey as directly."""

import psycopg
import pytest

from support.waiting import wait_until

pytestmark = pytest.mark.core

# Each script is run statement by statement on one connection; between the statements other clients put other state on
# the backends. Expected are the answers of the server itself.
SCRIPTS = {
    "set": ["SET work_mem = '5MB'", "SHOW work_mem", "RESET work_mem", "SHOW work_mem"],
    "set several": ["SET work_mem = '6MB'; SET statement_timeout = '77s'", "SHOW work_mem", "SHOW statement_timeout"],
    "reported parameters": ["SET DateStyle = 'German, DMY'", "SELECT date '2024-02-01'", "SET TimeZone = 'Asia/Tokyo'",
                            "SELECT timestamptz '2024-02-01 00:00+00'", "SET client_encoding = 'LATIN1'",
                            "SHOW client_encoding"],
    "application name": ["SET application_name = 'mine'", "SHOW application_name"],
    "set rolled back": ["SET work_mem = '5MB'", "BEGIN", "SET work_mem = '7MB'", "SHOW work_mem", "ROLLBACK",
                        "SHOW work_mem"],
    "set committed": ["BEGIN", "SET work_mem = '7MB'", "COMMIT", "SHOW work_mem"],
    "set local": ["BEGIN", "SET LOCAL work_mem = '8MB'", "SHOW work_mem", "COMMIT", "SHOW work_mem"],
    "set in a savepoint": ["BEGIN", "SET work_mem = '5MB'", "SAVEPOINT s", "SET work_mem = '9MB'",
                           "ROLLBACK TO SAVEPOINT s", "SHOW work_mem", "COMMIT", "SHOW work_mem"],
    "set in a released savepoint": ["BEGIN", "SAVEPOINT s", "SET work_mem = '9MB'", "RELEASE SAVEPOINT s", "COMMIT",
                                    "SHOW work_mem"],
    "set in a failed transaction": ["BEGIN", "SET work_mem = '5MB'", "SELECT 1/0", "COMMIT", "SHOW work_mem"],
    "set_config": ["SELECT set_config('work_mem', '5MB', false)", "SHOW work_mem",
                   "SELECT set_config('work_mem', '6MB', true)", "SHOW work_mem"],
    "set by a function": ["CREATE FUNCTION raise_mem() RETURNS void LANGUAGE sql AS "
                          "$$ SELECT set_config('work_mem', '11MB', false) $$", "SELECT raise_mem()", "SHOW work_mem"],
    "set by DO": ["DO $$ BEGIN PERFORM set_config('work_mem', '12MB', false); END $$", "SHOW work_mem"],
    "set by a procedure": ["CREATE PROCEDURE raise_mem_p() LANGUAGE plpgsql AS "
                           "$$ BEGIN PERFORM set_config('work_mem', '13MB', false); END $$", "CALL raise_mem_p()",
                           "SHOW work_mem"],
    "custom parameter": ["SET my.tenant = '42'", "SHOW my.tenant", "SELECT current_setting('my.tenant')"],
    "quoted values": ["SET my.text = 'it''s \\ \"quoted\"'", "SHOW my.text"],
    "search_path": ["CREATE SCHEMA one", "CREATE TABLE one.t (n int)", "INSERT INTO one.t VALUES (1)",
                    "SET search_path TO one, public", "SELECT n FROM t", "SHOW search_path", "SELECT current_schema()"],
    "reset all": ["SET work_mem = '5MB'", "SET DateStyle = 'SQL, DMY'", "RESET ALL", "SHOW work_mem", "SHOW DateStyle"],
    "discard all": ["SET work_mem = '5MB'", "DISCARD ALL", "SHOW work_mem", "SELECT current_user"],
    "set role": ["SET ROLE NONE", "SELECT current_user = session_user", "RESET ROLE", "SELECT current_user"],
    "names and zones": ["SET NAMES 'UTF8'", "SET TIME ZONE '+03'", "SHOW TimeZone", "SET TIME ZONE DEFAULT"],
    "session characteristics": ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SHOW transaction_read_only",
                                "CREATE TABLE no (n int)", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
                                "SHOW transaction_read_only"],
    "temporary table": ["CREATE TEMP TABLE tt (n int)", "INSERT INTO tt VALUES (1), (2)", "SELECT sum(n) FROM tt",
                        "DROP TABLE tt", "SELECT 1"],
    "temporary table on commit drop": ["BEGIN", "CREATE TEMP TABLE tc (n int) ON COMMIT DROP", "INSERT INTO tc VALUES (3)",
                                       "SELECT n FROM tc", "COMMIT", "SELECT to_regclass('tc')"],
    "select into temporary": ["SELECT 5 AS n INTO TEMP ti", "SELECT n FROM ti", "DISCARD TEMP", "SELECT to_regclass('ti')"],
    "advisory lock": ["SELECT pg_advisory_lock(7)",
                      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
                      "SELECT pg_advisory_unlock(7)", "SELECT pg_advisory_unlock(7)"],
    "try advisory lock": ["SELECT pg_try_advisory_lock(8)", "SELECT pg_advisory_unlock_all()",
                          "SELECT pg_advisory_unlock(8)"],
    "advisory lock of a transaction": ["BEGIN", "SELECT pg_advisory_xact_lock(9)", "COMMIT",
                                       "SELECT count(*) FROM pg_locks WHERE locktype='advisory' AND pid=pg_backend_pid()"],
    "holdable cursor": ["BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 5)", "COMMIT", "FETCH 2 FROM c",
                        "FETCH 2 FROM c", "CLOSE c", "FETCH 1 FROM c"],
    "cursor of a transaction": ["BEGIN", "DECLARE d CURSOR FOR SELECT generate_series(1, 5)", "FETCH 3 FROM d", "COMMIT",
                                "FETCH 1 FROM d"],
    "SQL-level prepare": ["PREPARE p (int) AS SELECT $1 + 1", "EXECUTE p(41)", "EXECUTE p(1)", "DEALLOCATE p",
                          "EXECUTE p(1)"],
    "prepare and deallocate all": ["PREPARE q AS SELECT 2", "EXECUTE q", "DEALLOCATE ALL", "EXECUTE q"],
    "failed set": ["SET work_mem = 'nonsense'", "SHOW work_mem", "SET no_such_parameter = 1", "SELECT 1"],
    "several statements at once": ["SET work_mem = '5MB'; SELECT 1; SELECT 1/0; SET work_mem = '9MB'", "SHOW work_mem"],
    "transaction in one string": ["BEGIN; SET work_mem = '5MB'; COMMIT; SHOW work_mem", "SHOW work_mem"],
    "statements of one transaction": ["BEGIN", "CREATE TABLE tx (n int)", "INSERT INTO tx VALUES (1)",
                                      "SELECT count(*) FROM tx", "ROLLBACK", "SELECT to_regclass('tx')"],
    "comments and case": ["/* hello */ sEt /* x */ WORK_MEM to '5MB' -- end", "SHOW work_mem"],
    "empty": ["", ";", "-- nothing", "SELECT 1"],
}


def run(connection, script, between=lambda: None):
    """The answers to each statement: rows, command tag or SQLSTATE."""
    answers = []
    for statement in script:
        result = connection.pgconn.exec_(statement.encode())
        if error := result.error_field(psycopg.pq.DiagnosticField.SQLSTATE):
            answers.append(("error", error.decode()))
        else:
            rows = [tuple(result.get_value(row, column) for column in range(result.nfields))
                    for row in range(result.ntuples)]
            answers.append((result.command_status, rows))
        between()
    return answers


class Noise:
    """Other clients that spread their own state over the backends."""

    def __init__(self, target, count=3):
        self._connections = [psycopg.connect(**target, autocommit=True, prepare_threshold=None) for _ in range(count)]
        self._turn = 0

    def __call__(self):
        self._turn += 1
        for number, connection in enumerate(self._connections):
            connection.execute(f"SET work_mem = '{64 * (number + 1) + self._turn * 4}kB'; SET search_path TO pg_catalog; "
                               f"SET DateStyle TO 'SQL'; SET my.tenant = 'noise{number}'; SET statement_timeout = '1min'")

    def close(self):
        for connection in self._connections:
            connection.close()


@pytest.fixture
def noisy(database, rekey_for):
    """A client through Rekey, among others on two or three backends."""
    rekey = rekey_for(database, size=3)
    noise = Noise(rekey.target(database.name))
    connection = psycopg.connect(**rekey.target(database.name), autocommit=True)
    yield rekey, connection, noise
    connection.close()
    noise.close()


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_answers_as_it_does_directly(make_database, shared_server, database, noisy, name):
    _, connection, noise = noisy
    twin = make_database(shared_server)
    with psycopg.connect(**twin.target(), autocommit=True) as direct:
        expected = run(direct, SCRIPTS[name])
    expected = [(tag, [tuple(cell.replace(twin.role.encode(), database.role.encode()) if cell else cell for cell in row)
                       for row in rows]) if tag != "error" else (tag, rows) for tag, rows in expected]
    assert run(connection, SCRIPTS[name], noise) == expected


def test_every_client_keeps_its_own_settings_at_once(database, rekey_for):
    rekey = rekey_for(database, size=2)
    clients = [psycopg.connect(**rekey.target(database.name), autocommit=True) for _ in range(8)]
    for number, client in enumerate(clients):
        client.execute(f"SET my.number = '{number}'")
    for _ in range(3):
        for number, client in enumerate(clients):
            assert client.execute("SHOW my.number").fetchone() == (str(number),)
    assert len(database.backends()) <= 2
    for client in clients:
        client.close()


def test_parameter_status_follows_the_client_not_the_backend(database, rekey_for):
    rekey = rekey_for(database, size=1)
    first, second = (psycopg.connect(**rekey.target(database.name), autocommit=True) for _ in range(2))
    first.execute("SET TimeZone = 'Asia/Tokyo'")
    for _ in range(2):
        second.execute("SELECT 1")
        assert second.info.parameter_status("TimeZone") != "Asia/Tokyo"
        first.execute("SELECT 1")
        assert first.info.parameter_status("TimeZone") == "Asia/Tokyo"
    first.close()
    second.close()


@pytest.mark.parametrize("take, give", [
    ("LISTEN news", "UNLISTEN news"),
    ("CREATE TEMP TABLE pin (n int)", "DROP TABLE pin"),
    ("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"),
    ("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT 1; COMMIT", "CLOSE h"),
    ("PREPARE s AS SELECT 1", "DEALLOCATE s"),
])
def test_what_cannot_be_replayed_pins_until_it_is_gone(database, rekey_for, take, give):
    rekey = rekey_for(database, size=2)
    with psycopg.connect(**rekey.target(database.name), autocommit=True, prepare_threshold=None) as connection:
        connection.execute(take)
        wait_until(lambda: rekey.metric("rekey_sessions_pinned") == 1, what="a pinned session")
        pid = connection.execute("SELECT pg_backend_pid()").fetchone()
        with psycopg.connect(**rekey.target(database.name), autocommit=True) as other:
            assert other.execute("SELECT pg_backend_pid()").fetchone() != pid
        assert connection.execute("SELECT pg_backend_pid()").fetchone() == pid
        connection.execute(give)
        wait_until(lambda: rekey.metric("rekey_sessions_pinned") == 0, what="an unpinned session")


def test_notifications_arrive(database, rekey_for):
    rekey = rekey_for(database, size=2)
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as listener:
        listener.execute("LISTEN news")
        with psycopg.connect(**rekey.target(database.name), autocommit=True) as speaker:
            speaker.execute("NOTIFY news, 'hello'")
        received = next(listener.notifies(timeout=10))
        assert (received.channel, received.payload) == ("news", "hello")


def test_a_pinned_session_that_ends_leaves_a_clean_backend(database, rekey_for):
    rekey = rekey_for(database, size=1)
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(5); CREATE TEMP TABLE mine (n int); LISTEN x; SET my.relic = 'behind'")
    with psycopg.connect(**rekey.target(database.name), autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('mine'), current_setting('my.relic', true)").fetchone() in (
            (None, None), (None, ""))
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_an_abandoned_transaction_is_rolled_back(database, rekey_for):
    rekey = rekey_for(database, size=1)
    connection = psycopg.connect(**rekey.target(database.name))
    connection.execute("CREATE TABLE abandoned (n int)")
    connection.close()
    with psycopg.connect(**rekey.target(database.name)) as other:
        assert other.execute("SELECT to_regclass('abandoned')").fetchone() == (None,)
