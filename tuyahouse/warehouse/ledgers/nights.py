"""Nights with all of their parts, as ``ops_run`` has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from tuyahouse.warehouse.tables import ops_run

NIGHT = "nightly_sync"
_ASKS_UNITS = "sync_sn_flows"
_column = ops_run.c


@dataclass(frozen=True, slots=True)
class Night:
    """The result of a night, its parts added up. ``moved`` serial numbers had something new."""

    run_key: str
    asked: int
    moved: int
    dead_letters: int
    calls: int


def newest_nights(
    conn: Connection, account: str, parts: Sequence[str], until: datetime, without: str, limit: int
) -> list[Night]:
    """The nights that had ended by then, newest first, without the one of this run key."""
    wanted = (
        select(_column.run_key)
        .where(_column.account == account, _column.flow == NIGHT, _column.ended_at.is_not(None))
        .where(_column.started_at <= until, _column.run_key != without)
        .order_by(_column.started_at.desc(), _column.run_key)
        .limit(limit)
    )
    keys = list(conn.execute(wanted).scalars())
    found = {one.run_key: one for one in _added_up(conn, account, parts, keys)}
    return [found[key] for key in keys]


def night_of(conn: Connection, account: str, parts: Sequence[str], run_key: str) -> Night:
    """The night of this run key."""
    (night,) = _added_up(conn, account, parts, [run_key])
    return night


def _added_up(conn: Connection, account: str, parts: Sequence[str], run_keys: Sequence[str]) -> list[Night]:
    moved = case((_column.flow == _ASKS_UNITS, _column.answered - _column.unchanged), else_=0)
    sums = [func.sum(one) for one in (_column.asked, moved, _column.failed + _column.rejected, _column.calls)]
    wanted = (
        select(_column.run_key, *sums)
        .where(_column.account == account, _column.run_key.in_(run_keys), _column.flow.in_((NIGHT, *parts)))
        .group_by(_column.run_key)
    )
    return [Night(key, *map(int, counts)) for key, *counts in conn.execute(wanted)]
