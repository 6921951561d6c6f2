"""Rekey as a process: one listener, one upstream, one credential; the same configuration for every benchmark."""

import hashlib
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from .postgres import DATABASE, scram_verifier
from .process import REPOSITORY, Daemon, free_port, program, wait_until

CREDENTIAL = "bench"
# What a stored verifier costs the proxy does not depend on its iterations; what it costs the clients does, and with
# the usual 4,096 pgbench -C would measure itself.
CLIENT_ITERATIONS = 1


def rekey_program() -> Path:
    return program("rekey", os.environ.get("REKEY_BINARY"), REPOSITORY / "build" / "release" / "rekey")


def write_secret(path: Path, text: str) -> Path:
    """In one step, as an orchestrator would: a reader sees the old file or the new one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(path)
    return path


def client_verifier(protocol: str, password: str) -> str:
    """MySQL's is the one of mysql_native_password, so that a login costs a client the same at Rekey and at MariaDB."""
    if protocol == "postgres":
        return scram_verifier(password, CLIENT_ITERATIONS)
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


class Rekey:
    """`credential` is the body of the one entry under `credentials`."""

    def __init__(self, folder: Path, credential: dict, upstream_port: int, user: str, password: str, pool: dict,
                 certificate: tuple[Path, Path] | None = None, protocol: str = "postgres"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.admin_port, self.daemon = folder, free_port(), free_port(), None
        tls = {"mode": "prefer", "certificate": str(certificate[0]), "key": str(certificate[1])} if certificate else {
            "mode": "disable"}
        store_key = folder / "store.key"
        if not store_key.exists():  # the folder may have served before
            write_secret(store_key, os.urandom(32).hex() + "\n")
        self.configuration = folder / "rekey.yaml"
        # JSON is YAML, too.
        self.configuration.write_text(json.dumps({
            "workers": 1,
            "listeners": [{"name": "bench", "protocol": protocol, "address": f"127.0.0.1:{self.port}", "tls": tls}],
            "users": [{"name": user, "password": {"verifier": client_verifier(protocol, password)}}],
            "credentials": [{"name": CREDENTIAL, **credential}],
            "upstreams": [{"name": "bench", "protocol": protocol, "hosts": [f"127.0.0.1:{upstream_port}"],
                           "database": DATABASE, "tls": {"mode": "disable"}, "credential": CREDENTIAL, "pool": pool}],
            "routes": [{"listener": "bench", "database": DATABASE, "user": user, "upstream": "bench"}],
            "store": {"path": str(folder / "store"), "key": {"file": str(store_key)}},
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "audit": {"path": str(folder / "audit.jsonl")},
            "limits": {"client_connections": 12000},
        }, indent=2) + "\n")

    def start(self) -> None:
        self.daemon = Daemon([rekey_program(), "run", "-c", self.configuration], self.folder / "rekey.log")
        self.daemon.wait_for_port(self.port)
        wait_until(self.ready, "rekey to be ready")

    def stop(self) -> None:
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def ready(self) -> bool:
        if self.daemon.process.poll() is not None:
            raise RuntimeError(f"rekey ended with {self.daemon.process.returncode}:\n{self.daemon.tail()}")
        try:
            self.get("/readyz")
            return True
        except OSError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series of the name that have these labels."""
        total = 0.0
        for line in self.get("/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            if series.split("{")[0] == name and all(f'{key}="{value_}"' in series for key, value_ in labels.items()):
                total += float(value)
        return total

    def rotate(self) -> str:
        """Waits until it is over; returns why it failed, or nothing. By one request: to start a program for it would
        cost the machine as much as several logins."""
        token = (self.folder / "store" / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.admin_port}/api/rotate?credential={CREDENTIAL}&wait=1", data=b"",
            headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                outcome = json.load(answer)
        except urllib.error.HTTPError as refusal:
            return f"HTTP {refusal.code}: {refusal.read().decode().strip()}"
        return "" if outcome.get("outcome") == "done" else json.dumps(outcome)
