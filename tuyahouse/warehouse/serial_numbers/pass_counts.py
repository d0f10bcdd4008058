"""Pass counts as Tuya told them, what the warehouse counted beside them, and how far an account's are trusted."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.dialect import upsert
from tuyahouse.warehouse.tables import ops_count_trust, station_pass_count

_counts = station_pass_count.c


class Count(NamedTuple):
    """A pass count as Tuya answered it."""

    order_code: str
    node: str
    checked_at: datetime
    tuya_count: int
    warehouse_count: int | None = None


class Trust(NamedTuple):
    """The row of ``ops_count_trust``."""

    definition: str | None = None
    agreed: int = 0
    last_run: str | None = None
    fell_at: datetime | None = None
    reason: str | None = None
    refused_at: datetime | None = None


def record(conn: Connection, account: str, counts: Sequence[Count]) -> None:
    """Store pass counts, with what the warehouse counted once that is known; the same ones again change nothing."""
    rows = [(account, *count) for count in counts]
    writer.upsert(conn, station_pass_count, ("account", *Count._fields), rows)


def told_between(conn: Connection, account: str, since: datetime, until: datetime) -> list[Count]:
    """The newest count of each (work order, node) that was asked between these times.

    One that was stored as asked later was asked while a clock was wrong.
    """
    wanted = select(*[_counts[name] for name in Count._fields]).where(
        _counts.account == account, _counts.checked_at.between(since, until)
    )
    rows = conn.execute(wanted.order_by(_counts.order_code, _counts.node, _counts.checked_at))
    return list({(row.order_code, row.node): Count._make(row) for row in rows}.values())


def newest_before(conn: Connection, account: str, before: datetime) -> list[Count]:
    """The newest count of each (work order, node) that was asked before then."""
    at = func.max(_counts.checked_at, type_=_counts.checked_at.type).label("at")
    newest = (
        select(_counts.order_code, _counts.node, at)
        .where(_counts.account == account, _counts.checked_at < before)
        .group_by(_counts.order_code, _counts.node)
        .subquery()
    )
    wanted = select(*[_counts[name] for name in Count._fields]).join(
        newest,
        and_(
            newest.c.order_code == _counts.order_code,
            newest.c.node == _counts.node,
            newest.c.at == _counts.checked_at,
        ),
    )
    return [Count._make(row) for row in conn.execute(wanted.where(_counts.account == account))]


def trust(conn: Connection, account: str) -> Trust:
    """Whether counts may be relied upon; an account that has no row has not proved anything."""
    columns = [ops_count_trust.c[name] for name in Trust._fields]
    row = conn.execute(select(*columns).where(ops_count_trust.c.account == account)).one_or_none()
    return Trust._make(row) if row else Trust()


def set_trust(conn: Connection, account: str, now: Trust) -> None:
    """Store whether counts may be relied upon."""
    conn.execute(upsert(conn, ops_count_trust, ("account",), now._asdict()).values(account=account, **now._asdict()))
