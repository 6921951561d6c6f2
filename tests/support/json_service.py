"""An HTTP service on loopback for tests: one handler, answers in JSON, and a list of what was asked wrongly."""

import http.server
import json
import threading
import urllib.parse


class Asked:
    """One request."""

    def __init__(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        self.method, self.path, self.headers, self.body = method, url.path, headers, body
        self.query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))

    def form(self):
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return {}
        return dict(urllib.parse.parse_qsl(self.body.decode(), strict_parsing=True))

    def bearer(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme == "Bearer" else None


class JsonService:
    """Subclasses answer(asked) with (status, object or None, headers). Its state is changed by the test's thread under
    `lock`. `wrong` tells every answer of 400 and more."""

    def __init__(self):
        self.lock = threading.RLock()
        self.wrong, self.answered = [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer.lock:
                    status, answer, headers = outer.answer(Asked(self.command, self.path, self.headers, body))
                    outer.answered += 1
                    if status >= 400:
                        outer.wrong.append(f"{self.command} {self.path}: {status} {json.dumps(answer)}")
                content = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _serve  # pylint: disable=invalid-name

            def log_message(self, *arguments):  # pylint: disable=arguments-differ
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, asked):
        raise NotImplementedError

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
