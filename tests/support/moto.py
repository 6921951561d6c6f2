"""A real moto on loopback: Secrets Manager, STS and IAM, with signatures and permissions checked. For tests only.

It comes from REKEY_MOTO (a folder that pip made with --target) or from build/servers, where ./dev setup servers puts it;
without one the tests that want it say NOT RUN.
"""

import json
import os
import pathlib
import sys
import urllib.request
import uuid

from support.store_process import StoreProcess

_INSTALLED = pathlib.Path(__file__).resolve().parents[2] / "build/servers/moto"
REGION = "eu-west-1"


def packages():
    """The folder with moto and boto3, or None."""
    for candidate in (os.environ.get("REKEY_MOTO"), _INSTALLED):
        if candidate and (pathlib.Path(candidate) / "moto").is_dir():
            return pathlib.Path(candidate)
    return None


def _boto3():
    """Behind everything else on the path, so that the drivers under test are not replaced."""
    if str(packages()) not in sys.path:
        sys.path.append(str(packages()))
    import boto3  # pylint: disable=import-outside-toplevel
    import botocore.config  # pylint: disable=import-outside-toplevel
    return boto3, botocore.config.Config(proxies={}, retries={"max_attempts": 1})


class Moto(StoreProcess):
    """One server. From start() on every request must be signed by somebody who may do it."""

    def __init__(self):
        super().__init__("rekey-moto-")
        self._admin = ("unsigned", "unsigned")

    def start(self):
        self.launch([sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", self.port],
                    lambda: self._post("/moto-api/reset", b""), 60, PYTHONPATH=str(packages()))
        self._admin = self.user("admin", "*", "*")
        self._post("/moto-api/reset-auth", b"0")
        return self

    def _post(self, path, body):
        request = urllib.request.Request(self.address + path, method="POST", data=body,
                                         headers={"Content-Type": "text/plain"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as response:
            return response.read()

    def client(self, service):
        """boto3's, as the administrator."""
        boto3, config = _boto3()
        return boto3.client(service, endpoint_url=self.address, region_name=REGION, config=config,
                            aws_access_key_id=self._admin[0], aws_secret_access_key=self._admin[1])

    def user(self, name, action, resource="*"):
        """A user who may do `action`; returns (key id, secret key)."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def role_keys(self, name, action):
        """Keys of a role who may do `action`: what a metadata endpoint hands out, without its expiry."""
        iam = self.client("iam")
        trust = {"Version": "2012-10-17",
                 "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(document))
        return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    # Secrets; a secret's content is what RDS writes, without a host.

    def create_secret(self, name, username, password):
        text = json.dumps({"username": username, "password": password})
        return self.client("secretsmanager").create_secret(Name=name, SecretString=text)["VersionId"]

    def put_secret(self, name, username, password, stage="AWSCURRENT", version=None):
        """A new version, or the content of one that begun_rotation() named; returns its id."""
        text = json.dumps({"username": username, "password": password})
        token = version or str(uuid.uuid4())
        return self.client("secretsmanager").put_secret_value(
            SecretId=name, SecretString=text, VersionStages=[stage], ClientRequestToken=token)["VersionId"]

    def begun_rotation(self, name, current):
        """The version that somebody's RotateSecret wants made in place of `current`; None while nobody asked for one.

        AWS leaves AWSCURRENT where it is until the last step, and has the steps done by a function. moto, which has
        none to call, moves it at once: it is put back, so that the test can do the steps."""
        client = self.client("secretsmanager")
        stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
        version = next(version for version, held in stages.items() if "AWSCURRENT" in held)
        if version == current:
            return None
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=current,
                                           RemoveFromVersionId=version)
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSPENDING", MoveToVersionId=version)
        return version

    def make_current(self, name, version):
        """The last of the four steps of a rotation."""
        client = self.client("secretsmanager")
        stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
        before = next(other for other, held in stages.items() if "AWSCURRENT" in held)
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=version,
                                           RemoveFromVersionId=before)
