"""Secrets of the KMS in alibaba_kms.py: their versions, stages and rotations."""

import collections
import json
import secrets
import threading
import uuid


class KmsError(Exception):
    """An answer that is no success; its text is the code."""


class Secret:
    """`versions` are by id (data, stages). A managed secret has `accounts` that take turns and changes them by
    `change(account, password)`."""

    def __init__(self, kind, accounts=(), change=None):
        self.kind, self.accounts, self.change = kind, list(accounts), change
        self.versions = collections.OrderedDict()
        self._rotating = threading.Lock()

    def put(self, data, version=None):
        """A new version, which becomes ACSCurrent; returns its id."""
        version = version or str(uuid.uuid4())
        for other, (content, stages) in list(self.versions.items()):
            self.versions[other] = (content, {"ACSPrevious"} if "ACSCurrent" in stages else stages - {"ACSPrevious"})
        self.versions[version] = (data, {"ACSCurrent"})
        return version

    def find(self, stage):
        for version, (data, stages) in self.versions.items():
            if stage in stages:
                return version, data, stages
        raise KmsError("Forbidden.ResourceNotFound")

    def rotate(self, version):
        """Once for each version: the next account gets a new password, then the stages move."""
        with self._rotating:
            if version in self.versions:
                return
            account, password = self.accounts[0], "p-" + secrets.token_urlsafe(12)
            self.change(account, password)
            self.put(json.dumps({"AccountName": account, "AccountPassword": password}), version)
            self.accounts.append(self.accounts.pop(0))
