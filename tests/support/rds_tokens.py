"""What Amazon RDS puts behind its databases: somebody who checks the tokens that stand for passwords.

PostgreSQL asks it as an LDAP server (a simple bind for every login), so a token goes the whole way: as a password in
clear text under TLS. A token is good for one host, port and user, for 15 minutes from its signing."""

import datetime
import hashlib
import hmac
import socketserver
import threading
import urllib.parse


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, host, query, date, region):
    """Of a presigned GET of `/`; `query` are the decoded pairs without the signature."""
    def quote(text):
        return urllib.parse.quote(text, safe="-_.~")

    canonical_query = "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(query))
    canonical = f"GET\n/\n{canonical_query}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    scope = f"{date[:8]}/{region}/rds-db/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + secret).encode()
    for part in (date[:8], region, "rds-db", "aws4_request"):
        key = _hmac(key, part)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class TokenDirectory:
    """`keys` are the (id, secret) pairs that may sign. `accepted` and `refused` count logins, `tokens` holds what was
    shown, `reasons` why something was refused."""

    def __init__(self, keys, region):
        self.keys, self.region = dict(keys), region
        self.host = None  # host:port of the database
        self.accepted, self.tokens, self.reasons = 0, set(), []
        self._lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    message = _read_element(self.rfile)
                    if message is None:
                        return
                    number, (tag, operation) = _split(message[1])
                    if tag != 0x60:  # anything but a bind ends it
                        return
                    _, (_, name), (_, password) = _elements(operation)
                    code = 0 if outer.check(name.decode(), password.decode()) else 49
                    self.wfile.write(_element(0x30, _element(2, number) + _element(
                        0x61, _element(10, bytes([code])) + _element(4, b"") + _element(4, b""))))

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def hba(self):
        """The pg_hba.conf of a server that lets nobody in by TCP but with a token under TLS."""
        port = self._server.server_address[1]
        return ("local   all all trust\n"
                f'hostssl all all 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={port} ldapprefix="cn="\n')

    def check(self, name, token):
        reason = self._reason_against(name.removeprefix("cn="), token)
        with self._lock:
            self.tokens.add(token)
            if reason:
                self.reasons.append(reason)
            else:
                self.accepted += 1
        return not reason

    def _reason_against(self, user, token):
        host, _, text = token.partition("/?")
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
        values = dict(pairs)
        if host != self.host or values.get("DBUser") != user or values.get("Action") != "connect":
            return "not for this host, port and user"
        key, *scope = values["X-Amz-Credential"].split("/")
        date = values["X-Amz-Date"]
        if key not in self.keys or scope != [date[:8], self.region, "rds-db", "aws4_request"]:
            return "signed by somebody or for something else"
        signed = datetime.datetime.strptime(date, "%Y%m%dT%H%M%S%z")
        age = datetime.datetime.now(datetime.timezone.utc) - signed
        if values["X-Amz-Expires"] != "900" or not -60 <= age.total_seconds() < 900:
            return "too old"
        wanted = signature(self.keys[key], host, [pair for pair in pairs if pair[0] != "X-Amz-Signature"], date,
                           self.region)
        return "" if hmac.compare_digest(wanted, values["X-Amz-Signature"]) else "wrong signature"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


# As much of BER as a bind needs.


def _length(read):
    first = read(1)[0]
    return first if first < 0x80 else int.from_bytes(read(first & 0x7f), "big")


def _read_element(stream):
    tag = stream.read(1)
    return (tag[0], stream.read(_length(stream.read))) if tag else None


def _elements(data):
    found = []
    while data:
        at = 1

        def read(count):
            nonlocal at
            at += count
            return data[at - count:at]

        size = _length(read)
        found.append((data[0], data[at:at + size]))
        data = data[at + size:]
    return found


def _split(message):
    """A message's number, and its operation as (tag, content)."""
    number, operation = _elements(message)[:2]
    return number[1], operation


def _element(tag, content):
    size = len(content)
    return bytes([tag, size] if size < 0x80 else [tag, 0x82, size >> 8, size & 0xff]) + content
