"""Alibaba Cloud's KMS on loopback, for tests only: OpenAPI with RAM keys and the dedicated gateway with client keys on
one port, beside an ECS instance's metadata.

As strict as the real one about signatures, nonces, clocks and sessions; a managed secret's rotation changes an account
of a database for real. Faults can be injected."""

import base64
import datetime
import http.server
import json
import secrets
import threading
import time
import urllib.parse
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import pkcs12

from support import alibaba_signatures as signatures
from support.alibaba_secrets import KmsError, Secret
from support.protobuf import read_message, write_message

ROLES = "/latest/meta-data/ram/security-credentials/"
STATUS = {"Forbidden.ResourceNotFound": 404, "Forbidden.NoPermission": 403, "InvalidAccessKeyId.NotFound": 404,
          "InternalFailure": 500, "ServiceUnavailableTemporary": 503}
_IV = 12  # bytes of the vector before a ciphertext


class AlibabaKms:
    """`wrong` holds what was refused, `asked` what was answered, by API. `denied` are APIs that nobody may use."""

    def __init__(self):
        self.keys, self.sessions, self.client_keys = {}, {}, {}
        self.secrets, self.denied = {}, set()
        self.wrong, self.asked = [], []
        self.session_life = 3600  # seconds
        self.clock_offset = datetime.timedelta(0)
        self._faults, self._nonces, self._tokens = [], set(), {}
        self._lock = threading.Lock()
        self._master = AESGCM(secrets.token_bytes(32))
        self._key_version = str(uuid.uuid4())
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    # What there is

    def access_key(self):
        """(id, secret) of a new RAM user."""
        pair = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
        self.keys[pair[0]] = pair[1]
        return pair

    def configured_key(self):
        """The same, as a configuration writes it."""
        name, secret = self.access_key()
        return {"id": name, "secret": {"value": secret}}

    def session(self):
        """Keys of a role, as metadata hands them out."""
        name, secret, token = "STS." + secrets.token_hex(8), secrets.token_hex(15), secrets.token_urlsafe(60)
        ends = signatures.utc_now() + datetime.timedelta(seconds=self.session_life)
        with self._lock:
            self.keys[name], self.sessions[name] = secret, (token, ends)
        return {"Code": "Success", "AccessKeyId": name, "AccessKeySecret": secret, "SecurityToken": token,
                "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def client_key(self, password):
        """The text of a client key's file."""
        name, key = "KAAP." + str(uuid.uuid4()), rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = signatures.utc_now()
        certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
                       .serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
                       .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
        data = pkcs12.serialize_key_and_certificates(
            b"client", key, certificate, None, serialization.BestAvailableEncryption(password.encode()))
        self.client_keys[name] = key.public_key()
        return json.dumps({"KeyId": name, "PrivateKeyData": base64.b64encode(data).decode()})

    def generic_secret(self, name, username, password):
        secret = self.secrets[name] = Secret("Generic")
        secret.put(json.dumps({"username": username, "password": password}))
        return secret

    def managed_secret(self, name, accounts, password, change):
        """Of the type Rds; the first account has this password. More than one: they take turns."""
        secret = self.secrets[name] = Secret("Rds", accounts, change)
        secret.put(json.dumps({"AccountName": accounts[0], "AccountPassword": password}))
        secret.accounts.append(secret.accounts.pop(0))
        return secret

    def inject(self, fault, times=1):
        """For the next requests to KMS: an error code, `hang`, `half` (of an answer), `html` or `close`."""
        with self._lock:
            self._faults.extend([fault] * times)

    def injected(self):
        """How many are left."""
        with self._lock:
            return len(self._faults)

    def closed(self):
        return self._stopped.is_set()

    def close(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # Who asks

    def _now(self):
        return signatures.utc_now() + self.clock_offset

    def _secret_of(self, name, token):
        if name not in self.keys:
            return None, "InvalidAccessKeyId.NotFound"
        known, ends = self.sessions.get(name, (None, None))
        if known != (token or None):
            return None, "InvalidSecurityToken.Malformed"
        if ends is not None and ends < self._now():
            return None, "InvalidSecurityToken.Expired"
        return self.keys[name], None

    def _used(self, nonce):
        with self._lock:
            used = not nonce or nonce in self._nonces
            self._nonces.add(nonce)
        return used

    # What is asked

    def open_api(self, headers, body):
        """Returns (API, answer as JSON)."""
        form = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
        values = dict(form)
        if "Signature" in values:
            api, version, nonce = values.get("Action"), values.get("Version"), values.get("SignatureNonce")
            wrong = signatures.rpc(form, self._secret_of, self._now())
        else:
            api, version = headers.get("x-acs-action"), headers.get("x-acs-version")
            nonce = headers.get("x-acs-signature-nonce")
            wrong = signatures.acs3(headers, body, self._secret_of, self._now())
        if wrong:
            raise KmsError(wrong)
        if self._used(nonce):
            raise KmsError("SignatureNonceUsed")
        if version != "2016-01-20" or api not in ("Decrypt", "GetSecretValue", "RotateSecret"):
            raise KmsError("InvalidAction.NotFound")
        if api in self.denied:
            raise KmsError("Forbidden.NoPermission")
        if api == "Decrypt":
            plain = self._open(base64.b64decode(values["CiphertextBlob"], validate=True))
            return api, {"Plaintext": plain.decode(), "KeyId": "key", "KeyVersionId": self._key_version}
        secret = self.secrets.get(values.get("SecretName"))
        if secret is None:
            raise KmsError("Forbidden.ResourceNotFound")
        if api == "RotateSecret":
            if not secret.accounts or not values.get("VersionId"):
                raise KmsError("InvalidParameter")
            # It is answered before it has ended.
            threading.Thread(target=secret.rotate, args=(values["VersionId"],), daemon=True).start()
            return api, {"SecretName": values["SecretName"], "VersionId": values["VersionId"]}
        version, data, stages = secret.find(values.get("VersionStage", "ACSCurrent"))
        return api, {"SecretName": values["SecretName"], "VersionId": version, "SecretData": data,
                     "SecretDataType": "text", "SecretType": secret.kind, "AutomaticRotation": "Disabled",
                     "VersionStages": {"VersionStage": sorted(stages)}}

    def dedicated(self, headers, body):
        """Returns (API, answer as a message)."""
        wrong = signatures.client_key(headers, body, self.client_keys.get, self._now())
        if wrong:
            raise KmsError(wrong)
        api, fields = headers.get("x-kms-apiname"), read_message(body)
        if api in self.denied:
            raise KmsError("Forbidden.NoPermission")
        if api == "Decrypt":
            if headers.get("x-kms-migrationkeyversionid") != self._key_version or len(fields.get(5, b"")) != _IV:
                raise KmsError("Forbidden.KeyNotFound")
            return api, write_message({1: "key", 2: self._open(fields[5] + fields[1]), 3: str(uuid.uuid4())})
        if api != "GetSecretValue" or fields.get(4) != 1:
            raise KmsError("InvalidParameter")
        secret = self.secrets.get(fields.get(1, b"").decode())
        if secret is None:
            raise KmsError("Forbidden.ResourceNotFound")
        version, data, stages = secret.find(fields.get(2, b"ACSCurrent").decode())
        return api, write_message({1: fields[1], 2: secret.kind, 3: data, 4: "text", 5: sorted(stages)[0], 6: version})

    def _open(self, blob):
        try:
            return self._master.decrypt(blob[:_IV], blob[_IV:], None)
        except Exception as error:
            raise KmsError("Forbidden.KeyNotFound") from error

    def encrypt(self, plain, wrapped=False):
        """What Encrypt answers; `wrapped`: as clients with a client key write it."""
        vector = secrets.token_bytes(_IV)
        blob = vector + self._master.encrypt(vector, plain.encode(), None)
        return base64.b64encode(self._key_version.encode() + blob if wrapped else blob).decode()

    def metadata(self, method, path, headers):
        """Returns (status, text)."""
        now = time.monotonic()
        if (method, path) == ("PUT", "/latest/api/token"):
            ttl = headers.get("X-aliyun-ecs-metadata-token-ttl-seconds", "")
            if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
                return 400, ""
            token = secrets.token_urlsafe(40)
            self._tokens[token] = now + int(ttl)
            return 200, token
        if self._tokens.get(headers.get("X-aliyun-ecs-metadata-token"), 0) < now:
            return 403, ""
        if method != "GET":
            return 405, ""
        if path == ROLES:
            return 200, "the-role"
        return (200, json.dumps(self.session())) if path == ROLES + "the-role" else (404, "")

    # How it is answered

    def answer(self, request, body):
        """Writes the answer to a POST, or the fault that is due."""
        with self._lock:
            fault = self._faults.pop(0) if self._faults else None
        protobuf = request.headers.get("Content-Type") == "application/x-protobuf"
        try:
            if fault == "hang":
                self._stopped.wait(30)
            if fault in ("hang", "close"):
                request.close_connection = True
                return
            if fault == "html":
                return request.reply(502, b"<html>bad gateway</html>", "text/html")
            if fault and fault != "half":
                raise KmsError(fault)
            api, answer = (self.dedicated if protobuf else self.open_api)(request.headers, body)
            self.asked.append(api)
            text = answer if protobuf else json.dumps({**answer, "RequestId": str(uuid.uuid4())}).encode()
            request.reply(200, text, "application/x-protobuf" if protobuf else "application/json", fault == "half")
        except (KmsError, ValueError, KeyError) as error:
            code = str(error) if isinstance(error, KmsError) else "InvalidParameter"
            if not fault:
                self.wrong.append(code)
            status = STATUS.get(code, 400)
            if protobuf:
                request.reply(status, write_message({2: code, 3: "refused", 4: str(uuid.uuid4())}),
                              "application/x-protobuf")
            else:
                request.reply(status, json.dumps({"Code": code, "Message": "refused", "RequestId": str(uuid.uuid4()),
                                                  "HostId": "kms", "Recommend": ""}).encode(), "application/json")

    def _handler(outer):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, status, body, kind, half=False):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:len(body) // 2] if half else body)
                self.close_connection = self.close_connection or half

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if outer.closed():  # connections that are kept outlive the server's socket
                    self.close_connection = True
                    return None
                if self.path != "/":
                    return self.reply(404, b"", "text/plain")
                outer.answer(self, body)

            def _metadata(self):
                status, text = outer.metadata(self.command, self.path, self.headers)
                if status >= 400:
                    outer.wrong.append(f"{self.command} {self.path}: {status}")
                self.reply(status, text.encode(), "text/plain")

            do_GET = do_PUT = _metadata  # pylint: disable=invalid-name

            def log_message(self, *arguments):  # pylint: disable=arguments-differ
                pass

        return Handler
