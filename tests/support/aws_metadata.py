"""The metadata endpoints of AWS on loopback, as strict as they are there: an instance's wants a session token, got by
PUT and not through a proxy; a container's wants its authorization."""

import http.server
import json
import secrets
import threading

ROLES = "/latest/meta-data/iam/security-credentials/"


class AwsMetadata:
    """`keys` is what is handed out: AccessKeyId, SecretAccessKey, SessionToken. `wrong` tells what was asked wrongly.
    """

    def __init__(self, keys, expiration="2099-01-01T00:00:00Z", region="eu-west-1"):
        self.keys, self.expiration, self.region = keys, expiration, region
        self.authorization = secrets.token_hex(16)
        self.wrong, self.handed_out = [], 0
        self._sessions = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self, status, text=""):
                if status >= 400:
                    outer.wrong.append(f"{self.command} {self.path}: {status}")
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):  # pylint: disable=invalid-name
                self._answer(*outer.new_session(self.path, self.headers))

            def do_GET(self):  # pylint: disable=invalid-name
                self._answer(*outer.get(self.path, self.headers))

            def log_message(self, *arguments):  # pylint: disable=arguments-differ
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def new_session(self, path, headers):
        ttl = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if path != "/latest/api/token":
            return 404, ""
        if headers.get("X-Forwarded-For") is not None:
            return 403, ""
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600 or int(headers.get("Content-Length", 0)) != 0:
            return 400, ""
        session = secrets.token_urlsafe(40)
        self._sessions.add(session)
        return 200, session

    def get(self, path, headers):
        if path == "/container":
            return (200, self._keys()) if headers.get("Authorization") == self.authorization else (403, "")
        if headers.get("X-aws-ec2-metadata-token") not in self._sessions:
            return 401, ""
        if path == "/latest/meta-data/placement/region":
            return 200, self.region
        if path == ROLES:
            return 200, "the-role"
        return (200, self._keys()) if path == ROLES + "the-role" else (404, "")

    def _keys(self):
        self.handed_out += 1
        return json.dumps({"Code": "Success", "AccessKeyId": self.keys["AccessKeyId"],
                           "SecretAccessKey": self.keys["SecretAccessKey"], "Token": self.keys["SessionToken"],
                           "Expiration": self.expiration})

    def as_instance(self):
        """Variables that lead there."""
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.address}

    def as_container(self):
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.address + "/container",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.authorization, "AWS_EC2_METADATA_DISABLED": "true"}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
