"""A throw-away MySQL or MariaDB: its own data folder, a free port, gone with close(). Works as root, too.

Kinds: `mariadb-10.11` is Debian's; `mariadb-11.8`, `mysql-9` and `mysql-8.0` lie under build/servers when `./dev setup
full` could have them. Statements run as root over the unix socket, with MariaDB's client program."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess

from support.scratch import Scratch
from support.waiting import free_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVERS = ROOT / "build/servers"
KINDS = ("mariadb-10.11", "mariadb-11.8", "mysql-9", "mysql-8.0")
CORE_KINDS = ("mariadb-10.11", "mysql-9")  # the ones that every run of the tests is for

# program, the folder that it calls its base, messages, character sets, plug-ins
_PLACES = {
    "mariadb-10.11": ("/usr/sbin/mariadbd", "/usr", "/usr/share/mysql", "/usr/lib/mysql/plugin"),
    "mariadb-11.8": (SERVERS / "mariadb-11.8/usr/sbin/mariadbd", SERVERS / "mariadb-11.8/usr",
                     SERVERS / "mariadb-11.8/usr/share/mariadb", SERVERS / "mariadb-11.8/usr/lib/mysql/plugin"),
    "mysql-9": (SERVERS / "mysql-9/usr/sbin/mysqld", SERVERS / "mysql-9/usr", SERVERS / "mysql-9/usr/share/mysql",
                SERVERS / "mysql-9/usr/lib/mysql/plugin"),
    "mysql-8.0": (SERVERS / "mysql-8.0/bin/mysqld", SERVERS / "mysql-8.0", SERVERS / "mysql-8.0/share",
                  SERVERS / "mysql-8.0/lib/plugin"),
}


def available(kind):
    """Whether the server's program is on this machine."""
    return pathlib.Path(_PLACES[kind][0]).exists()


def quote(text):
    """A string literal, right for every sql_mode as long as the text holds no backslash."""
    assert "\\" not in text
    return "'" + text.replace("'", "''") + "'"


def _server_identity():
    """Neither server runs as root: then it runs as `mysql` (or `nobody`). Keywords for subprocess."""
    if os.geteuid() != 0:
        return {}
    for name in ("mysql", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no unprivileged user to run the server as")


class MysqlServer:
    """One server. `options` are settings (--name=value); `authority` (certificates.Authority) signs its certificate;
    without one there is no TLS. With MySQL that means a server that shows its RSA key instead."""

    def __init__(self, kind="mariadb-10.11", options=None, authority=None):
        if not available(kind):
            raise FileNotFoundError(kind)
        self.kind = kind
        self.mariadb = kind.startswith("mariadb")
        self.tls = authority is not None
        program, base, share, plugins = map(pathlib.Path, _PLACES[kind])
        self._program = program
        self._places = [f"--basedir={base}", f"--lc-messages-dir={share}", f"--character-sets-dir={share / 'charsets'}",
                        f"--plugin-dir={plugins}"]
        self._share = share
        self._identity = _server_identity()
        self._scratch = Scratch("rekey-my-")
        self.directory = self._scratch.path
        self.data = self.directory / "data"
        self.socket = self.directory / "server.sock"
        self.log_path = self.directory / "server.log"
        self.port = free_port()
        self.process = None
        self.started_with = {}  # settings of this start only
        self._options = dict(options or {})
        self._initialise(authority)

    # Making it

    def _initialise(self, authority):
        if self._identity:
            os.chown(self.directory, self._identity["user"], self._identity["group"])
        if self.mariadb:
            self._own(self.data, make=True)
            self._bootstrap()
        else:
            self._run([*self._command(), "--initialize-insecure", "--innodb-redo-log-capacity=8388608"
                       if self.kind != "mysql-8.0" else "--innodb-log-file-size=4194304"])
        if authority is None:
            self._options.setdefault("skip_ssl", None) if self.mariadb else self._options.setdefault("tls_version", "")
            return
        certificate, key = authority.issue("localhost")
        for source, name, mode in ((certificate, "server.crt", 0o644), (key, "server.key", 0o600),
                                   (authority.certificate, "ca.crt", 0o644)):
            target = self.directory / name
            shutil.copyfile(source, target)
            target.chmod(mode)
            self._own(target)
        self._options.setdefault("ssl_cert", self.directory / "server.crt")
        self._options.setdefault("ssl_key", self.directory / "server.key")
        self._options.setdefault("ssl_ca", self.directory / "ca.crt")

    def _own(self, path, make=False):
        if make:
            path.mkdir(mode=0o700)
        if self._identity:
            os.chown(path, self._identity["user"], self._identity["group"])

    def _bootstrap(self):
        """What mariadb-install-db does without its search for files: the system tables, root without a password."""
        prefix = "mariadb" if (self._share / "mariadb_system_tables.sql").exists() else "mysql"
        parts = ["CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n"]
        parts += [(self._share / f"{prefix}_{part}.sql").read_text()
                  for part in ("system_tables", "performance_tables", "system_tables_data")]
        self._run([*self._command(), "--bootstrap", "--log-warnings=0", "--innodb-log-file-size=4194304",
                   "--max_allowed_packet=8M"], "\n".join(parts))

    def _command(self):
        return [str(self._program), "--no-defaults", *map(str, self._places), f"--datadir={self.data}",
                "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"]

    def _run(self, command, text=""):
        result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                cwd=self.directory, check=False, **self._identity)
        if result.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {result.stdout[-3000:]}")

    # Life

    def start(self, **options):
        """Starts (again); returns when statements are answered. `options` hold until the next start."""
        self.started_with = options
        settings = {"bind_address": "127.0.0.1", "port": self.port, "socket": self.socket, "skip_name_resolve": None,
                    "pid_file": self.directory / "server.pid", "max_connections": 250, "secure_file_priv": "",
                    "character_set_server": "utf8mb4", "local_infile": "ON", "sync_binlog": 0}
        if self.mariadb:
            settings |= {"log_warnings": 2, "plugin_load_add": "auth_ed25519", "innodb_log_file_size": "32M",
                         "performance_schema": "OFF", "aria_log_dir_path": self.data,
                         "max_user_connections": 240}  # else it cannot be set later
        else:
            settings |= {"log_error_verbosity": 3, "mysqlx": "OFF", "performance_schema": "OFF",
                         "disable_log_bin": None}
        command = self._command()
        for name, value in {**settings, **self._options, **options}.items():
            command.append(f"--{name.replace('_', '-')}" + ("" if value is None else f"={value}"))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, start_new_session=True, **self._identity)
        wait_until(self._answers, 60, lambda: f"{self.kind} does not answer:\n{self.log()[-3000:]}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.kind} ended: {self.log()[-3000:]}")
        return self.socket.exists() and self._client("SELECT 1").returncode == 0

    def stop(self, how=signal.SIGTERM):
        """SIGTERM ends sessions and shuts down; SIGKILL is a crash."""
        if self.running():
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def restart(self, **options):
        self.stop()
        return self.start(**options)

    def close(self):
        try:
            self.stop(signal.SIGKILL)
        finally:
            self._scratch.close()

    # Asking it

    def _client(self, text, database="", options=()):
        command = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4",
                   f"--socket={self.socket}", "--user=root", *options, *([database] if database else [])]
        return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              encoding="utf-8", check=False)

    def sql(self, *statements, database=""):
        """Runs the statements as root; returns the rows of all as lists of text."""
        result = self._client("".join(statement + ";\n" for statement in statements), database)
        if result.returncode != 0:
            raise RuntimeError(f"{statements}: {result.stderr}")
        return [line.split("\t") for line in result.stdout.splitlines()]

    def value(self, statement, database=""):
        rows = self.sql(statement, database=database)
        return rows[0][0] if rows else None

    def plugin(self):
        """What a new account logs in with when nothing is said."""
        return "mysql_native_password" if self.mariadb else "caching_sha2_password"

    def make_user(self, name, password, plugin=None, host="%", options=""):
        """The password travels as a literal: only throw-away servers get this."""
        account = f"{quote(name)}@{quote(host)}"
        plugin = plugin or self.plugin()
        how = (f"VIA {plugin} USING PASSWORD({quote(password)})" if self.mariadb
               else f"WITH {plugin} BY {quote(password)}")
        self.sql(f"CREATE USER {account} IDENTIFIED {how} {options}")

    def make_database(self, name, owner, host="%"):
        self.sql(f"CREATE DATABASE `{name}`", f"GRANT ALL ON `{name}`.* TO {quote(owner)}@{quote(host)}")

    def make_rotator(self, name, password, over="*"):
        """An account that may rotate others with every strategy; `over` is the database whose rights it may pass on."""
        self.make_user(name, password)
        account = f"{quote(name)}@'%'"
        everything = "*.*" if over == "*" else f"`{over}`.*"
        self.sql(f"GRANT CREATE USER ON *.* TO {account}",
                 f"GRANT SELECT ON mysql.* TO {account}",
                 f"GRANT ALL ON {everything} TO {account} WITH GRANT OPTION")
        if not self.mariadb:
            self.sql(f"GRANT APPLICATION_PASSWORD_ADMIN, ROLE_ADMIN ON *.* TO {account}")

    @staticmethod
    def room_for(connections):
        """What start() takes so that a server has no more of them, but one for root. At least 10, says MariaDB."""
        return {"max_connections": connections}

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def refused_logins(self, user=""):
        """How many logins the server has refused so far, of users whose name starts so."""
        return len(re.findall(f"Access denied for user '{re.escape(user)}", self.log()))

    def backends(self, user=""):
        """(id, user, database) of every client's connection whose user's name starts so; not of this call."""
        others = ("root", "system user", "event_scheduler", "unauthenticated user")
        rows = [(row[0], row[1], row[3]) for row in self.sql("SHOW PROCESSLIST")]
        return [row for row in rows if row[1].startswith(user) and row[1] not in others]

    def kill(self, *ids):
        """Ends connections as KILL does."""
        # One that has gone meanwhile is no error.
        self._client("".join(f"KILL {int(number)};\n" for number in ids), options=["--force"])

    def stored_passwords(self, user):
        """What the server stores now for accounts whose name starts so, second passwords included: the proof that
        it changes. Not what stands there instead of a password."""
        if self.mariadb:
            rows = self.sql(f"SELECT Priv FROM mysql.global_priv WHERE User LIKE '{user}%'")
            found = {text for row in rows for text in re.findall(r'"authentication_string": *"([^"]*)"', row[0])}
        else:
            rows = self.sql("SELECT HEX(authentication_string), "
                            "COALESCE(HEX(JSON_UNQUOTE(JSON_EXTRACT(User_attributes, "
                            f"'$.additional_password'))), '') FROM mysql.user WHERE User LIKE '{user}%'")
            found = {bytes.fromhex(text).decode("latin-1") for row in rows for text in row}
        return {text for text in found if text not in ("", "invalid") and "THISIS" not in text}
