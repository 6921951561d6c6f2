"""A secret store's server as a process of ours, with a folder of its own. For tests only."""

import os
import subprocess

from support.scratch import Scratch
from support.waiting import free_port, wait_until


class StoreProcess:
    """One server on loopback; `address` is where it is asked."""

    def __init__(self, prefix):
        self._scratch = Scratch(prefix)
        self.directory = self._scratch.path
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = None

    def launch(self, command, answers, seconds, **environment):
        """Runs it until answers() says something; an OSError of that is no answer."""
        log_path = self.directory / "log"
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env={"PATH": os.environ["PATH"], "HOME": str(self.directory), **environment})

        def up():
            if self.process.poll() is not None:
                raise RuntimeError(log_path.read_text()[-3000:])
            try:
                return answers()
            except OSError:
                return False

        wait_until(up, seconds, lambda: log_path.read_text()[-3000:])

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._scratch.close()
