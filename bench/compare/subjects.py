"""The proxies under comparison, each set up for one upstream with the same pool and the same logins.

All face clients with SCRAM from a stored verifier, have one thread, and speak to the upstream without TLS. Relay and
HAProxy parse nothing: the client logs in at the upstream through them, and each client has a connection of its own.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.harness.load import Target
from bench.harness.postgres import DATABASE, scram_verifier
from bench.harness.process import REPOSITORY, Daemon, Missing, free_port, ordinary_user, program
from bench.harness.rekey import CLIENT_ITERATIONS, Rekey, rekey_program, write_secret
from bench.harness.sysbench import MysqlTarget

USER, PASSWORD, POOL_SIZE, MAX_CLIENTS = "app", "app-password", 20, 12000


@dataclass
class Upstream:
    """A server to stand before: the nearly free one, PostgreSQL, or one of harness.mysql.KINDS."""

    name: str
    port: int
    password: str = PASSWORD
    protocol: str = "postgres"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """ECDSA P-256, shared by all who serve TLS."""
    certificate, key = folder / "server.crt", folder / "server.key"
    if not key.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        key.chmod(0o644)  # read by servers under an account of their own; of a folder that lives for one run
    return certificate, key


class Subject:
    """One way to the upstream. `start` may be called again after `stop`, for fresh memory."""

    name = "direct"
    pools = False       # logs in itself and shares backends
    serves_tls = False

    def __init__(self, upstream: Upstream, folder: Path):
        self.upstream = upstream
        self.folder = folder / f"{self.name}-{upstream.name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.daemon = upstream.port, None  # the daemon's process id is what is measured

    def start(self) -> None:
        pass

    def stop(self) -> None:
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def run_daemon(self, arguments, port: int, **options) -> None:
        self.port = port
        self.daemon = Daemon(arguments, self.folder / f"{self.name}.log", **options)
        self.daemon.wait_for_port(port)

    def target(self, tls: bool = False) -> Target:
        kind = MysqlTarget if self.upstream.protocol == "mysql" else Target
        return kind(self.port, USER, PASSWORD if self.pools else self.upstream.password, DATABASE,
                    self.daemon.pid if self.daemon else None, tls)


def first_line(command) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def build_program(name: str) -> Path:
    """One of the programs built from bench/load."""
    folders = [os.environ.get("BENCH_BIN"), *(REPOSITORY / "build" / preset / "bench" for preset in ("release", "dev"))]
    return program(name, *(Path(folder) / name for folder in folders if folder))


class Relay(Subject):
    name = "relay"

    def start(self) -> None:
        port = free_port()
        self.run_daemon([build_program("bench_relay"), port, self.upstream.port], port)


def haproxy_program() -> Path:
    return program("haproxy", "/usr/sbin/haproxy")


class HaProxy(Subject):
    name = "haproxy"

    def start(self) -> None:
        port = free_port()
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(
            f"global\n    nbthread 1\n    maxconn {MAX_CLIENTS // 2}\n"
            "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n"
            f"listen bench\n    bind 127.0.0.1:{port}\n    server bench 127.0.0.1:{self.upstream.port}\n")
        self.run_daemon([haproxy_program(), "-db", "-f", configuration], port)


def pgbouncer_program() -> Path:
    """1.21 or later, since earlier ones have no prepared statements in transaction mode."""
    fetched = sorted((REPOSITORY / "build" / "servers").glob("*/usr/sbin/pgbouncer"))
    found = program("pgbouncer", os.environ.get("PGBOUNCER"), *fetched, "/usr/sbin/pgbouncer")
    version = first_line([found, "--version"]).split()[-1]
    if tuple(int(part) for part in version.split(".")[:2]) < (1, 21):
        raise Missing(f"{found} is {version}: 1.21 or later is needed: "
                      "tools/fetch-debs.sh -p pgbouncer build/servers/pgbouncer, or set PGBOUNCER")
    return found


class PgBouncer(Subject):
    name = "pgbouncer"
    pools = serves_tls = True

    def start(self) -> None:
        port = free_port()
        certificate, key = make_certificate(self.folder.parent)
        users = self.folder / "users.txt"
        if not users.exists():
            users.write_text(f'"{USER}" "{scram_verifier(PASSWORD, CLIENT_ITERATIONS)}"\n')
        account = ordinary_user()
        settings = {
            "listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "scram-sha-256",
            "auth_file": users, "pool_mode": "transaction", "default_pool_size": POOL_SIZE,
            "max_client_conn": MAX_CLIENTS, "max_prepared_statements": 200, "listen_backlog": 4096,
            "client_tls_sslmode": "allow", "client_tls_cert_file": certificate, "client_tls_key_file": key,
            "server_tls_sslmode": "disable", "log_connections": 0, "log_disconnections": 0,
            **({"user": account} if account else {})}
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n{DATABASE} = host=127.0.0.1 port={self.upstream.port} dbname={DATABASE} user={USER} "
            f"password={self.upstream.password}\n[pgbouncer]\n"
            + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        self.run_daemon([pgbouncer_program(), configuration], port)


class RekeySubject(Subject):
    pools = serves_tls = True

    def __init__(self, upstream: Upstream, folder: Path, mode: str):
        self.name, self.mode = f"rekey-{mode}", mode
        super().__init__(upstream, folder)

    def start(self) -> None:
        secret = write_secret(self.folder / "credential.json",
                              json.dumps({"username": USER, "password": self.upstream.password}))
        credential = {"source": {"type": "file", "path": str(secret)}}
        rekey = Rekey(self.folder, credential, self.upstream.port, USER, PASSWORD,
                      {"mode": self.mode, "size": POOL_SIZE}, make_certificate(self.folder.parent),
                      self.upstream.protocol)
        try:
            rekey.start()
        finally:
            self.port, self.daemon = rekey.port, rekey.daemon


NAMES = ["direct", "relay", "haproxy", "pgbouncer", "rekey-auto", "rekey-transaction"]
MYSQL_NAMES = [name for name in NAMES if name != "pgbouncer"]


def make(name: str, upstream: Upstream, folder: Path) -> Subject:
    if name.startswith("rekey-"):
        return RekeySubject(upstream, folder, name.removeprefix("rekey-"))
    return {kind.name: kind for kind in (Subject, Relay, HaProxy, PgBouncer)}[name](upstream, folder)


def version(name: str) -> str:
    """What the program says it is; raises Missing where there is none."""
    if name == "direct":
        return ""
    if name == "relay":
        build_program("bench_relay")
        return ""
    if name == "haproxy":
        return first_line([haproxy_program(), "-v"]).removesuffix(" - https://haproxy.org/")
    return first_line([pgbouncer_program() if name == "pgbouncer" else rekey_program(), "--version"])
