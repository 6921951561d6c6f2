"""Folders that may be lost: on tmpfs where there is one, removed with the object."""

import os
import pathlib
import shutil
import tempfile

NEEDED = 512 << 20  # bytes free before tmpfs is preferred


def scratch_parent():
    """/dev/shm when it is usable and roomy, else the system's temporary folder."""
    shm = pathlib.Path("/dev/shm")
    if shm.is_dir() and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > NEEDED:
        return shm
    return pathlib.Path(tempfile.gettempdir())


class Scratch:
    """A folder of its own that ends with close()."""

    def __init__(self, prefix="rekey-"):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=scratch_parent()))
        # The database server may run as another user and must pass through.
        self.path.chmod(0o755)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)
