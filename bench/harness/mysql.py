"""A throw-away MariaDB or MySQL, as harness.postgres.Postgres is a PostgreSQL: the tests' server, set up for a load."""

import re
import subprocess
import sys

from .postgres import DATABASE
from .process import REPOSITORY, Missing, program
from .sysbench import ROWS, TABLES, MysqlTarget
from .watch import AdminSession, ServerLog, listed

sys.path.insert(0, str(REPOSITORY / "tests"))

from support.mysql_server import KINDS, MysqlServer, available, quote  # noqa: E402
from support.sysbench import initialise  # noqa: E402

__all__ = ["KINDS", "Mysql", "MysqlCounts", "MysqlSession"]


class Mysql(MysqlServer):
    """Runs while the `with` block does. `kind` is one of KINDS; root comes in by the unix socket without a password."""

    protocol = "mysql"
    target = MysqlTarget
    logins_program = "bench_mysql_logins"

    def __init__(self, kind: str):
        if not available(kind):
            raise Missing(f"{kind} is not here: ./dev setup full fetches it")
        program("sysbench")
        super().__init__(kind, {"max_connections": 400, "innodb_buffer_pool_size": "256M"})

    def __enter__(self):
        try:
            self.start()
            self.sql(f"CREATE DATABASE {DATABASE}")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def fill(self, name: str, password: str) -> None:
        """sysbench's tables, made by an account that is there."""
        initialise({"host": "127.0.0.1", "port": self.port, "user": name, "password": password, "dbname": DATABASE},
                   TABLES, ROWS)

    def create_login(self, name: str, password: str) -> None:
        """An account that may do what the benchmark's tables need."""
        self.make_user(name, password)
        self.sql(f"GRANT ALL ON {DATABASE}.* TO {quote(name)}@'%'")

    def password_change(self, name: str, password: str) -> str:
        how = f"VIA {self.plugin()} USING PASSWORD({quote(password)})" if self.mariadb else f"BY {quote(password)}"
        return f"ALTER USER {quote(name)}@'%' IDENTIFIED {how}"

    def accepts(self, name: str, password: str) -> bool:
        done = subprocess.run(["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={self.port}", f"--user={name}",
                               f"--password={password}", "--execute=SELECT 1"], stdin=subprocess.DEVNULL,
                              capture_output=True)
        return done.returncode == 0


class MysqlSession(AdminSession):
    """root of a MariaDB or MySQL."""

    mark = "SELECT '--end--';"

    def __init__(self, server: Mysql):
        super().__init__(["mariadb", "--no-defaults", "--batch", "--skip-column-names", "--unbuffered", "--force",
                          f"--socket={server.socket}", "--user=root"])

    def count_backends(self, roles: list[str]) -> str:
        return f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER IN ({listed(roles)})"

    def end_backends(self, roles: list[str]) -> None:
        for number in self.ask(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER IN ({listed(roles)})"):
            self.ask(f"KILL {int(number)}")


class MysqlCounts(ServerLog):
    """Connections since the last look, of everybody who came: with Rekey's own strategies the administrator's, too. To
    tell whose they were the server would need a plug-in or an account of each statement, which the load would feel."""

    def __init__(self, server: Mysql, session: AdminSession):
        self.session, self.connections = session, 0
        super().__init__(server.log_path)

    def counts(self, roles: tuple[str, ...] = ()) -> dict[str, int]:
        refused = sum(bool(re.search("Access denied for user", line)) for line in self.new_lines())
        before = self.connections
        self.connections = int(self.session.ask("SHOW GLOBAL STATUS LIKE 'Connections'")[0].split("\t")[1])
        return {"logins": self.connections - before - refused, "refused": refused, "refused_slots": 0}
