"""What a running Rekey holds in its memory: the secret that serves, and none that is retired."""

import secrets

import pytest

from support.database import ask
from support.products import POSTGRES, PRODUCTS, cases
from support.waiting import wait_until

KEPT = 2  # the newest, and the one before it, which is tried again should the newest be refused


def writable(pid):
    """(start, end) of each writable mapping."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            words = line.split()
            if "w" in words[1] and words[-1] not in ("[vvar]", "[vsyscall]"):
                yield tuple(int(number, 16) for number in words[0].split("-"))


def found_in(pid, texts):
    """Which of the texts stand in the memory of a process."""
    wanted = {text.encode() for text in texts}
    longest = max(map(len, wanted))
    found = set()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in writable(pid):
            at, before = start, b""
            while at < end:
                memory.seek(at)
                try:
                    piece = memory.read(min(1 << 22, end - at))
                except OSError:
                    break  # a guard page
                if not piece:
                    break
                found |= {text for text in wanted if text in before + piece}
                before = piece[-longest:]
                at += len(piece)
    return {text.decode() for text in found}


# Not with the sanitizers: their shadows of memory are too large to be searched.
@cases("database", [(product,) for product in PRODUCTS], [], [(POSTGRES,), ("mariadb-10.11",)])
def test_no_retired_secret_is_left_after_ten_rotations(database, rekey_for):
    rekey = rekey_for(database, "file", size=4)
    try:
        open(f"/proc/{rekey.process.pid}/mem", "rb").close()  # pylint: disable=consider-using-with
    except PermissionError:
        pytest.skip("NOT RUN: reading another process' memory takes root")
    passwords = [database.password]
    for number in range(10):
        passwords.append(f"rotated-{number}-{secrets.token_hex(12)}")
        database.change_password(passwords[-1])
        rekey.publish(database.role, passwords[-1])
        assert rekey.rotate("app").returncode == 0, rekey.log()[-3000:]
        with database.connect(rekey.target(database.name)) as connection:
            ask(connection, "SELECT 1")
    assert found_in(rekey.process.pid, passwords[-1:]) == set(passwords[-1:]), "the search finds what is there"
    wait_until(lambda: not found_in(rekey.process.pid, passwords[:-KEPT]), 15,
               lambda: found_in(rekey.process.pid, passwords[:-KEPT]))
