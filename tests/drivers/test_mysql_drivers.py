"""Real drivers of MySQL and MariaDB on their defaults, through Rekey in `auto`, while the password is rotated. See
README.md here."""

import os
import shutil
import subprocess

import pytest

from support.drivers import FULL, SERVERS, Rotations, c, go, java, node, python, rust
from support.mysql_server import CORE_KINDS, KINDS

SIZE = 4
TEXT_ONLY = ["connect", "transaction", "multi-results", "local-infile", "large", "kill-query"]
EVERYTHING = ["connect", "prepared", *TEXT_ONLY[1:]]
WITHOUT_INFILE = [feature for feature in EVERYTHING if feature != "local-infile"]

# How it is built, what it can, whether it compresses, whether only `full` has its toolchain.
DRIVERS = {
    "pymysql": (python("driver_mysql", "pymysql"), TEXT_ONLY, False, False),
    "mysqlclient": (python("driver_mysql", "mysqlclient"), TEXT_ONLY, True, True),
    "mysql-connector-python": (python("driver_mysql", "connector"), EVERYTHING, True, False),
    "libmariadb": (c("mysql/libmariadb/driver.c", "libmariadb", "-I/usr/include/mariadb", "-lmariadb"), EVERYTHING, True,
                   False),
    "go-sql-driver": (go("mysql/go", "go-sql-driver"), EVERYTHING, True, True),
    "mysql2": (node("mysql/node", "mysql2"), EVERYTHING, True, True),
    "connector-j": (java("mysql/jdbc", "mysql-jdbc", "mysql"), EVERYTHING, True, True),
    "mariadb-connector-j": (java("mysql/jdbc", "mysql-jdbc", "mariadb"), EVERYTHING, True, True),
    "sqlx": (rust("mysql/sqlx", "sqlx"), WITHOUT_INFILE, False, True),
    "php-mysqli": (lambda: [php(), "-d", "mysqli.allow_local_infile=1", "mysql/php/main.php"], EVERYTHING, True, True),
}
TRANSPORTS = ["plain", "tls", "compressed"]


def php():
    found = shutil.which("php")
    if found is None:
        pytest.skip("NOT RUN: php is not here; ./dev setup full brings it")
    return found


def cases():
    """In the short form each driver and transport once, the servers taking turns."""
    kinds = KINDS if FULL else CORE_KINDS
    for name, (_, _, compresses, heavy) in DRIVERS.items():
        if heavy and not FULL:
            continue
        for number, transport in enumerate(TRANSPORTS if compresses else TRANSPORTS[:2]):
            for kind in kinds if FULL else [kinds[number % len(kinds)]]:
                yield pytest.param(kind, name, transport, id=f"{kind}-{name}-{transport}")


def environment(rekey, database, transport, folder):
    rows = folder / "rows.tsv"
    rows.write_text("".join(f"{1000000 + number}\n" for number in range(1000)))
    return {**os.environ, "DRIVER_HOST": "127.0.0.1", "DRIVER_PORT": str(rekey.port), "DRIVER_USER": "app",
            "DRIVER_PASSWORD": rekey.password, "DRIVER_DATABASE": database.name,
            "DRIVER_TLS": "1" if transport == "tls" else "0", "DRIVER_COMPRESSED": "1" if transport == "compressed" else "0",
            "DRIVER_FILE": str(rows), "DRIVER_SESSIONS": str(3 * SIZE), "DRIVER_SECONDS": "8" if FULL else "2"}


@pytest.mark.parametrize("my_server, name, transport", list(cases()), indirect=["my_server"])
def test_a_driver_on_its_defaults(my_database, my_rekey, tmp_path, name, transport):
    prepare, features, _, _ = DRIVERS[name]
    command = prepare()
    rekey = my_rekey(my_database, "dual_password" if transport == "plain" else "single_user", size=SIZE)
    with my_database.sampler() as sampler, Rotations(rekey) as rotations:
        result = subprocess.run([str(word) for word in command], env=environment(rekey, my_database, transport, tmp_path),
                                cwd=os.path.dirname(__file__), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                check=False, timeout=180)
    assert result.returncode == 0, result.stdout + result.stderr + rekey.log()[-3000:]
    assert result.stdout.split("\n")[:-1] == [f"ok {feature}" for feature in features] + [f"ok sessions {3 * SIZE}"]
    assert max(sampler.counts) <= SIZE + 2, sampler.counts  # and one that sends KILL
    assert rotations.results and all(rotation.returncode == 0 for rotation in rotations.results), [
        rotation.stderr for rotation in rotations.results]


CLIENTS = {"mariadb": ("mariadb", {"plain": ["--skip-ssl"], "tls": ["--ssl", "--skip-ssl-verify-server-cert"],
                                   "compressed": ["--skip-ssl", "--compress"]}),
           "mysql": (SERVERS / "mysql-9/usr/bin/mysql", {
               "plain": ["--ssl-mode=DISABLED"], "tls": ["--ssl-mode=REQUIRED"],
               "compressed": ["--ssl-mode=DISABLED", "--compression-algorithms=zstd"]})}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("my_server, client", [
    pytest.param(kind, client, id=f"{kind}-{client}") for kind in (KINDS if FULL else CORE_KINDS) for client in CLIENTS
    if FULL or kind.startswith(client)], indirect=["my_server"])
def test_a_command_line_client_with_a_script(my_database, my_rekey, tmp_path, client, transport):
    program, options = CLIENTS[client]
    if shutil.which(program) is None:
        pytest.skip(f"NOT RUN: {client} is not here; ./dev setup servers brings it")
    rekey = my_rekey(my_database, "dual_password", size=SIZE)
    rows = tmp_path / "rows.tsv"
    rows.write_text("".join(f"{number}\n" for number in range(1000)))
    script = ("CREATE TABLE c (n int);\n"
              f"LOAD DATA LOCAL INFILE '{rows}' INTO TABLE c;\n"
              "BEGIN;\nDELETE FROM c WHERE n >= 500;\nROLLBACK;\n"
              "DELIMITER //\nCREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END//\nDELIMITER ;\nCALL two();\n"
              "SELECT count(*) FROM c;\n"
              "SELECT LENGTH(REPEAT('x', 34603008)), REPEAT('x', 34603008) = CONCAT(REPEAT('x', 34603000), 'xxxxxxxx');\n")
    command = [str(program), "--no-defaults", *options[transport], "--host=127.0.0.1", f"--port={rekey.port}", "--user=app",
               f"--password={rekey.password}", "--local-infile=1", "--batch", "--skip-column-names",
               "--max-allowed-packet=64M", my_database.name]
    with Rotations(rekey) as rotations:
        result = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr + rekey.log()[-3000:]
    assert result.stdout.split("\n")[:-1] == ["1", "2", "1000", "34603008\t1"]
    assert all(rotation.returncode == 0 for rotation in rotations.results)
