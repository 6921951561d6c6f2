"""What the Python programs share: where to connect, and reporting."""

import os
import threading
import time

SECONDS = float(os.environ.get("DRIVER_SECONDS", "3"))
SESSIONS = int(os.environ.get("DRIVER_SESSIONS", "12"))
TLS = os.environ.get("PGSSLMODE", "disable") != "disable"


def ok(what):
    print(f"ok {what}", flush=True)


def run_sessions(connect, step):
    """Opens all sessions, then runs step(connection, number) in each until the time is over."""
    connections = [connect() for _ in range(SESSIONS)]
    progress, errors = [0] * SESSIONS, []
    deadline = time.monotonic() + SECONDS

    def run(index):
        try:
            while time.monotonic() < deadline or progress[index] == 0:
                step(connections[index], progress[index])
                progress[index] += 1
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(f"session {index} after {progress[index]} steps: {error!r}")

    threads = [threading.Thread(target=run, args=(index,)) for index in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()
    if errors:
        raise SystemExit("\n".join(errors))
    assert min(progress) > 0
    ok(f"sessions {SESSIONS}")


def cancel_soon(cancel):
    """Calls `cancel` a little later, from another thread."""
    timer = threading.Timer(0.3, cancel)
    timer.start()
    return timer
