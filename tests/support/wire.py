"""PostgreSQL's protocol by hand, for what no driver would send: a client that can misbehave in any way."""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct

PROTOCOL_3_0 = 0x30000
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102


class Closed(ConnectionError):
    """The peer ended the connection."""


def frame(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def startup(parameters, version=PROTOCOL_3_0):
    words = b"".join(text.encode() + b"\0" for pair in parameters.items() for text in pair)
    body = struct.pack("!I", version) + words + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def request(code, body=b""):
    return struct.pack("!II", len(body) + 8, code) + body


def cstring(text):
    return text.encode() + b"\0"


def error_fields(body):
    """{'S': severity, 'C': SQLSTATE, 'M': text, …} of an ErrorResponse or NoticeResponse."""
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode(errors="replace")
    return fields


class Connection:
    """One socket. read() returns (type, body); the high-level calls are for getting into a state worth abusing."""

    def __init__(self, port=None, path=None, timeout=10.0):
        if path is not None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(path))
        else:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._buffer = b""
        self.parameters = {}
        self.key = None  # (process id, secret)
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def read_bytes(self, count):
        while len(self._buffer) < count:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionResetError as error:
                raise Closed(str(error)) from error
            if not chunk:
                raise Closed(f"after {len(self._buffer)} bytes")
            self._buffer += chunk
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def read(self):
        kind, length = struct.unpack("!cI", self.read_bytes(5))
        return kind.decode(), self.read_bytes(length - 4)

    def read_until(self, kinds):
        """Every message up to the first whose type is in `kinds`, that one included."""
        messages = []
        while True:
            message = self.read()
            messages.append(message)
            if message[0] in kinds:
                return messages

    def closed(self):
        """Whether the peer closes (after whatever it still sends); waits for it as long as the socket's timeout."""
        try:
            while True:
                self.read_bytes(1)
        except Closed:
            return True
        except TimeoutError:
            return False

    def last_error(self):
        """The fields of the last ErrorResponse that arrives before the peer closes; {} if none does."""
        fields = {}
        try:
            while True:
                kind, body = self.read()
                if kind == "E":
                    fields = error_fields(body)
        except Closed:
            return fields

    def start_tls(self, context=None, direct=False):
        """Turns TLS on; returns the server's answer byte (b"" with direct TLS)."""
        answer = b""
        if not direct:
            self.send(request(SSL_REQUEST))
            answer = self.read_bytes(1)
            if answer != b"S":
                return answer
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if direct:
            context.set_alpn_protocols(["postgresql"])
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        return answer

    def login(self, user, password, database, version=PROTOCOL_3_0, **parameters):
        """Start-up with SCRAM-SHA-256; returns the messages after AuthenticationOk up to ReadyForQuery. An ErrorResponse
        raises PermissionError with the SQLSTATE and text."""
        self.send(startup({"user": user, "database": database, **parameters}, version))
        self.authenticate(password)
        messages = self._expect("Z")
        for kind, body in messages:
            if kind == "S":
                name, value = body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == "K":
                self.key = (struct.unpack("!I", body[:4])[0], body[4:])
        return messages

    def _expect(self, kind):
        messages = self.read_until(kind + "E")
        if messages[-1][0] == "E":
            fields = error_fields(messages[-1][1])
            raise PermissionError(f"{fields.get('C')}: {fields.get('M')}")
        return messages

    def authenticate(self, password):
        """Answers the server's AuthenticationSASL to its AuthenticationOk."""
        body = self._expect("R")[-1][1]
        code = struct.unpack("!I", body[:4])[0]
        if code == 0:
            return
        assert code == 10, f"authentication request {code}"
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        initial = f"n,,{first}".encode()
        self.send(frame("p", cstring("SCRAM-SHA-256") + struct.pack("!I", len(initial)) + initial))
        challenge = self._expect("R")[-1][1][4:].decode()
        final, signature = scram_final(password, first, challenge, nonce)
        self.send(frame("p", final.encode()))
        answer = self._expect("R")[-1][1]
        assert answer[4:].decode() == f"v={signature}", "the server's signature is wrong"
        assert struct.unpack("!I", self._expect("R")[-1][1])[0] == 0

    def query(self, text):
        """One simple query; every message up to ReadyForQuery."""
        self.send(frame("Q", cstring(text)))
        messages = self.read_until("Z")
        self.status = messages[-1][1].decode()
        return messages


def scram_final(password, first, challenge, nonce):
    """(client-final-message, the server signature to expect), both as text."""
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    assert fields["r"].startswith(nonce)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))

    def digest(key, text):
        return hmac.new(key, text, hashlib.sha256).digest()

    client_key = digest(salted, b"Client Key")
    without_proof = f"c=biws,r={fields['r']}"
    message = f"{first},{challenge},{without_proof}".encode()
    signature = digest(hashlib.sha256(client_key).digest(), message)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
    server_signature = base64.b64encode(digest(digest(salted, b"Server Key"), message)).decode()
    return f"{without_proof},p={proof}", server_signature
