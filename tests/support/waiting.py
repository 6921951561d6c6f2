"""Waiting for conditions, and ports. Nothing here sleeps for a guessed time: everything waits for a fact."""

import random
import socket
import time


class Expired(AssertionError):
    """A condition did not come true in time."""


def wait_until(condition, timeout=20.0, what=None, every=0.02):
    """Returns condition()'s first true value; raises Expired after `timeout` seconds, saying `what` (text or function)."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise Expired(f"not within {timeout:g} s: {text or getattr(condition, '__name__', 'condition')}")
        time.sleep(every)


_handed_out = set()


def free_port():
    """A loopback port that nothing listens on, outside the range that outgoing connections take theirs from."""
    while True:
        port = random.SystemRandom().randint(15000, 31999)
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _handed_out.add(port)
        return port
