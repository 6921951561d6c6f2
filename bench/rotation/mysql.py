"""The stage of a rotation under sysbench: a MariaDB, or another server that `--server` names."""

from contextlib import ExitStack
from pathlib import Path

from bench.harness.mysql import KINDS, Mysql, MysqlCounts, MysqlSession

from .contestants import ROTATOR, ROTATOR_PASSWORD
from .phases import FLOOR_PASSWORD, FLOOR_ROLE, Stage

__all__ = ["KINDS", "start_stage"]


def start_stage(stack: ExitStack, _folder: Path, every: float, kind: str) -> Stage:
    server = stack.enter_context(Mysql(kind))
    server.make_rotator(ROTATOR, ROTATOR_PASSWORD)
    server.create_login(FLOOR_ROLE, FLOOR_PASSWORD)
    server.fill(FLOOR_ROLE, FLOOR_PASSWORD)
    session = stack.enter_context(MysqlSession(server))
    return Stage(server, session, MysqlCounts(server, session), every)
