"""A service that hands out logins as somebody's own would: behind a bearer token that is renewed all the time, with
entity tags, in an envelope of its own."""

import secrets

from support.json_service import JsonService


class LoginService(JsonService):
    def __init__(self, username, password):
        super().__init__()
        self.tokens, self.unchanged = [secrets.token_hex(16)], 0
        self._login, self._revision = (username, password), 1

    def put(self, username, password):
        """Returns the revision."""
        with self.lock:
            self._login, self._revision = (username, password), self._revision + 1
            return self._revision

    def new_token(self):
        """The one before is good for nothing at once."""
        with self.lock:
            self.tokens.append(secrets.token_hex(16))
            return self.tokens[-1]

    def answer(self, asked):
        if asked.bearer() != self.tokens[-1]:
            return 401, {"error": "who are you?"}, {"WWW-Authenticate": "Bearer"}
        if asked.path != "/v1/logins" or asked.query != {"app": "orders"} or asked.method != "GET":
            return 404, {"error": "there is no such thing"}, {}
        tag = f'"{self._revision}"'
        if asked.headers.get("If-None-Match") == tag:
            self.unchanged += 1
            return 304, None, {"ETag": tag}
        username, password = self._login
        login = {"role": username, "secret": {"pass/word": password}}
        return 200, {"logins": [login], "revision": self._revision}, {"ETag": tag}

    def source(self, token_file):
        return {"type": "http", "url": f"{self.address}/v1/logins?app=orders", "timeout": "5s",
                "headers": [{"name": "Authorization", "prefix": "Bearer ", "value": {"file": str(token_file)}}],
                "fields": {"username": "/logins/0/role", "password": "/logins/0/secret/pass~1word",
                           "version": "/revision"}}
