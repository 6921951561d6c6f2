"""What the server saw meanwhile: how many backends were open at every moment, who logged in, who was refused."""

import os
import subprocess
import threading
import time
from pathlib import Path

from .postgres import Postgres


class AdminSession:
    """One administrator's session kept open, so that asking costs the server no login: a client program which reads
    statements as they come. `mark` is what makes it print --end--."""

    mark = ""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None):
        self.client = subprocess.Popen(command, text=True, bufsize=1, env={**os.environ, **(environment or {})},
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lock = threading.Lock()

    def ask(self, statement: str) -> list[str]:
        with self.lock:
            self.client.stdin.write(f"{statement};\n{self.mark}\n")
            self.client.stdin.flush()
            lines = []
            for line in self.client.stdout:
                if line == "--end--\n":
                    return lines
                lines.append(line.rstrip("\n"))
        raise RuntimeError("the administrator's session ended: " + " ".join(lines))

    def count_backends(self, roles: list[str]) -> str:
        """The statement that counts the backends of some login roles."""
        raise NotImplementedError

    def end_backends(self, roles: list[str]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.client.stdin.close()
        self.client.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def listed(roles: list[str]) -> str:
    return ",".join(f"'{role}'" for role in roles)


class Session(AdminSession):
    """The superuser of a PostgreSQL."""

    mark = "\\echo --end--"

    def __init__(self, server: Postgres):
        super().__init__(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=0"], server.superuser)

    def count_backends(self, roles: list[str]) -> str:
        return f"SELECT count(*) FROM pg_stat_activity WHERE usename IN ({listed(roles)})"

    def end_backends(self, roles: list[str]) -> None:
        self.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                 f"WHERE usename IN ({listed(roles)})")


class BackendSampler:
    """Counts the backends of some login roles a few dozen times a second, while the `with` block runs."""

    def __init__(self, session: AdminSession, roles: list[str], every: float = 0.025):
        self.statement = session.count_backends(roles)
        self.session, self.every, self.samples, self.ending = session, every, [], threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self.ending.wait(self.every):
            lines = self.session.ask(self.statement)
            if lines and lines[0].isdigit():
                self.samples.append((time.time(), int(lines[0])))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def extremes(self, begin: float, end: float) -> tuple[int | None, int | None]:
        counts = [count for when, count in self.samples if begin <= when < end]
        return (min(counts), max(counts)) if counts else (None, None)


class ServerLog:
    """Counts lines of the server's log since the last look."""

    def __init__(self, path: Path):
        self.path, self.offset = path, 0
        self.counts()

    def new_lines(self) -> list[str]:
        with self.path.open(errors="replace") as log:
            log.seek(self.offset)
            lines = log.readlines()
            self.offset = log.tell()
        return lines

    def counts(self, roles: tuple[str, ...] = ()) -> dict[str, int]:
        lines = self.new_lines()
        authorized = [line for line in lines if "connection authorized: user=" in line]
        return {
            "logins": sum(not roles or line.split("user=")[1].split()[0] in roles for line in authorized),
            "refused": sum("authentication failed for user" in line for line in lines),
            "refused_slots": sum("too many clients" in line or "remaining connection slots" in line for line in lines),
        }
