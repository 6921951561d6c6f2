"""The demo's PostgreSQL: two databases of one server, under pgbench.

`orders` is rotated with alternating_users under TPC-B, `catalog` with single_user under a select-only load."""

import subprocess

from support.pgbench import Pgbench, initialise, read_log_line, summarise
from support.postgres import PostgresServer
from support.rekey import local_credential

APPLICATIONS = (("orders", "alternating_users", "tpcb"), ("catalog", "single_user", "select"))


class LiveLatencies:
    """Follows pgbench's logs while they grow."""

    def __init__(self, directory):
        self._directory = directory
        self._files = {}
        self.samples = []

    def read(self):
        """Reads what came since the last call; returns those samples."""
        fresh = []
        for path in self._directory.glob("latency-*"):
            file = self._files.get(path) or self._files.setdefault(path, [open(path, encoding="ascii"), ""])
            *lines, file[1] = (file[1] + file[0].read()).split("\n")
            fresh.extend(sample for sample in map(read_log_line, lines) if sample)
        self.samples.extend(fresh)
        return fresh

    def close(self):
        for file, _ in self._files.values():
            file.close()


class PostgresSide:
    """What the demo needs of a database, its load and its server's own view."""

    applications = APPLICATIONS
    proof = "ok"  # what the audit log says of an old password that the server has refused
    protocol = "postgres"

    def __init__(self, directory):
        self.server = PostgresServer()
        self.latencies = LiveLatencies(directory)
        self._directory = directory

    def close(self):
        self.latencies.close()
        self.server.close()

    def prepare(self, rotator_password, passwords):
        self.server.start()
        self.server.make_rotator("rotator", rotator_password)
        for name, password in passwords.items():
            self.server.make_role(name, password)
            self.server.make_database(name, name)
            initialise({"host": "127.0.0.1", "port": self.server.port, "user": name, "password": password,
                        "dbname": name}, scale=5)
        return f"PostgreSQL 15 on 127.0.0.1:{self.server.port}: databases orders and catalog, role rotator"

    @staticmethod
    def credential(name, strategy):
        """As the configuration has it."""
        return local_credential(name, name, f"{name}.password", ("rotator", "rotator.password"), strategy)

    def load(self, target, name, script, clients, phases):
        """A started load; `phases` are the seconds of steady state, of rotations and of the slack behind."""
        return Pgbench({**target, "sslmode": "disable"}, clients=clients, script=script, jobs=1, seconds=sum(phases),
                       log_prefix=str(self._directory / f"latency-{name}")).start()

    def live(self):
        """(transactions since the last call, their p99)"""
        fresh = self.latencies.read()
        return len(fresh), summarise(fresh).p99

    def backends(self, name):
        """The pool's backends; the rotator's own short logins are no part of it."""
        return {row[0] for row in self.server.backends(name) if row[1] != "rotator"}

    def verifiers(self, name):
        """What the server stores now for the roles of an application: the proof that it changes."""
        return {row[0] for row in self.server.sql(
            f"SELECT rolpassword FROM pg_authid WHERE rolname LIKE '{name}%' AND rolpassword IS NOT NULL")}

    def accepts(self, name, password):
        words = f"host=127.0.0.1 port={self.server.port} user={name} password={password} dbname={name}"
        return subprocess.run([self.server.bin / "psql", "-XAtqc", "SELECT 1", words], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).returncode == 0

    def phase_latencies(self, _results, since, until):
        """[(p99, text)] of the steady state and of the rotations."""
        self.latencies.read()
        steady = summarise([sample for sample in self.latencies.samples if sample[0] < since])
        rotating = summarise([sample for sample in self.latencies.samples if since <= sample[0] <= until])
        return [(phase.p99, f"p50 {phase.p50:.2f} ms, p99 {phase.p99:.2f} ms, longest gap {phase.longest_gap:.0f} ms")
                for phase in (steady, rotating)]
