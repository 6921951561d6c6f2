"""Looks at the server from outside while something happens: who is connected, sampled by a connection of its own."""

import contextlib
import subprocess
import threading

import pymysql

from support.postgres import quote


class BackendSampler:
    """Samples the backends of `database` about every 50 ms: `counts`, and `logins` seen as (pid, login role).

    `without` names roles that are not the pool's (the rotator)."""

    def __init__(self, server, database, without=("rotator",)):
        names = ", ".join(map(quote, (*without, "postgres")))
        self._statement = (
            "SELECT count(*), coalesce(string_agg(pid || '/' || usename, ' '), '') FROM pg_stat_activity "
            f"WHERE datname = {quote(database)} AND backend_type = 'client backend' AND usename NOT IN ({names})")
        self._command = [server.bin / "psql", "-XAtq", "-F", ",", "-h", str(server.directory), "-p", str(server.port), "-U",
                         "postgres", "-d", "postgres"]
        self.counts = []
        self.logins = set()
        self._process = None
        self._thread = None

    def start(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self._process.stdin.write(f"{self._statement} \\watch 0.05\n")
        self._process.stdin.flush()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _read(self):
        for line in self._process.stdout:
            count, _, rows = line.strip().partition(",")
            if count.isdigit():
                self.counts.append(int(count))
                self.logins.update(tuple(row.split("/", 1)) for row in rows.split())

    def reset(self):
        """Forgets what was seen so far; what comes next is judged alone."""
        self.counts, self.logins = [], set()

    def stop(self):
        self._process.terminate()
        self._process.wait()
        self._process.stdin.close()
        self._thread.join()
        self._process.stdout.close()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class MysqlBackendSampler:
    """The same for MySQL and MariaDB: the connections of the accounts `users`."""

    def __init__(self, server, users):
        self._server, self._users = server, users
        self.counts = []
        self.logins = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        root = pymysql.connect(unix_socket=str(self._server.socket), user="root")
        with contextlib.closing(root), root.cursor() as cursor:
            while not self._stop.wait(0.05):
                cursor.execute("SHOW PROCESSLIST")
                # Id, User, Host, db, Command, …: one that is killed works no more, and is about to go.
                found = {(row[0], row[1]) for row in cursor.fetchall() if row[1] in self._users and row[4] != "Killed"}
                self.counts.append(len(found))
                self.logins |= found

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
