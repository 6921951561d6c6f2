"""The demo: a throw-away database, Rekey in front of it, a load through it, and rotations all the while.

`postgres` (the default) is PostgreSQL under pgbench, `mysql` is MariaDB under sysbench: each application's credential
lies in Rekey's own encrypted store. `vault` is PostgreSQL again, with accounts that OpenBao makes. demo_postgres.py,
demo_mysql.py and demo_vault.py tell what they do. First the load runs in steady state, then a rotation starts every few
seconds. Ends with a summary and, as the last line, the same as one JSON object.
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
from demo_mysql import MysqlSide  # noqa: E402
from demo_postgres import PostgresSide  # noqa: E402
from demo_vault import VaultSide  # noqa: E402
from support.rekey import Rekey, binary  # noqa: E402
from support.waiting import wait_until  # noqa: E402

POOL = 10
CLIENTS = 16
SLACK = 6  # seconds that the load outlasts the last rotation's start
SIDES = {"postgres": PostgresSide, "mysql": MysqlSide, "vault": VaultSide}


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


class Demo:
    """Everything that was started, and what was seen of it."""

    def __init__(self, options):
        self.options = options
        self.screen = Screen()
        self.rekey = Rekey({})
        self.side = SIDES[options.protocol](self.rekey.directory)
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
        self.rekey.close(check=False)
        self.side.close()

    def prepare(self):
        rotator_password = secrets.token_urlsafe(18)
        self.rekey.secret_file("rotator.password", rotator_password)
        for name, _, _ in self.side.applications:
            self.first_passwords[name] = secrets.token_urlsafe(18)
            self.rekey.secret_file(f"{name}.password", self.first_passwords[name])
        self.screen.say(self.side.prepare(rotator_password, self.first_passwords))
        self.configure()
        self.rekey.start()
        self.screen.say(f"Rekey on 127.0.0.1:{self.rekey.port}, pool size {POOL} each, mode auto; "
                        f"configuration written by the demo, encrypted store beside it")

    def configure(self):
        names, port = [name for name, _, _ in self.side.applications], self.side.server.port
        self.rekey.configuration.update({
            "listeners": [{"name": "demo", "protocol": self.side.protocol, "address": f"127.0.0.1:{self.rekey.port}"}],
            "credentials": [self.side.credential(name, strategy) for name, strategy, _ in self.side.applications],
            "upstreams": [{"name": name, "protocol": self.side.protocol, "hosts": [f"127.0.0.1:{port}"],
                           "credential": name, "pool": {"size": POOL}} for name in names],
            "routes": [{"listener": "demo", "database": name, "user": "app", "upstream": name} for name in names],
        })
        self.rekey.write()

    def start_load(self):
        phases = (self.options.steady, self.options.rotating, SLACK)
        for name, _, script in self.side.applications:
            self.benches.append(self.side.load(self.rekey.target(name), name, script, CLIENTS, phases))
        wait_until(lambda: self.side.live()[0] > 0 or not all(bench.running() for bench in self.benches), 20,
                   "the first transaction")

    def show_until(self, moment, finished=lambda: False):
        """Shows progress until a moment, or until something is finished."""
        last = time.monotonic()
        while time.monotonic() < moment and not finished():
            time.sleep(0.25)  # the display's own rhythm, nothing is awaited by it
            (fresh, p99), now = self.side.live(), time.monotonic()
            state = ", ".join(self.describe(entry) for entry in self.rekey_status())
            self.screen.progress(f"{fresh / (now - last):7.0f} tps  p99 {p99:6.2f} ms  {state}  "
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

    def rotate(self, name, until):
        before = self.side.backends(name)
        self.retired_verifiers |= self.side.verifiers(name)
        command = [str(self.rekey.program), "rotate", name, "--wait", "-c", str(self.rekey.file)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        self.show_until(time.monotonic() + 30, lambda: process.poll() is not None)
        try:
            _, reason = process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            _, reason = process.communicate()
        after = self.side.backends(name)
        self.rotations += 1
        self.replaced += len(before - after)
        if process.returncode != 0 or before & after:
            self.problems.append(f"rotation of {name}: exit {process.returncode}, {len(before & after)} old backends left: "
                                 f"{reason.strip()}")
        self.screen.say(f"  rotation {self.rotations}: {name}, {len(before - after)} of {len(before)} backends replaced")
        self.show_until(until)

    def run(self):
        self.prepare()
        self.start_load()
        began = time.monotonic()
        self.screen.say(f"steady state for {self.options.steady} s, {len(self.benches) * CLIENTS} clients")
        self.show_until(began + self.options.steady)
        self.screen.say(f"a rotation every {self.options.every} s")
        self.rotating_since = time.time()
        next_start, end = time.monotonic(), time.monotonic() + self.options.rotating
        while next_start + self.options.every <= end + 0.1:
            next_start += self.options.every
            self.rotate(self.side.applications[self.rotations % len(self.side.applications)][0], next_start)
        self.rotating_until = time.time()
        return [bench.finish(60) for bench in self.benches]

    def refused_passwords(self):
        """How many old passwords were tried at the server after their rotation and refused.

        Rekey alone knows the passwords it made: it tries each retired one and records with `prove` that the server
        refused it. The demo checks that against the server: its log must show a refusal for each, none of the retired
        verifiers may still be stored, and the initial passwords, which the demo knows, are tried once more."""
        proven = {(record["credential"], record["rotation"]) for record in self.rekey.audit("prove")
                  if record["result"] == self.side.proof}
        refused_at_server = self.side.server.refused_logins()
        if refused_at_server < len(proven):
            self.problems.append(f"the server's log shows {refused_at_server} refused logins for {len(proven)} proofs")
        for name, _, _ in self.side.applications:
            if self.side.verifiers(name) & self.retired_verifiers:
                self.problems.append(f"the server still stores a retired verifier of {name}")
            if self.side.accepts(name, self.first_passwords[name]):
                self.problems.append(f"the server still accepts the first password of {name}")
        return min(len(proven), refused_at_server)

    def report(self, results):
        (steady_p99, steady), (rotating_p99, rotating) = self.side.phase_latencies(results, self.rotating_since,
                                                                                   self.rotating_until)
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
        strategies = dict.fromkeys(strategy for _, strategy, _ in self.side.applications)
        say(f"rotations           {self.rotations} ({' and '.join(strategies)}{' in turn' if len(strategies) > 1 else ''})")
        say(f"backends replaced   {self.replaced}")
        say(f"client errors       {errors}")
        say(f"latency, steady     {steady}")
        say(f"latency, rotating   {rotating}")
        say(f"old passwords       {refused} tried at the server after their rotation and refused")
        for problem in self.problems:
            say(f"PROBLEM: {problem}")
        figures = {
            "transactions": sum(result.transactions for result in results), "rotations": self.rotations,
            "backends_replaced": self.replaced, "client_errors": errors, "p99_ms_steady": round(steady_p99, 3),
            "p99_ms_rotating": round(rotating_p99, 3), "old_passwords_refused": refused,
        }
        print(json.dumps(figures), flush=True)
        return not self.problems and errors == 0 and refused == self.rotations


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", nargs="?", default="postgres", choices=SIDES)
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
