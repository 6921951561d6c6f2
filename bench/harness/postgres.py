"""A throw-away PostgreSQL on a free loopback port: data in memory, no fsync, SCRAM for everybody but its superuser."""

import base64
import hashlib
import hmac
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from .load import Target
from .process import Daemon, Missing, free_port, ordinary_user

DATABASE = "bench"


def binaries() -> Path:
    """The newest server Debian installed (15 on Debian 12), or the one PG_BIN names."""
    if os.environ.get("PG_BIN"):
        return Path(os.environ["PG_BIN"])
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if not versions:
        raise Missing("no PostgreSQL server under /usr/lib/postgresql: run ./dev setup")
    return max(versions, key=lambda path: float(re.sub(r"[^0-9.]", "", path.parent.name) or 0))


def scram_verifier(password: str, iterations: int = 4096) -> str:
    """What PostgreSQL stores for a password (RFC 5803)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encode = lambda value: base64.b64encode(value).decode()
    return f"SCRAM-SHA-256${iterations}:{encode(salt)}${encode(stored)}:{encode(server)}"


class Postgres:
    """Runs while the `with` block does. Superuser `postgres` comes in by the unix socket without a password."""

    protocol = "postgres"
    target = Target
    logins_program = "bench_logins"

    def __init__(self, folder: Path, settings: dict[str, str] | None = None):
        self.folder, self.data, self.port = folder, folder / "data", free_port()
        self.user = ordinary_user()
        self.settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "max_connections": 400, "shared_buffers": "256MB",
            "max_wal_size": "4GB", "autovacuum": "off", "log_min_messages": "warning", **(settings or {})}

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.user:
            shutil.chown(self.folder, self.user)
        self._as_server_user([binaries() / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8",
                              "--locale=C", "--no-sync", "--no-instructions"])
        (self.data / "pg_hba.conf").write_text("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        options = [option for key, value in self.settings.items() for option in ("-c", f"{key}={value}")]
        self.daemon = Daemon([binaries() / "postgres", "-D", self.data, *options], self.folder / "postgres.log",
                             user=self.user, stop_signal=signal.SIGINT)
        try:
            self.daemon.wait_for_port(self.port)
            self.sql(f"CREATE DATABASE {DATABASE}", database="postgres")
        except BaseException:
            self.daemon.stop()
            raise
        return self

    def __exit__(self, *_):
        self.daemon.stop()

    def _as_server_user(self, command) -> None:
        account = {"user": self.user, "group": self.folder.stat().st_gid, "extra_groups": []} if self.user else {}
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/", **account)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr}")

    @property
    def superuser(self) -> dict[str, str]:
        return {"PGHOST": str(self.folder), "PGPORT": str(self.port), "PGUSER": "postgres", "PGDATABASE": DATABASE}

    def sql(self, text: str, database: str = DATABASE) -> list[list[str]]:
        done = subprocess.run(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text],
                              capture_output=True, text=True, env={**os.environ, **self.superuser})
        if done.returncode != 0:
            raise RuntimeError(f"{text}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def create_login(self, name: str, password: str) -> None:
        """A role that may do what the benchmark's tables need; their owner is `bench_owner` then."""
        self.create_role(name, password, "IN ROLE bench_owner")

    def password_change(self, name: str, password: str) -> str:
        return f"ALTER ROLE {name} PASSWORD '{scram_verifier(password)}'"

    def accepts(self, name: str, password: str) -> bool:
        done = subprocess.run(["psql", "-XAtq", "-c", "SELECT 1"], capture_output=True,
                              env=self.target(self.port, name, password, DATABASE).environment)
        return done.returncode == 0

    def create_role(self, name: str, password: str, options: str = "", iterations: int = 4096) -> None:
        self.sql(f"CREATE ROLE {name} LOGIN {options} PASSWORD '{scram_verifier(password, iterations)}'")

    def fill(self, owner: str, scale: int) -> None:
        """pgbench's tables."""
        self.sql(f"GRANT ALL ON SCHEMA public TO {owner}; ALTER DATABASE {DATABASE} OWNER TO {owner}")
        done = subprocess.run(["pgbench", "-iq", "-s", str(scale)], capture_output=True, text=True,
                              env={**os.environ, **self.superuser})
        if done.returncode != 0:
            raise RuntimeError(f"pgbench -i: {done.stderr}")
        for table in ("accounts", "branches", "tellers", "history"):
            self.sql(f"ALTER TABLE pgbench_{table} OWNER TO {owner}")
