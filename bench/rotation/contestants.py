"""Who rotates, and how: Rekey with each of its strategies, and PgBouncer by the procedure of its manual."""

import json
import secrets
import subprocess
import time
from pathlib import Path

from bench.compare.subjects import pgbouncer_program
from bench.harness.load import Target
from bench.harness.postgres import DATABASE, scram_verifier
from bench.harness.process import Daemon, free_port, ordinary_user
from bench.harness.rekey import CLIENT_ITERATIONS, Rekey, write_secret
from bench.harness.watch import AdminSession

CLIENT, CLIENT_PASSWORD = "client", "client-password"
FIRST_PASSWORD, ROTATOR_PASSWORD = "first-password", "rotator-password"
POOL_SIZE, WINDOW = 20, "1s"


class Contestant:
    """Stands in front of the server (harness.postgres.Postgres or harness.mysql.Mysql) with a pool of POOL_SIZE.
    rotate() returns when the rotation is over, with why it failed or nothing."""

    name = ""
    followed = False  # somebody else changes the password: then change() and publish() are the two halves of it

    def __init__(self, server, session: AdminSession, folder: Path):
        self.server, self.session, self.folder = server, session, folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.role = f"login_{self.name.removeprefix('rekey-').replace('-', '_')}"  # MySQL takes 32 characters
        self.roles = [self.role]
        self.retired: list[str] = []  # passwords that the server must refuse afterwards
        self.rekey = self.daemon = None

    def change(self) -> str:
        fresh = secrets.token_urlsafe(18)
        self.session.ask(self.server.password_change(self.role, fresh))
        return fresh

    def still_accepted(self) -> int:
        """How many of the retired passwords the server lets in."""
        return sum(self.server.accepts(self.role, password) for password in self.retired)

    def target(self) -> Target:
        return self.server.target(self.port, CLIENT, CLIENT_PASSWORD, DATABASE, self.daemon.pid)


class RekeyFile(Contestant):
    """The password is changed beside Rekey and then written to the file which Rekey follows."""

    name = "rekey-file"
    followed = True
    rotation = None
    audited, rotations_done = 0, 0  # bytes of the audit log that were read; what they told

    def source(self) -> dict:
        self.secret = self.folder / "credential.json"
        self.write(FIRST_PASSWORD)
        return {"type": "file", "path": str(self.secret)}

    def write(self, password: str) -> None:
        write_secret(self.secret, json.dumps({"username": self.role, "password": password}))
        self.current = password

    def start(self) -> None:
        self.server.create_login(self.role, FIRST_PASSWORD)
        credential = {"source": self.source(), "replace": {"surge": 1, "window": WINDOW}}
        if self.rotation:
            credential["rotation"] = self.rotation
        self.rekey = Rekey(self.folder, credential, self.server.port, CLIENT, CLIENT_PASSWORD,
                           {"mode": "auto", "size": POOL_SIZE, "min": POOL_SIZE}, protocol=self.server.protocol)
        self.rekey.start()
        self.daemon, self.port = self.rekey.daemon, self.rekey.port

    def stop(self) -> None:
        if self.rekey:
            self.rekey.stop()

    def publish(self, password: str) -> None:
        self.retired.append(self.current)
        self.write(password)

    def rotate(self) -> str:
        """Following: Rekey notices the file by itself; over when its counter says so."""
        before = self.finished()
        self.publish(self.change())
        deadline = time.monotonic() + 10
        while self.finished() <= before:
            if time.monotonic() > deadline:
                return "the new password was not taken over within 10 s"
            time.sleep(0.05)
        return ""

    def finished(self) -> int:
        """By the audit log, of which only what is new is read: to ask for metrics would cost as much as a login."""
        with (self.folder / "audit.jsonl").open() as log:
            log.seek(self.audited)
            while (line := log.readline()).endswith("\n"):
                self.audited += len(line)
                record = json.loads(line)
                self.rotations_done += record["event"] == "done" and record["result"] == "done"
        return self.rotations_done

    def replaced(self) -> int:
        return int(self.rekey.metric("rekey_replacements_total", result="replaced"))


class RekeyLocal(RekeyFile):
    """Rekey changes the password itself."""

    followed = False
    strategy = ""

    def source(self) -> dict:
        password = write_secret(self.folder / "initial.password", FIRST_PASSWORD)
        rotator = write_secret(self.folder / "rotator.password", ROTATOR_PASSWORD)
        self.rotation = {"strategy": self.strategy,
                         "admin": {"username": "rotator", "password": {"file": str(rotator)}}}
        self.retired = [FIRST_PASSWORD]  # later ones are known to Rekey alone
        return {"type": "local", "initial": {"username": self.role, "password": {"file": str(password)}}}

    def rotate(self) -> str:
        return self.rekey.rotate()


class RekeySingleUser(RekeyLocal):
    name, strategy = "rekey-single-user", "single_user"


class RekeyAlternatingUsers(RekeyLocal):
    name, strategy = "rekey-alternating-users", "alternating_users"

    def __init__(self, server, session: AdminSession, folder: Path):
        super().__init__(server, session, folder)
        self.roles.append(f"{self.role}_clone")


class RekeyDualPassword(RekeyLocal):
    name, strategy = "rekey-dual-password", "dual_password"


class PgBouncer(Contestant):
    """Its manual's way: change the password in the configuration, RELOAD, RECONNECT."""

    name = "pgbouncer"
    followed = True

    def start(self) -> None:
        self.server.create_login(self.role, FIRST_PASSWORD)
        self.port = free_port()
        account = ordinary_user()
        users = self.folder / "users.txt"
        users.write_text(f'"{CLIENT}" "{scram_verifier(CLIENT_PASSWORD, CLIENT_ITERATIONS)}"\n')
        self.settings = {
            "listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "", "auth_type": "scram-sha-256",
            "auth_file": users, "pool_mode": "transaction", "default_pool_size": POOL_SIZE, "max_client_conn": 1000,
            "max_prepared_statements": 200, "admin_users": CLIENT, "server_tls_sslmode": "disable",
            **({"user": account} if account else {})}
        self.write(FIRST_PASSWORD)
        self.daemon = Daemon([pgbouncer_program(), self.folder / "pgbouncer.ini"], self.folder / "pgbouncer.log")
        self.daemon.wait_for_port(self.port)

    def stop(self) -> None:
        if self.daemon:
            self.daemon.stop()

    def write(self, password: str) -> None:
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n{DATABASE} = host=127.0.0.1 port={self.server.port} dbname={DATABASE} user={self.role} "
            f"password={password} min_pool_size={POOL_SIZE}\n[pgbouncer]\n"
            + "".join(f"{key} = {value}\n" for key, value in self.settings.items()))
        self.current = password

    def publish(self, password: str) -> str:
        self.retired.append(self.current)
        self.write(password)
        done = subprocess.run(["psql", "-XAtq", "-d", "pgbouncer", "-c", "RELOAD", "-c", "RECONNECT"],
                              capture_output=True, text=True,
                              env={**self.target().environment, "PGDATABASE": "pgbouncer"})
        return done.stderr.strip()

    def rotate(self) -> str:
        return self.publish(self.change())

    def replaced(self) -> int | None:
        return None  # it does not say; the server's log tells the logins

    finished = replaced


ALL = {kind.name: kind for kind in (RekeyFile, RekeySingleUser, RekeyAlternatingUsers, PgBouncer)}
MYSQL = {kind.name: kind for kind in (RekeyFile, RekeyDualPassword, RekeySingleUser, RekeyAlternatingUsers)}
