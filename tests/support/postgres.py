"""A throw-away PostgreSQL: its own data folder, a free port, gone with close(). Works as root, too."""

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess

from support.scratch import Scratch
from support.waiting import free_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

HBA = """\
local   all all              {local}
hostssl all cert_login 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 {host}
host    all all 127.0.0.1/32 {host}
"""


def binaries(version=15):
    """The folder with initdb, postgres, psql and pgbench: the system's, or one unpacked beside it; None if missing."""
    for folder in (pathlib.Path(f"/usr/lib/postgresql/{version}/bin"),
                   ROOT / f"build/servers/postgresql-{version}/usr/lib/postgresql/{version}/bin"):
        if (folder / "postgres").exists():
            return folder
    return None


def quote(text):
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def _server_identity():
    """PostgreSQL refuses to run as root: then it runs as `postgres` (or `nobody`). Keywords for subprocess."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no unprivileged user to run PostgreSQL as")


class PostgresServer:
    """One server. `options` are settings (-c); `authority` (certificates.Authority) turns TLS on; `host_auth` is what
    pg_hba.conf asks of TCP clients. Statements run as the superuser over the unix socket."""

    def __init__(self, options=None, authority=None, version=15, host_auth="scram-sha-256"):
        self.bin = binaries(version)
        if self.bin is None:
            raise FileNotFoundError(f"PostgreSQL {version}")
        self._identity = _server_identity()
        self._scratch = Scratch("rekey-pg-")
        self.directory = self._scratch.path
        self.data = self.directory / "data"
        self.log_path = self.directory / "server.log"
        self.port = free_port()
        self.process = None
        self.started_with = {}  # settings of this start only
        self._options = dict(options or {})
        self._initialise(host_auth, authority)

    def _initialise(self, host_auth, authority):
        if self._identity:
            os.chown(self.directory, self._identity["user"], self._identity["group"])
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync", "--no-instructions")
        self.write_hba(HBA.format(local="trust", host=host_auth))
        if authority is not None:
            certificate, key = authority.issue("localhost")
            for source, name, mode in ((certificate, "server.crt", 0o644), (key, "server.key", 0o600),
                                       (authority.certificate, "ca.crt", 0o644)):
                self._place(source, self.data / name, mode)
            self._options.setdefault("ssl", "on")
            self._options.setdefault("ssl_ca_file", "ca.crt")

    def _place(self, source, target, mode):
        shutil.copyfile(source, target)
        target.chmod(mode)
        if self._identity:
            os.chown(target, self._identity["user"], self._identity["group"])

    def write_hba(self, text):
        """Replaces pg_hba.conf (takes effect at start or reload())."""
        path = self.data / "pg_hba.conf"
        path.write_text(text)
        if self._identity:
            os.chown(path, self._identity["user"], self._identity["group"])

    def _run(self, program, *arguments):
        result = subprocess.run([self.bin / program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.directory,
                                check=False, **self._identity)
        if result.returncode != 0:
            raise RuntimeError(f"{program} failed: {result.stdout}")

    def start(self, **options):
        """Starts (again); returns when statements are answered. `options` hold until the next start."""
        self.started_with = options
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.directory,
            "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": 250,
            "shared_buffers": "64MB", "password_encryption": "scram-sha-256", "log_line_prefix": "%m [%p] %u@%d ",
            "max_wal_size": "256MB", "log_checkpoints": "off", **self._options, **options,
        }
        command = [self.bin / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, start_new_session=True, **self._identity)
        wait_until(self._answers, 30, lambda: f"PostgreSQL does not answer:\n{self.log()[-2000:]}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {self.log()[-2000:]}")
        return subprocess.run([*self._psql(), "-c", "SELECT 1"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def stop(self, how=signal.SIGINT):
        """SIGINT ends sessions and shuts down; SIGQUIT does so at once; SIGKILL is a crash."""
        if self.running():
            self.process.send_signal(how)
            self.process.wait(30)
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def restart(self, **options):
        self.stop()
        return self.start(**options)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        try:
            self.stop(signal.SIGQUIT)
        finally:
            self._scratch.close()

    def _psql(self, database="postgres"):
        return [self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.directory), "-p", str(self.port),
                "-U", "postgres", "-d", database]

    def sql(self, *statements, database="postgres"):
        """Runs each statement on its own as the superuser; returns the rows of all as lists of text."""
        arguments = [argument for statement in statements for argument in ("-c", statement)]
        result = subprocess.run([*self._psql(database), "-F", "\x1f", *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"{statements}: {result.stderr}")
        return [line.split("\x1f") for line in result.stdout.splitlines()]

    def value(self, statement, database="postgres"):
        rows = self.sql(statement, database=database)
        return rows[0][0] if rows else None

    def make_role(self, name, password, attributes="LOGIN"):
        """The password travels as a literal: only throw-away servers get this."""
        self.sql(f'CREATE ROLE "{name}" {attributes} PASSWORD {quote(password)}')

    def make_database(self, name, owner):
        self.sql(f'CREATE DATABASE "{name}" OWNER "{owner}"')

    def make_rotator(self, name, password, of=()):
        """A role that may rotate `of`: CREATEROLE suffices in PostgreSQL 15; from 16 on it needs ADMIN on them."""
        self.make_role(name, password, "LOGIN CREATEROLE")
        if int(self.value("SHOW server_version_num")) >= 160000:
            self.sql(*(f'GRANT "{role}" TO "{name}" WITH ADMIN OPTION' for role in of))

    @staticmethod
    def room_for(connections):
        """What start() takes so that a server has no more of them, but one for the superuser."""
        return {"max_connections": connections + 3, "superuser_reserved_connections": 3}

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def refused_logins(self, role=""):
        """How many logins the server has refused so far for a password, of roles whose name starts so."""
        return len(re.findall(r'FATAL:  password authentication failed for user "' + role, self.log()))

    def backends(self, database):
        """(pid, login role, application) of every client connection to `database`."""
        return self.sql("SELECT pid, usename, application_name FROM pg_stat_activity "
                        f"WHERE datname = {quote(database)} AND backend_type = 'client backend' ORDER BY pid")


@contextlib.contextmanager
def running_server(authority):
    """PostgreSQL 15 with TLS and a role `rotator` that may rotate others, while the `with` block runs."""
    server = PostgresServer(authority=authority)
    try:
        server.start()
        server.make_rotator("rotator", "rotator-password")
        yield server
    finally:
        server.close()
