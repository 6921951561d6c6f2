"""The demo: a throw-away PostgreSQL, Rekey in front of it, pgbench through it, and rotations all the while.

Two databases of one server, each with a credential in Rekey's own encrypted store: `orders` is rotated with
alternating_users under TPC-B, `catalog` with single_user under a select-only load. First the load runs in steady
state, then a rotation starts every few seconds. Ends with a summary and, as the last line, the same as one JSON object.
Standard library only; leaves nothing running.
"""

import argparse
import json
import pathlib
import secrets
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

# pylint: disable=wrong-import-position
from support.pgbench import Pgbench, initialise, read_log_line, summarise  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402
from support.rekey import Rekey, binary, local_credential  # noqa: E402
from support.waiting import wait_until  # noqa: E402

POOL = 10
CLIENTS = 16
SLACK = 6  # seconds that the load outlasts the last rotation's start
APPLICATIONS = (("orders", "alternating_users", "tpcb"), ("catalog", "single_user", "select"))


class Screen:
    """One line that is rewritten on a terminal; plain lines, less often, elsewhere."""

    def __init__(self):
        self._terminal = sys.stdout.isatty()
        self._next = 0.0

    def say(self, text=""):
        if self._terminal:
            print("\r\033[K", end="")
        print(text, flush=True)

    def progress(self, text):
        if self._terminal:
            print(f"\r\033[K{text[:160]}", end="", flush=True)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + 2
            print(text, flush=True)


class LiveLatencies:
    """Follows pgbench's logs while they grow."""

    def __init__(self, directory):
        self._directory = directory
        self._files = {}
        self.samples = []

    def read(self):
        """Reads what came since the last call; returns those samples."""
        fresh = []
        for path in self._directory.glob("latency-*"):
            file = self._files.get(path) or self._files.setdefault(path, [open(path, encoding="ascii"), ""])
            *lines, file[1] = (file[1] + file[0].read()).split("\n")
            fresh.extend(sample for sample in map(read_log_line, lines) if sample)
        self.samples.extend(fresh)
        return fresh

    def close(self):
        for file, _ in self._files.values():
            file.close()


class Demo:
    """Everything that was started, and what was seen of it."""

    def __init__(self, options):
        self.options = options
        self.screen = Screen()
        self.server = PostgresServer()
        self.rekey = Rekey({})
        self.latencies = LiveLatencies(self.rekey.directory)
        self.benches = []
        self.first_passwords = {}
        self.retired_verifiers = set()
        self.rotations = 0
        self.replaced = 0
        self.problems = []
        self.rotating_since = self.rotating_until = 0.0

    def close(self):
        for bench in self.benches:
            if bench.process and bench.running():
                bench.process.kill()
                bench.process.wait()
        self.latencies.close()
        self.rekey.close(check=False)
        self.server.close()

    def prepare(self):
        self.server.start()
        rotator_password = secrets.token_urlsafe(18)
        self.server.make_rotator("rotator", rotator_password)
        self.rekey.secret_file("rotator.password", rotator_password)
        for name, _, _ in APPLICATIONS:
            password = self.first_passwords[name] = secrets.token_urlsafe(18)
            self.rekey.secret_file(f"{name}.password", password)
            self.server.make_role(name, password)
            self.server.make_database(name, name)
            initialise({"host": "127.0.0.1", "port": self.server.port, "user": name, "password": password,
                        "dbname": name}, scale=5)
        self.screen.say(f"PostgreSQL 15 on 127.0.0.1:{self.server.port}: databases orders and catalog, role rotator")
        self.configure()
        self.rekey.start()
        self.screen.say(f"Rekey on 127.0.0.1:{self.rekey.port}, pool size {POOL} each, mode auto; "
                        f"configuration written by the demo, secrets in Rekey's encrypted store")

    def configure(self):
        self.rekey.configuration.update({
            "credentials": [local_credential(name, name, f"{name}.password", ("rotator", "rotator.password"), strategy)
                            for name, strategy, _ in APPLICATIONS],
            "upstreams": [{"name": name, "protocol": "postgres", "hosts": [f"127.0.0.1:{self.server.port}"],
                           "credential": name, "pool": {"size": POOL}} for name, _, _ in APPLICATIONS],
            "routes": [{"listener": "pg", "database": name, "user": "app", "upstream": name}
                       for name, _, _ in APPLICATIONS],
        })
        self.rekey.write()

    def start_load(self):
        for name, _, script in APPLICATIONS:
            bench = Pgbench(self.rekey.target(name, sslmode="disable"), clients=CLIENTS, script=script, jobs=1,
                            seconds=self.options.steady + self.options.rotating + SLACK,
                            log_prefix=str(self.rekey.directory / f"latency-{name}"))
            self.benches.append(bench.start())
        wait_until(lambda: len(self.latencies.read()) > 0, 20, "the first transaction")

    def show_until(self, moment, finished=lambda: False):
        """Shows progress until a moment, or until something is finished."""
        last = time.monotonic()
        while time.monotonic() < moment and not finished():
            time.sleep(0.25)  # the display's own rhythm, nothing is awaited by it
            fresh, now = self.latencies.read(), time.monotonic()
            state = ", ".join(self.describe(entry) for entry in self.rekey_status())
            self.screen.progress(f"{len(fresh) / (now - last):7.0f} tps  p99 {summarise(fresh).p99:6.2f} ms  {state}  "
                                 f"errors {sum(bool(bench.process.poll()) for bench in self.benches)}")
            last = now

    def rekey_status(self):
        status, body = self.rekey.get("/api/status")
        return json.loads(body)["credentials"] if status == 200 else []

    @staticmethod
    def describe(entry):
        progress = entry.get("progress", {})
        done, left = progress.get("replaced", 0), progress.get("old_left", 0)
        replaced = f", replaced {done}/{done + left}" if entry["state"] != "idle" else ""
        return f"{entry['name']}: generation {entry['generation']} {entry['state']}{replaced}"

    def pids(self, name):
        """The pool's backends; the rotator's own short logins are no part of it."""
        return {row[0] for row in self.server.backends(name) if row[1] != "rotator"}

    def rotate(self, name, until):
        before = self.pids(name)
        self.retired_verifiers |= self.verifiers(name)
        command = [str(self.rekey.program), "rotate", name, "--wait", "-c", str(self.rekey.file)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        self.show_until(time.monotonic() + 30, lambda: process.poll() is not None)
        try:
            _, reason = process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            _, reason = process.communicate()
        after = self.pids(name)
        self.rotations += 1
        self.replaced += len(before - after)
        if process.returncode != 0 or before & after:
            self.problems.append(f"rotation of {name}: exit {process.returncode}, {len(before & after)} old backends left: "
                                 f"{reason.strip()}")
        self.screen.say(f"  rotation {self.rotations}: {name}, {len(before - after)} of {len(before)} backends replaced")
        self.show_until(until)

    def verifiers(self, name):
        """What the server stores now for the roles of an application: the proof that it changes."""
        return {row[0] for row in self.server.sql(
            f"SELECT rolpassword FROM pg_authid WHERE rolname LIKE '{name}%' AND rolpassword IS NOT NULL")}

    def run(self):
        self.prepare()
        self.start_load()
        began = time.monotonic()
        self.screen.say(f"steady state for {self.options.steady} s, {2 * CLIENTS} clients")
        self.show_until(began + self.options.steady)
        self.screen.say(f"a rotation every {self.options.every} s")
        self.rotating_since = time.time()
        next_start, end = time.monotonic(), time.monotonic() + self.options.rotating
        while next_start + self.options.every <= end + 0.1:
            next_start += self.options.every
            self.rotate(APPLICATIONS[self.rotations % len(APPLICATIONS)][0], next_start)
        self.rotating_until = time.time()
        results = [bench.finish(60) for bench in self.benches]
        self.latencies.read()
        return results

    def refused_passwords(self):
        """How many old passwords were tried at the server after their rotation and refused.

        Rekey alone knows the passwords it made: it tries each retired one and records `prove` as ok when the server
        refused it. The demo checks that against the server: its log must show a refusal for each, none of the retired
        verifiers may still be stored, and the initial passwords, which the demo knows, are tried once more."""
        proven = {(record["credential"], record["rotation"]) for record in self.rekey.audit("prove")
                  if record["result"] == "ok"}
        refused_at_server = self.server.refused_logins()
        if refused_at_server < len(proven):
            self.problems.append(f"the server's log shows {refused_at_server} refused logins for {len(proven)} proofs")
        for name, _, _ in APPLICATIONS:
            if self.verifiers(name) & self.retired_verifiers:
                self.problems.append(f"the server still stores a retired verifier of {name}")
            if self.accepts(name, self.first_passwords[name]):
                self.problems.append(f"the server still accepts the first password of {name}")
        return min(len(proven), refused_at_server)

    def accepts(self, name, password):
        words = f"host=127.0.0.1 port={self.server.port} user={name} password={password} dbname={name}"
        return subprocess.run([self.server.bin / "psql", "-XAtqc", "SELECT 1", words], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).returncode == 0

    def report(self, results):
        steady = summarise([sample for sample in self.latencies.samples if sample[0] < self.rotating_since])
        rotating = summarise([sample for sample in self.latencies.samples
                              if self.rotating_since <= sample[0] <= self.rotating_until])
        refused = self.refused_passwords()
        errors = sum(result.errors for result in results)
        if not self.rekey.running():
            self.problems.append("Rekey ended")
        for result in results:
            if result.errors:
                self.problems.append(result.output[-2000:])
        say = self.screen.say
        say()
        say(f"transactions        {sum(result.transactions for result in results)}")
        say(f"rotations           {self.rotations} (alternating_users and single_user in turn)")
        say(f"backends replaced   {self.replaced}")
        say(f"client errors       {errors}")
        say(f"latency, steady     p50 {steady.p50:.2f} ms, p99 {steady.p99:.2f} ms, longest gap {steady.longest_gap:.0f} ms")
        say(f"latency, rotating   p50 {rotating.p50:.2f} ms, p99 {rotating.p99:.2f} ms, "
            f"longest gap {rotating.longest_gap:.0f} ms")
        say(f"old passwords       {refused} tried at the server after their rotation and refused")
        for problem in self.problems:
            say(f"PROBLEM: {problem}")
        figures = {
            "transactions": sum(result.transactions for result in results), "rotations": self.rotations,
            "backends_replaced": self.replaced, "client_errors": errors, "p99_ms_steady": round(steady.p99, 3),
            "p99_ms_rotating": round(rotating.p99, 3), "old_passwords_refused": refused,
        }
        print(json.dumps(figures), flush=True)
        return not self.problems and errors == 0 and refused == self.rotations


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steady", type=int, default=8, help="seconds of steady state")
    parser.add_argument("--rotating", type=int, default=18, help="seconds with rotations")
    parser.add_argument("--every", type=float, default=3, help="seconds between rotations")
    options = parser.parse_args()
    if not binary().exists():
        print(f"there is no {binary()}: ./dev build first", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    demo = Demo(options)
    try:
        return 0 if demo.report(demo.run()) else 1
    finally:
        demo.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
