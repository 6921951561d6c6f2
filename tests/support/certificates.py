"""A certificate authority of our own and what it signs, made with the openssl program."""

import pathlib
import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


class Authority:
    """ca.crt and ca.key in `directory`; signs servers (with localhost and 127.0.0.1 as names) and clients."""

    def __init__(self, directory, name="test authority"):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / "ca.crt"
        self._key = self.directory / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                 "-keyout", self._key, "-out", self.certificate, "-subj", f"/CN={name}")

    def issue(self, name, subject_names=None):
        """Signs a certificate with the common name `name`; returns (certificate, key), the key 0600."""
        key, request, certificate = (self.directory / f"{name}.{end}" for end in ("key", "csr", "crt"))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                 request, "-subj", f"/CN={name}")
        extension = self.directory / f"{name}.ext"
        extension.write_text(f"subjectAltName={subject_names or 'DNS:localhost,IP:127.0.0.1'}\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                 "-days", "30", "-sha256", "-extfile", extension, "-out", certificate)
        key.chmod(0o600)
        return certificate, key
