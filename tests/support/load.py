"""Clients side by side; and a load of plain queries that goes on after errors, where some of them must fail."""

import threading
import time
from dataclasses import dataclass

from support.database import ask


def side_by_side(count, work):
    """Runs work(number) in so many threads at once; what one of them raises fails the test."""
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as error:  # told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


@dataclass
class Failure:
    moment: float  # time.monotonic()
    text: str
    connected: bool  # the client's connection survived it


class QueryLoad:
    """`clients` threads, each running `statement` on a connection of its own, reconnecting when it is lost. `database`
    (database.database_at) tells how a client of the product connects to `target`."""

    def __init__(self, database, target, clients=8, statement="SELECT 1", pause=0.0):
        self._database, self._target, self._statement, self._pause = database, target, statement, pause
        self._stop = threading.Event()
        self.failures = []
        self.successes = [[] for _ in range(clients)]  # moments, one list per client
        self._threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(clients)]

    def _run(self, index):
        connection = None
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection = self._database.connect(self._target)
                ask(connection, self._statement)
                self.successes[index].append(time.monotonic())
            except self._database.Error as error:
                failed = time.monotonic()
                alive = connection is not None and self._database.alive(connection)
                self.failures.append(Failure(failed, str(error), alive))
                connection = connection if alive else None
            if self._pause:
                self._stop.wait(self._pause)
        if connection is not None:
            connection.close()

    def total(self):
        return sum(map(len, self.successes))

    def everyone_since(self, moment):
        """Whether every client has finished a query after `moment`."""
        return all(moments and moments[-1] > moment for moments in self.successes)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
