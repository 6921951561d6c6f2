"""Which servers a test is run with. A test that is the same for all products names those of every run; `full` takes the
rest as well."""

import os

import pytest

from support.mysql_server import KINDS

POSTGRES = "postgresql-15"
PRODUCTS = (POSTGRES, *KINDS)
STRATEGIES = {POSTGRES: ("single_user", "alternating_users"),
              **{kind: ("single_user", "alternating_users", "dual_password") for kind in KINDS}}
FULL = bool(os.environ.get("REKEY_FULL"))


def cases(names, every, core, also=()):
    """Parametrises by tuples that begin with a product: `core` are run by every build, `also` by the release, what else
    is in `every` by `full`. The first of `names` is the fixture that makes the database."""
    unknown = {*core, *also} - set(every)
    assert not unknown, unknown
    chosen = [pytest.param(*case, id="-".join(map(str, case)), marks=[pytest.mark.core] if case in core else [])
              for case in every if FULL or case in core or case in also]
    return pytest.mark.parametrize(names, chosen, indirect=[names.split(",")[0]])


def on(*core, also=(), fixture="database"):
    """The test with PostgreSQL, these and, if the program is the release's, `also`."""
    return cases(fixture, [(product,) for product in PRODUCTS], [(product,) for product in (POSTGRES, *core)],
                 [(product,) for product in also])
