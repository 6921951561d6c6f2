"""The demo's PostgreSQL with accounts that OpenBao makes: each rotation is a new one, and ends the old lease."""

from demo_postgres import PostgresSide
from support.openbao import OpenBao, program
from support.postgres import quote

APPLICATIONS = (("orders", "accounts of OpenBao", "tpcb"), ("catalog", "accounts of OpenBao", "select"))
LIFE, LONGEST = "60s", "1h"


class VaultSide(PostgresSide):
    """What the demo needs of a database whose accounts come and go."""

    applications = APPLICATIONS
    proof = "old refused"

    def __init__(self, directory):
        if program() is None:
            raise SystemExit("there is no OpenBao: ./dev setup servers first")
        super().__init__(directory)
        self.bao = OpenBao()

    def close(self):
        self.bao.close()
        super().close()

    def prepare(self, rotator_password, passwords):
        text = super().prepare(rotator_password, passwords)
        self.bao.start()
        for name in passwords:
            self.server.sql(f'ALTER ROLE "{name}" NOLOGIN')  # from here on it only owns what the accounts use
            self.bao.use_postgres(self.server, name, ("rotator", rotator_password))
            self.bao.dynamic_role(name, name, name, LIFE, LONGEST)
        return f"{text}; OpenBao on {self.bao.address}: accounts that live {LIFE}, renewed until {LONGEST}"

    def credential(self, name, _strategy):
        """As the configuration has it."""
        return {"name": name, "role": name, "source": {"type": "vault", "address": self.bao.address,
                                                       "path": f"database/creds/{name}",
                                                       "auth": {"token": {"value": self.bao.root}}}}

    def backends(self, name):
        return {row[0] for row in self.server.backends(name) if row[1].startswith("v-")}

    def verifiers(self, name):
        """What the server stores now for the accounts that are members of an application's role."""
        return {row[0] for row in self.server.sql(
            f"SELECT a.rolpassword FROM pg_auth_members m JOIN pg_authid a ON a.oid = m.member "
            f"JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = {quote(name)}")}
