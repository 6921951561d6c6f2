"""Rekey as a process: its configuration in a scratch folder, its commands, its admin port."""

import base64
import http.client
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess

from support.scratch import Scratch
from support.waiting import free_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SANITIZER_REPORT = re.compile(r"(ERROR: (?:Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|assertion)")


def binary():
    """The program under test: $REKEY_BINARY, else the release build's."""
    return pathlib.Path(os.environ.get("REKEY_BINARY", ROOT / "build/release/rekey"))


def sanitized():
    """Whether the program under test is a sanitizer build: slower, so figures are not judged."""
    return binary().parent.name in ("dev", "tsan")


def file_credential(name, path, **options):
    return {"name": name, "source": {"type": "file", "path": str(path)}, "refresh": "1s", **options}


def local_credential(name, username, password_file, admin=None, strategy="alternating_users", rotation=None, **options):
    """A credential in Rekey's own store; `admin` is (username, password file)."""
    block = {"strategy": strategy, **(rotation or {})}
    if admin is not None:
        block["admin"] = {"username": admin[0], "password": {"file": str(admin[1])}}
    initial = {"username": username, "password": {"file": str(password_file)}}
    return {"name": name, "source": {"type": "local", "initial": initial}, "rotation": block, **options}


class Rekey:
    """One Rekey. `configuration` is the file's content as data (YAML is a superset of JSON); listener, admin and store
    are added where it does not have them, one local user (`app`, self.password) as well."""

    def __init__(self, configuration, program=None):
        self._scratch = Scratch("rekey-run-")
        self.directory = self._scratch.path
        self.program = pathlib.Path(program or binary())
        self.password = "local-" + secrets.token_hex(8)
        self.port, self.admin_port, self.console_port = free_port(), free_port(), free_port()
        self.process = None
        self.environment = {}
        self.file = self.directory / "rekey.yaml"
        self.log_path = self.directory / "rekey.log"
        self.audit_path = self.directory / "audit.jsonl"
        self.secret_file("app.password", self.password)
        self.secret_file("store.key", base64.b64encode(os.urandom(32)).decode())
        self.configuration = self._complete(configuration)
        self.write()

    def _complete(self, given):
        base = {
            "listeners": [{"name": "pg", "protocol": "postgres", "address": f"127.0.0.1:{self.port}"}],
            "users": [{"name": "app", "password": {"file": "app.password"}}],
            "store": {"path": str(self.directory / "store"), "key": {"file": "store.key"}},
            "admin": {"address": f"127.0.0.1:{self.admin_port}", "console": f"127.0.0.1:{self.console_port}"},
            "audit": {"path": str(self.audit_path)},
        }
        return {**base, **given}

    def secret_file(self, name, text):
        """A 0600 file beside the configuration, replaced in one step; returns its path."""
        path = self.directory / name
        fresh = path.with_name(path.name + ".new")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        fresh.replace(path)
        return path

    def secret_json(self, name, username, password):
        return self.secret_file(name, json.dumps({"username": username, "password": password}))

    def write(self):
        self.file.write_text(json.dumps(self.configuration, indent=1))

    # Life

    def start(self, ready=True, **environment):
        """Starts it; with `ready` returns once /readyz says yes."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program, "run", "-c", self.file], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.directory,
                                            env={**os.environ, **self.environment, **environment})
        wait_until(lambda: self._alive() and self.get("/healthz")[0] == 200, 20, lambda: f"healthz:\n{self.log()}")
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=20):
        wait_until(lambda: self._alive() and self.get("/readyz")[0] == 200, timeout, lambda: f"readyz:\n{self.log()}")

    def _alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"rekey ended with {self.process.returncode}:\n{self.log()}")
        return True

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait_end(self, timeout=30):
        return self.process.wait(timeout)

    def stop(self, timeout=30):
        """SIGTERM twice: at once. Returns the exit code."""
        if not self.running():
            return self.process.returncode if self.process else None
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGTERM)
            return self.process.wait(timeout)

    def close(self, check=True):
        """Ends it and removes its folder. With `check`, what a sanitizer or an assertion reported is an error."""
        try:
            self.stop()
            if check and (report := SANITIZER_REPORT.search(self.log())):
                raise AssertionError(f"report in rekey's log: {self.log()[report.start():][:6000]}")
        finally:
            if self.running():
                self.kill()
            self._scratch.close()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # Reaching it

    def target(self, database, user="app", **words):
        """libpq words of a client."""
        return {"host": "127.0.0.1", "port": self.port, "user": user, "password": self.password, "dbname": database,
                **words}

    def request(self, method, path, headers=None, timeout=60):
        """(status, body) of one admin request; (0, reason) when it cannot be reached."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def token(self):
        return (self.directory / "store" / "admin.token").read_text().strip()

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        status, body = self.get("/metrics")
        assert status == 200, body
        values = {}
        for line in body.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def metric(self, name, **labels):
        """The sum over the series of `name` that carry these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(value for series, value in self.metrics().items()
                   if series.split("{")[0] == name and all(label in series for label in wanted))

    def cli(self, *arguments, timeout=60, configuration=True):
        """Runs one of Rekey's commands against this process; returns the finished process."""
        command = [self.program, *arguments, *(["-c", self.file] if configuration else [])]
        return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout, check=False,
                              env={**os.environ, **self.environment})

    def rotate(self, name, *flags, wait=True, timeout=60):
        return self.cli("rotate", name, *(["--wait"] if wait else []), *flags, timeout=timeout)

    def reload(self):
        return self.cli("reload")

    def status(self):
        """`rekey status --json` as data."""
        result = self.cli("status", "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def credential(self, name):
        return next(entry for entry in self.status()["credentials"] if entry["name"] == name)

    def audit(self, event=None, path=None):
        """The audit log's records as data."""
        text = pathlib.Path(path or self.audit_path).read_text()
        records = [json.loads(line) for line in text.splitlines()]
        return [record for record in records if event is None or record["event"] == event]
