"""The demo's MariaDB: three databases of one server, under sysbench, each rotated with another strategy."""

import subprocess

from support.mysql_server import MysqlServer
from support.rekey import local_credential
from support.sysbench import Sysbench, initialise

TABLES, ROWS = 2, 5000
# the script, and whether it sends prepared statements
LOADS = {"read_write": ("oltp_read_write", True), "point_select": ("oltp_point_select", True),
         "text": ("oltp_point_select", False)}
APPLICATIONS = (("orders", "dual_password", "read_write"), ("catalog", "single_user", "point_select"),
                ("stock", "alternating_users", "text"))


class MysqlSide:
    """What the demo needs of a database, its load and its server's own view."""

    applications = APPLICATIONS
    proof = "ok"  # what the audit log says of an old password that the server has refused
    protocol = "mysql"

    def __init__(self, _directory):
        self.server = MysqlServer()
        self._loads = []
        self._shown = {}

    def close(self):
        self.server.close()

    def prepare(self, rotator_password, passwords):
        self.server.start()
        self.server.make_rotator("rotator", rotator_password)
        for name, password in passwords.items():
            self.server.make_user(name, password)
            self.server.make_database(name, name)
            initialise(self._direct(name, password), TABLES, ROWS)
        version = self.server.value("SELECT VERSION()").split("-", maxsplit=1)[0]
        return (f"MariaDB {version} on 127.0.0.1:{self.server.port}: databases orders, catalog and stock, "
                f"account rotator")

    def _direct(self, name, password):
        return {"host": "127.0.0.1", "port": self.server.port, "user": name, "password": password, "dbname": name}

    @staticmethod
    def credential(name, strategy):
        """As the configuration has it."""
        return local_credential(name, name, f"{name}.password", ("rotator", "rotator.password"), strategy)

    def load(self, target, _name, script, clients, phases):
        """A started load; `phases` are the seconds of steady state, of rotations and of the slack behind."""
        steady, rotating, _ = phases
        kind, prepared = LOADS[script]
        bench = Sysbench(target, script=kind, prepared=prepared, clients=clients, seconds=sum(phases), tables=TABLES,
                         rows=ROWS, checkpoints=(steady, steady + rotating))
        self._loads.append(bench.start())
        return bench

    def live(self):
        """(transactions since the last call, the greatest p99 of a second among them)"""
        count, p99 = 0.0, 0.0
        for bench in self._loads:
            for second in bench.seconds[self._shown.get(bench, 0):]:
                count += second.tps
                p99 = max(p99, second.p99)
            self._shown[bench] = len(bench.seconds)
        return int(count), p99

    def backends(self, name):
        """The pool's backends; the rotator's own short logins are no part of it."""
        return {row[0] for row in self.server.backends(name)}

    def verifiers(self, name):
        """What the server stores now for the accounts of an application: the proof that it changes."""
        return self.server.stored_passwords(name)

    def accepts(self, name, password):
        command = ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={self.server.port}", f"--user={name}",
                   f"--password={password}", "--execute=SELECT 1"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0

    def phase_latencies(self, results, _since, _until):
        """[(p99, text)] of the steady state and of the rotations, of the slowest load in each."""
        found = []
        for number in (0, 1):
            phases = [result.phases[number] for result in results if len(result.phases) > number]
            p99 = max((phase.p99 for phase in phases), default=0.0)
            average = max((phase.average for phase in phases), default=0.0)
            longest = max((phase.longest for phase in phases), default=0.0)
            found.append((p99, f"average {average:.2f} ms, p99 {p99:.2f} ms, longest {longest:.0f} ms (read_write)"))
        return found
