"""Credentials in other stores: whichever it is, nobody notices that it changes."""

import json

import pytest

from support.azure_services import CLIENT, TENANT, AzureServices
from support.following import assert_new_versions_pass_unnoticed
from support.gcp_services import PROJECT, GcpServices
from support.login_service import LoginService
from support.pgbench import Pgbench
from support.waiting import wait_until


@pytest.fixture
def serving():
    """serving(service): the same, closed at the end."""
    services = []

    def keep(service):
        services.append(service)
        return service

    yield keep
    for service in services:
        service.close()


def pair(database):
    return json.dumps({"username": database.role, "password": database.password})


def replaced(path, text, mode=0o600):
    """As whoever is careful writes a file."""
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode)
    fresh.write_text(text)
    fresh.replace(path)


def assert_nobody_notices(database, rekey, put, versions=5, seconds=12):
    """`put(n)` brings the database's password to the store, and returns its version if it has one."""

    def change_password(number):
        database.change_password(f"other-{number}-secret")
        return put(number)

    assert_new_versions_pass_unnoticed(rekey, database, change_password, versions, seconds)


@pytest.mark.core
def test_nobody_notices_new_logins_of_a_service_that_renews_its_tokens(database, store_rekey, serving, tmp_path):
    database.initialise()
    service = serving(LoginService(database.role, database.password))
    token = tmp_path / "token"
    replaced(token, service.tokens[-1])
    rekey = store_rekey(database, service.source(token), size=6)

    def put(_):
        replaced(token, service.new_token())
        return service.put(database.role, database.password)

    assert_nobody_notices(database, rekey, put, versions=2, seconds=7)
    assert service.unchanged > 0, "what has not changed is not sent again"
    told = rekey.log() + rekey.audit_path.read_text()
    assert not any(token in told for token in service.tokens)


def test_nobody_notices_five_new_versions_that_the_metadata_server_opens(database, store_rekey, serving):
    database.initialise()
    google = serving(GcpServices())
    google.put(database.role, pair(database))
    source = {"type": "gcp_secret_manager", "secret": database.role, "project": PROJECT, "endpoint": google.address,
              "timeout": "5s"}
    rekey = store_rekey(database, source, {"GCE_METADATA_HOST": f"127.0.0.1:{google.port}"}, size=6)
    assert_nobody_notices(database, rekey, lambda _: google.put(database.role, pair(database)))
    assert google.issued == 1 and not google.wrong


def test_nobody_notices_five_new_versions_that_a_service_account_opens(database, store_rekey, serving, tmp_path):
    database.initialise()
    google = serving(GcpServices())
    google.put(database.role, pair(database))
    key = tmp_path / "key.json"
    replaced(key, google.key_file())
    source = {"type": "gcp_secret_manager", "secret": database.role, "endpoint": google.address, "timeout": "5s"}
    rekey = store_rekey(database, source, {"GOOGLE_APPLICATION_CREDENTIALS": str(key)}, size=6)

    def put(number):
        if number == 2:
            google.revoke_tokens()  # another one is asked for
        return google.put(database.role, pair(database))

    assert_nobody_notices(database, rekey, put)
    assert google.issued == 2 and all("UNAUTHENTICATED" in wrong for wrong in google.wrong)


def azure_source(azure, database):
    return {"type": "azure_key_vault", "address": azure.address, "secret": database.role, "timeout": "5s"}


def test_nobody_notices_five_new_versions_that_a_managed_identity_opens(database, store_rekey, serving):
    database.initialise()
    azure = serving(AzureServices())
    azure.put(database.role, pair(database))
    rekey = store_rekey(database, azure_source(azure, database), {"AZURE_POD_IDENTITY_AUTHORITY_HOST": azure.address},
                        size=6)
    assert_nobody_notices(database, rekey, lambda _: azure.put(database.role, pair(database)))
    assert azure.issued == 1 and not azure.wrong


def test_nobody_notices_five_new_versions_that_a_federated_token_opens(database, store_rekey, serving, tmp_path):
    database.initialise()
    azure = serving(AzureServices())
    azure.put(database.role, pair(database))
    token = tmp_path / "federated"
    replaced(token, azure.federated)
    rekey = store_rekey(database, azure_source(azure, database),
                        {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_AUTHORITY_HOST": azure.address,
                         "AZURE_FEDERATED_TOKEN_FILE": str(token)}, size=6)

    def put(number):
        if number == 2:
            with azure.lock:
                azure.federated += "-renewed"
            replaced(token, azure.federated)
            azure.revoke_tokens()
        return azure.put(database.role, pair(database))

    assert_nobody_notices(database, rekey, put)
    assert azure.issued == 2 and all("Unauthorized" in wrong for wrong in azure.wrong)


def test_a_client_secret_that_is_wrong_is_named_and_told_to_nobody(database, store_rekey, serving):
    database.initialise()
    azure = serving(AzureServices())
    azure.put(database.role, pair(database))
    source = {**azure_source(azure, database), "tenant": TENANT, "client_id": CLIENT, "authority": azure.address}
    rekey = store_rekey(database, {**source, "client_secret": {"value": azure.client_secret}})
    assert Pgbench(rekey.target(database.name), clients=4, seconds=1).run().errors == 0
    with azure.lock:
        azure.client_secret = "renewed-by-somebody"
    azure.revoke_tokens()
    wait_until(lambda: "invalid_client" in rekey.credential("app")["reason"], 20, rekey.log)
    assert Pgbench(rekey.target(database.name), clients=4, seconds=1).run().errors == 0, "the last one serves"


def mounted(directory, database, number):
    """What the kubelet does: a new directory, and a link that is swapped."""
    version = directory / f"..2026_01_0{number}"
    version.mkdir(parents=True)
    for name, text in (("username", database.role), ("password", database.password)):
        (version / name).write_text(text)
        (version / name).chmod(0o600)
    link = directory / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(directory / "..data")
    for name in ("username", "password"):
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")


def test_nobody_notices_five_new_versions_of_a_mounted_secret(database, store_rekey, tmp_path):
    database.initialise()
    mounted(tmp_path / "secret", database, 0)
    rekey = store_rekey(database, {"type": "file", "path": str(tmp_path / "secret")}, refresh="1h", size=6)
    assert_nobody_notices(database, rekey, lambda number: mounted(tmp_path / "secret", database, number + 1))


def test_nobody_notices_five_new_passwords_of_a_passfile(database, store_rekey, tmp_path):
    database.initialise()
    path = tmp_path / ".pgpass"

    def put(_=None):
        other = f"127.0.0.1:{database.server.port}:*:somebody:else\n"
        replaced(path, f"{other}127.0.0.1:{database.server.port}:*:{database.role}:{database.password}\n*:*:*:*:no\n")

    put()
    source = {"type": "file", "path": "${PGPASSFILE}", "format": "pgpass", "user": database.role}
    rekey = store_rekey(database, source, {"PGPASSFILE": str(path)}, refresh="1h", size=6)
    assert_nobody_notices(database, rekey, put)


def test_nobody_notices_five_new_credentials_of_a_service_manager(database, store_rekey, tmp_path):
    database.initialise()
    path = tmp_path / "orders"

    def put(_=None):
        replaced(path, database.password + "\n")

    put()
    source = {"type": "file", "path": "${CREDENTIALS_DIRECTORY}/orders", "format": "password", "user": database.role}
    rekey = store_rekey(database, source, {"CREDENTIALS_DIRECTORY": str(tmp_path)}, refresh="1h", size=6)
    assert_nobody_notices(database, rekey, put)


@pytest.mark.parametrize("shape", ["kubectl", "credential_process"])
def test_nobody_notices_five_new_answers_of_a_program(database, store_rekey, tmp_path, shape):
    database.initialise()
    path = tmp_path / "answer"

    def put(_=None):
        answers = {"kubectl": {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                               "status": {"token": database.password,
                                          "expirationTimestamp": "2099-01-01T00:00:00Z"}},
                   "credential_process": {"Version": 1, "AccessKeyId": database.role,
                                          "SecretAccessKey": database.password, "Expiration": "2099-01-01T00:00:00Z"}}
        replaced(path, json.dumps(answers[shape]))

    put()
    source = {"type": "exec", "command": ["/bin/cat", str(path)]}
    if shape == "kubectl":
        source["user"] = database.role
    rekey = store_rekey(database, source, size=6)
    assert_nobody_notices(database, rekey, put)
