"""Azure on loopback, as strict as it is there: the metadata of a virtual machine (a header, a version, a resource), the
token endpoint of Entra ID (client secrets and federated tokens), and a Key Vault."""

import secrets
import time

from support.json_service import JsonService

RESOURCE = "https://vault.azure.net"
TENANT, CLIENT = "11111111-2222-3333-4444-555555555555", "99999999-8888-7777-6666-555555555555"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class AzureServices(JsonService):
    """`life` is that of the tokens that are handed out, in seconds. `federated` is the token that the cluster has
    given, `client_secret` that of the application."""

    def __init__(self, life=3599):
        super().__init__()
        self.life, self.issued = life, 0
        self.federated, self.client_secret = "eyJ." + secrets.token_urlsafe(60), secrets.token_urlsafe(30)
        self._tokens, self._versions = {}, {}

    def put(self, secret, text):
        """A new version; returns its id."""
        with self.lock:
            versions = self._versions.setdefault(secret, {})
            version = secrets.token_hex(16)
            versions[version] = text
            return version

    def revoke_tokens(self):
        with self.lock:
            self._tokens.clear()

    def answer(self, asked):
        if asked.path == "/metadata/identity/oauth2/token":
            return self._machine(asked)
        if asked.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._application(asked)
        return self._secret(asked)

    def _issue(self):
        token = "eyJ0eXAi." + secrets.token_urlsafe(200)
        self._tokens[token] = time.monotonic() + self.life
        self.issued += 1
        return token

    def _machine(self, asked):
        if asked.headers.get("Metadata") != "true" or asked.headers.get("X-Forwarded-For") is not None:
            return 400, {"error": "invalid_request", "error_description": "Required metadata header not specified"}, {}
        if asked.query.get("api-version") != "2018-02-01" or asked.query.get("resource") != RESOURCE:
            return 400, {"error": "invalid_resource", "error_description": "AADSTS500011: not found"}, {}
        # A machine's metadata tell the end as texts.
        return 200, {"access_token": self._issue(), "expires_in": str(self.life), "resource": RESOURCE,
                     "expires_on": str(int(time.time()) + self.life), "token_type": "Bearer"}, {}

    def _application(self, asked):
        form = asked.form()
        if asked.method != "POST" or form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "AADSTS70003"}, {}
        if form.get("scope") != RESOURCE + "/.default" or form.get("client_id") != CLIENT:
            return 400, {"error": "invalid_scope", "error_description": "AADSTS70011"}, {}
        proof = {key: value for key, value in form.items() if key.startswith(("client_secret", "client_assertion"))}
        if proof not in ({"client_secret": self.client_secret},
                         {"client_assertion": self.federated, "client_assertion_type": ASSERTION}):
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client"}, {}
        return 200, {"token_type": "Bearer", "expires_in": self.life, "access_token": self._issue()}, {}

    def _secret(self, asked):
        ends = self._tokens.get(asked.bearer())
        if ends is None or time.monotonic() > ends or asked.method != "GET":
            challenge = f'Bearer authorization="{self.address}/{TENANT}", resource="{RESOURCE}"'
            return 401, {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP "
                                                                      "token."}}, {"WWW-Authenticate": challenge}
        if asked.query != {"api-version": "7.4"}:
            return 400, {"error": {"code": "BadParameter", "message": "api-version"}}, {}
        parts = asked.path.split("/")
        versions = self._versions.get(parts[2], {}) if parts[1] == "secrets" and len(parts) in (3, 4) else {}
        version = parts[3] if len(parts) == 4 else next(reversed(versions), None)
        if version not in versions:
            return 404, {"error": {"code": "SecretNotFound", "message": "A secret with (name/id) was not found in this "
                                                                        "key vault."}}, {}
        return 200, {"value": versions[version], "id": f"https://test.vault.azure.net/secrets/{parts[2]}/{version}",
                     "attributes": {"enabled": True, "created": int(time.time()), "updated": int(time.time())}}, {}
