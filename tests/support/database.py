"""A login role with a database of its own, at PostgreSQL or at MySQL and MariaDB: what a test asks of it whatever the
product is. The roles that serve it are `logins`; `served_as` is what `whoami` may answer to a client of Rekey."""

import contextlib
import itertools
import re
import subprocess

import psycopg
import pymysql

from support import pgbench, sysbench
from support.mysql_server import MysqlServer
from support.postgres import quote
from support.watching import BackendSampler, MysqlBackendSampler

_numbers = itertools.count(1)


def ask(connection, statement):
    """The first row of what a statement answers; None when it has no rows to answer with."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def database_at(server):
    """A new one; names are unique."""
    return MysqlDatabase(server) if isinstance(server, MysqlServer) else PostgresDatabase(server)


class _Database:
    """What does not depend on the product."""

    def __init__(self, server):
        number = next(_numbers)
        self.server = server
        self.role, self.name, self.password = f"role{number}x", f"db{number}", f"first-{number}"
        self.logins = {self.role, f"{self.role}_clone"}

    def target(self, **words):
        """libpq words to reach it without Rekey."""
        return {"host": "127.0.0.1", "port": self.server.port, "user": self.role, "password": self.password,
                "dbname": self.name, **words}

    def refused_logins(self):
        """How many logins of its roles the server has refused so far."""
        return self.server.refused_logins(self.role)

    @contextlib.contextmanager
    def closed_to_all(self):
        """The server runs, but has ended the sessions of its roles and lets nobody in until open_to_all()."""
        self._close_to_all()
        try:
            self.end_backends()
            yield
        finally:
            self.open_to_all()


class PostgresDatabase(_Database):
    protocol, listener, tls = "postgres", "pg", "disable"
    Error = psycopg.Error
    whoami = "SELECT current_user"
    nap = "SELECT pg_sleep(0.002)"
    refused = "28P01"  # in a reason: the password is wrong
    denied = "42501"  # the admin role has not the right
    closed = "not currently accepting connections"

    def __init__(self, server):
        super().__init__(server)
        self.served_as = {self.role}
        server.make_role(self.role, self.password)
        server.make_database(self.name, self.role)

    @staticmethod
    def connect(target):
        """A client's connection (DB-API); each statement is its own transaction."""
        return psycopg.connect(**target, autocommit=True)

    @staticmethod
    def alive(connection):
        """Whether it survived an error."""
        return not connection.closed

    @staticmethod
    def identity(connection):
        """What a rotation may not change for a client."""
        status = {name: connection.info.parameter_status(name) for name in
                  ("session_authorization", "is_superuser", "application_name", "client_encoding", "DateStyle",
                   "TimeZone", "server_version", "standard_conforming_strings", "in_hot_standby",
                   "default_transaction_read_only")}
        return ask(connection, "SELECT current_user"), connection.info.backend_pid, status

    def initialise(self, scale=1):
        """Makes the tables that load() needs."""
        pgbench.initialise(self.target(), scale)
        return self

    @staticmethod
    def load(target, mode="simple", **options):
        """A started load; finish() tells its errors."""
        return pgbench.Pgbench(target, mode=mode, script="tpcb", **options).start()

    def sampler(self):
        return BackendSampler(self.server, self.name)

    def backends(self):
        """The ids of its connections."""
        return {row[0] for row in self.server.backends(self.name) if row[2] != "watcher"}

    def end_backends(self):
        names = ", ".join(map(quote, self.logins))
        self.server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ({names})")

    def accepts(self, user, password):
        """Whether the server lets this login in."""
        try:
            psycopg.connect(**{**self.target(), "user": user, "password": password, "sslmode": "disable"}).close()
            return True
        except psycopg.OperationalError as error:
            if re.search("authentication failed|no password|not permitted", str(error)):
                return False
            raise

    def change_password(self, password):
        """What somebody else's rotation does."""
        self.server.sql(f"ALTER ROLE {self.role} PASSWORD {quote(password)}")
        self.password = password

    def _close_to_all(self):
        self.server.sql(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")

    def open_to_all(self):
        self.server.sql(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")

    def limit_connections(self, number):
        self.server.sql(f"ALTER ROLE {self.role} CONNECTION LIMIT {number}")

    def make_login(self, name, password):
        """Another role that may connect to it, and has no right to rotate."""
        self.server.make_role(name, password)

    def allow_rotation(self, name):
        self.server.sql(f"ALTER ROLE {name} CREATEROLE")


class MysqlDatabase(_Database):
    protocol, listener = "mysql", "my"
    Error = pymysql.err.Error
    whoami = "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"
    nap = "SELECT SLEEP(0.002)"
    refused = "Access denied"
    denied = "CREATE USER"
    _TABLES, _ROWS = 2, 1000
    # the script, and whether it sends prepared statements
    _LOADS = {"read_write": ("oltp_read_write", True), "point_select": ("oltp_point_select", True),
              "text": ("oltp_point_select", False)}

    def __init__(self, server):
        super().__init__(server)
        self.tls = "require" if server.tls else "disable"
        self.closed = "max_user_connections" if server.mariadb else "offline mode"
        self.served_as = self.logins
        self._account = f"'{self.role}'@'%'"
        server.make_user(self.role, self.password)
        server.make_database(self.name, self.role)

    @staticmethod
    def connect(target):
        words = {name: value for name, value in target.items() if name != "dbname"}
        return pymysql.connect(**words, database=target["dbname"], autocommit=True)

    @staticmethod
    def alive(connection):
        try:
            connection.ping(reconnect=False)
            return True
        except pymysql.err.Error:
            return False

    @staticmethod
    def identity(connection):
        return ask(connection, "SELECT DATABASE(), @@character_set_client, @@collation_connection, @@sql_mode, "
                               "@@time_zone, @@autocommit, @@version")

    def initialise(self):
        sysbench.initialise(self.target(), self._TABLES, self._ROWS)
        return self

    def load(self, target, mode="read_write", **options):
        script, prepared = self._LOADS[mode]
        return sysbench.Sysbench(target, script=script, prepared=prepared, tables=self._TABLES, rows=self._ROWS,
                                 **options).start()

    def sampler(self):
        return MysqlBackendSampler(self.server, self.logins)

    def backends(self):
        return {row[0] for row in self.server.backends(self.role) if row[1] in self.logins}

    def end_backends(self):
        self.server.kill(*self.backends())

    def accepts(self, user, password):
        command = ["mariadb", "--no-defaults", f"--socket={self.server.socket}", f"--user={user}",
                   f"--password={password}", "--execute=SELECT 1"]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode != 0 and not re.search("ERROR (1045|1698) ", result.stderr):
            raise RuntimeError(result.stderr)
        return result.returncode == 0

    def change_password(self, password):
        how = "VIA mysql_native_password USING PASSWORD('{}')" if self.server.mariadb else "BY '{}'"
        self.server.sql(f"ALTER USER {self._account} IDENTIFIED {how.format(password)}")
        self.password = password

    def _close_to_all(self):
        self.server.sql(f"SET GLOBAL {'max_user_connections = -1' if self.server.mariadb else 'offline_mode = ON'}")

    def open_to_all(self):
        self.server.sql(f"SET GLOBAL {'max_user_connections = 240' if self.server.mariadb else 'offline_mode = OFF'}")

    def limit_connections(self, number):
        self.server.sql(f"ALTER USER {self._account} WITH MAX_USER_CONNECTIONS {number}")

    def make_login(self, name, password):
        self.server.make_user(name, password)
        self.server.sql(f"GRANT SELECT ON `{self.name}`.* TO '{name}'@'%'")

    def allow_rotation(self, name):
        self.server.sql(f"GRANT CREATE USER ON *.* TO '{name}'@'%'")
