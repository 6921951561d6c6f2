"""What a MySQL at Amazon RDS does with a login: it asks for the token in clear text, under TLS only.

No server that can be had here asks so, so that a login is taken by this gate: it greets as the server behind it does,
has the token checked, logs in there with the password, and from then on passes bytes on, both ways."""

import hashlib
import select
import socket
import socketserver
import ssl
import struct
import threading

_SSL = 0x800
_REQUEST_SIZE = 32  # of a handshake response up to the user's name, which is all of a request for TLS


class TokenGate:
    """In front of a MysqlDatabase at a server without TLS; `directory` (rds_tokens.TokenDirectory) checks tokens."""

    def __init__(self, database, directory, authority):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("gate"))

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    with socket.create_connection(("127.0.0.1", database.server.port)) as server:
                        _Login(self.request, server).serve(context, database, directory)
                except (OSError, EOFError):
                    pass  # one of them has gone, as they may at any time

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Login:
    def __init__(self, client, server):
        self._client, self._server = client, server
        for connection in (client, server):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self, context, database, directory):
        greeting = _read(self._server)
        _write(self._client, 0, _with_tls(greeting))
        request = _read(self._client)
        assert len(request) == _REQUEST_SIZE and struct.unpack_from("<I", request)[0] & _SSL, "a login without TLS"
        with context.wrap_socket(self._client, server_side=True) as client:
            response = _read(client)
            user = response[_REQUEST_SIZE:response.index(b"\0", _REQUEST_SIZE)]
            _write(client, 3, b"\xfemysql_clear_password\0")
            token = _read(client)
            if token[-1:] != b"\0" or not directory.check(user.decode(), token[:-1].decode()):
                _write(client, 5, b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied")
                return
            _write(self._server, 1, _with_password(response, database.password, _nonce(greeting)))
            _write(client, 5, _read(self._server))
            self._pass_on(client)

    def _pass_on(self, client):
        other = {client: self._server, self._server: client}
        while True:
            ready = [client] if client.pending() else select.select([*other], [], [])[0]
            for connection in ready:
                data = connection.recv(65536)
                if not data:
                    return
                other[connection].sendall(data)


# As much of the protocol as a login needs.


def _exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _read(connection):
    header = _exactly(connection, 4)
    return _exactly(connection, int.from_bytes(header[:3], "little"))


def _write(connection, sequence, payload):
    connection.sendall(len(payload).to_bytes(3, "little") + bytes([sequence]) + payload)


def _behind_version(greeting):
    return greeting.index(b"\0", 1) + 1


def _with_tls(greeting):
    at = _behind_version(greeting) + 4 + 8 + 1  # thread, first part of the nonce, filler
    low = struct.unpack_from("<H", greeting, at)[0] | _SSL
    return greeting[:at] + struct.pack("<H", low) + greeting[at + 2:]


def _nonce(greeting):
    first = _behind_version(greeting) + 4
    second = first + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10
    return greeting[first:first + 8] + greeting[second:second + 12]


def _with_password(response, password, nonce):
    """The same login without TLS, by mysql_native_password."""
    once = hashlib.sha1(password.encode()).digest()
    mask = hashlib.sha1(nonce + hashlib.sha1(once).digest()).digest()
    answer = bytes(a ^ b for a, b in zip(once, mask))
    capabilities = struct.unpack_from("<I", response)[0] & ~_SSL
    at = response.index(b"\0", _REQUEST_SIZE) + 1  # the size of the answer: less than what takes more than a byte
    return (struct.pack("<I", capabilities) + response[4:at] + bytes([len(answer)]) + answer
            + response[at + 1 + response[at]:])
