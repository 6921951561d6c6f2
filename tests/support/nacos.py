"""A real Nacos on loopback: the server's own code, alone, with its data in a scratch folder. For tests only.

`3` and `2` are its major versions. ./dev setup full puts their jars under build/servers and compiles a main class for
each (tests/support/nacos_servers); without them the tests that want them say NOT RUN.
"""

import base64
import json
import os
import pathlib
import secrets
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

from support.store_process import StoreProcess
from support.waiting import free_port, wait_until

SERVERS = pathlib.Path(__file__).resolve().parents[2] / "build/servers"
VERSIONS = ("3", "2")
_MAIN = {"3": "NacosThree", "2": "NacosTwo"}
_OFF = ("management.elastic.metrics.export.enabled", "management.influx.metrics.export.enabled",
        "management.metrics.export.elastic.enabled", "management.metrics.export.influx.enabled")


def home(version):
    """The folder of a version's jars and classes."""
    return pathlib.Path(os.environ.get("REKEY_NACOS", SERVERS)) / f"nacos-{version}"


def available(version):
    return shutil.which("java") is not None and (home(version) / f"classes/{_MAIN[version]}.class").exists()


def _port_with_neighbours():
    """A free port of which the two that lie a thousand above, where the server listens as well, are free, too."""
    def free(port):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True
    return wait_until(lambda: next((port for port in (free_port(),) if free(port + 1000) and free(port + 1001)), None))


class Nacos(StoreProcess):
    """One server; `admin` (password `self.password`) may do everything. `settings` are lines of its properties."""

    admin = "nacos"

    def __init__(self, version, settings=None, token_seconds=18000):
        super().__init__("rekey-nacos-")
        self.version = version
        self.port = _port_with_neighbours()
        self.address = f"http://127.0.0.1:{self.port}"
        self.password = "admin-" + secrets.token_hex(8)
        self._token, self._token_life, self._token_ends = None, token_seconds, 0
        modern = version == "3"
        lines = {
            "nacos.server.main.port" if modern else "server.port": self.port,
            "nacos.server.contextPath" if modern else "server.servlet.contextPath": "/nacos",
            "server.address": "127.0.0.1",
            "nacos.inetutils.ip-address": "127.0.0.1",
            "nacos.core.auth.enabled": "true",
            "nacos.core.auth.admin.enabled": "true",
            "nacos.core.auth.system.type": "nacos",
            "nacos.core.auth.caching.enabled": "false",
            "nacos.core.auth.server.identity.key": "who",
            "nacos.core.auth.server.identity.value": secrets.token_hex(8),
            "nacos.core.auth.plugin.nacos.token.secret.key": base64.b64encode(os.urandom(48)).decode(),
            "nacos.core.auth.plugin.nacos.token.expire.seconds": token_seconds,
            **{name: "false" for name in _OFF}, **(settings or {})}
        (self.directory / "conf").mkdir()
        (self.directory / "conf/application.properties").write_text(
            "".join(f"{name}={value}\n" for name, value in lines.items()))

    def start(self):
        at = self.directory
        jars = home(self.version)
        first = sorted((jars / "lib").glob("hessian-4*.jar"))
        path = ":".join(map(str, [jars / "classes", *first, jars / "lib/*"]))
        command = ["java", "-Xms64m", "-Xmx256m", "-XX:MaxMetaspaceSize=192m", "-XX:+UseSerialGC",
                   "-XX:TieredStopAtLevel=1", "-Dnacos.standalone=true", "-Dnacos.functionMode=config",
                   f"-Dnacos.home={at}", f"-Dnacos.logs.path={at / 'logs'}",
                   f"-Dderby.stream.error.file={at / 'derby.log'}", "-Dnacos.remote.grpc.listen.ip=127.0.0.1",
                   "-cp", path, _MAIN[self.version], f"--spring.config.additional-location=file:{at / 'conf'}/"]
        self.launch(command, lambda: "UP" in self.request("GET", "actuator/health", token=False), 180)
        if self._token is None:
            place = "v3/auth/user/admin" if self.version == "3" else "v1/auth/users/admin"
            self.request("POST", place, {"password": self.password}, token=False)
        return self

    def request(self, method, path, form=None, token=True, headers=None):
        """The answer's text; an HTTP error is raised."""
        data = urllib.parse.urlencode(form or {})
        url = f"{self.address}/nacos/{path}"
        if method in ("GET", "DELETE") and data:
            url, data = f"{url}?{data}", None
        request = urllib.request.Request(url, method=method, data=data.encode() if data else None,
                                         headers=dict(headers or {}))
        if token:
            request.add_header("Authorization", f"Bearer {self.token()}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as response:
            return response.read().decode()

    def token(self):
        """The administrator's."""
        if time.monotonic() > self._token_ends:
            answer = self.request("POST", "v1/auth/users/login", {"username": self.admin, "password": self.password},
                                  token=False)
            self._token = json.loads(answer)["accessToken"]
            self._token_ends = time.monotonic() + self._token_life / 2
        return self._token

    def publish(self, data_id, content, kind="properties", group="DEFAULT_GROUP", namespace="", data_key=None):
        """Returns once it can be read. `data_key` is the encrypted one of what is encrypted."""
        place = {"dataId": data_id, "group": group, **({"tenant": namespace} if namespace else {})}
        key = {} if data_key is None else {"encryptedDataKey": data_key}
        assert self.request("POST", "v1/cs/configs", {**place, "content": content, "type": kind, **key}) == "true"

        def there():
            try:
                return self.request("GET", "v1/cs/configs", place) == content
            except urllib.error.HTTPError as error:
                if error.code not in (404, 409):  # 409: it is just being changed
                    raise
                return False

        wait_until(there, 20, f"{data_id} as published")

    def remove(self, data_id, group="DEFAULT_GROUP"):
        self.request("DELETE", "v1/cs/configs", {"dataId": data_id, "group": group})

    def reader(self, name, namespace="", group="*"):
        """A user who may read there; returns the password."""
        password = "reader-" + secrets.token_hex(8)
        version = "v3/auth/user" if self.version == "3" else "v1/auth/users"
        self.request("POST", version, {"username": name, "password": password})
        version = version.replace("users", "user")
        self.request("POST", version.replace("user", "role") + ("" if self.version == "3" else "s"),
                     {"role": f"{name}-role", "username": name})
        self.request("POST", version.replace("user", "permission") + ("" if self.version == "3" else "s"),
                     {"role": f"{name}-role", "resource": f"{namespace}:{group}:*", "action": "r"})
        return password
