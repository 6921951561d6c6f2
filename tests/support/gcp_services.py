"""Google Cloud on loopback, as strict as it is there: the metadata server (a header, and not through a proxy), the
token service for service accounts (an RS256 assertion with its audience, scope and life), and the Secret Manager."""

import base64
import json
import re
import secrets
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.json_service import JsonService

ACCOUNT = "rekey@test-project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PROJECT, NUMBER = "test-project", "123456789"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"


def crc32c(data):
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _error(code, status, message):
    return code, {"error": {"code": code, "status": status, "message": message}}, {}


class GcpServices(JsonService):
    """`life` is that of the tokens that are handed out, in seconds."""

    def __init__(self, life=3599):
        super().__init__()
        self.life, self.issued = life, 0
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._tokens, self._assertions, self._versions = {}, set(), {}

    def put(self, secret, text):
        """A new version; returns its number."""
        with self.lock:
            versions = self._versions.setdefault(secret, [])
            versions.append(text.encode())
            return len(versions)

    def key_file(self):
        pem = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        return json.dumps({"type": "service_account", "project_id": PROJECT, "private_key_id": "key-1",
                           "private_key": pem.decode(), "client_email": ACCOUNT, "client_id": "1",
                           "token_uri": self.address + "/token"})

    def revoke_tokens(self):
        with self.lock:
            self._tokens.clear()

    def answer(self, asked):
        if asked.path == METADATA:
            return self._metadata(asked)
        if asked.path == "/token":
            return self._token(asked)
        return self._access(asked)

    def _issue(self):
        token = "ya29." + secrets.token_urlsafe(120)
        self._tokens[token] = time.monotonic() + self.life
        self.issued += 1
        return {"access_token": token, "expires_in": self.life, "token_type": "Bearer"}

    def _metadata(self, asked):
        if asked.headers.get("Metadata-Flavor") != "Google" or asked.headers.get("X-Forwarded-For") is not None:
            return 403, None, {"Metadata-Flavor": "Google"}
        return 200, self._issue(), {"Metadata-Flavor": "Google"}

    def _token(self, asked):
        form = asked.form()
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or asked.method != "POST":
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}, {}
        wrong = self._wrong_with(form.get("assertion", ""))
        if wrong:
            return 400, {"error": "invalid_grant", "error_description": wrong}, {}
        return 200, self._issue(), {}

    def _wrong_with(self, assertion):
        try:
            signed, _, signature = assertion.rpartition(".")
            header, claims = (json.loads(_unpadded(part)) for part in signed.split("."))
            self.key.public_key().verify(_unpadded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            return "Invalid JWT Signature."
        now = time.time()
        if header != {"alg": "RS256", "typ": "JWT", "kid": "key-1"} or claims.get("iss") != ACCOUNT:
            return "Invalid JWT: its header or issuer is wrong."
        if claims.get("aud") != self.address + "/token" or claims.get("scope") != SCOPE:
            return "Invalid JWT: its audience or scope is wrong."
        if not now - 60 <= claims.get("iat", 0) <= now + 60 or not now < claims.get("exp", 0) <= claims["iat"] + 3600:
            return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        return ""

    def _access(self, asked):
        ends = self._tokens.get(asked.bearer())
        if ends is None or time.monotonic() > ends or asked.method != "GET":
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        match = re.fullmatch(rf"/v1/projects/({PROJECT}|{NUMBER})/secrets/([\w-]+)/versions/(\w+):access", asked.path)
        if not match:
            return _error(403, "PERMISSION_DENIED", "Permission denied on resource.")
        versions = self._versions.get(match[2], [])
        number = len(versions) if match[3] == "latest" else int(match[3]) if match[3].isdigit() else 0
        if not 1 <= number <= len(versions):
            return _error(404, "NOT_FOUND", f"[projects/{NUMBER}/secrets/{match[2]}] not found or has no versions.")
        data = versions[number - 1]
        return 200, {"name": f"projects/{NUMBER}/secrets/{match[2]}/versions/{number}",
                     "payload": {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))}}, {}
