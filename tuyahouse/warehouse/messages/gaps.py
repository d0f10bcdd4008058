"""Gaps in the message stream: spans in which messages may have been deleted before they were read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from tuyahouse.warehouse.database.dialect import insert
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.tables import ops_message_gap

_gap = ops_message_gap.c

AWAY_TOO_LONG = "away_too_long"

BACKLOG_NOTICE = "backlog_notice"

MARKED_AT_MOST = timedelta(days=400)
"""Days of presence that a gap makes unknown are computed again, so far back."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which messages may be lost; a row of ``ops_message_gap``."""

    gap_from: datetime
    gap_to: datetime
    why: str
    detail: str | None = None


def record_gap(conn: Connection, account: str, gap: Gap) -> None:
    """Record a gap. One with the same start is extended to the longer of the two, and is open again."""
    values = {"gap_to": gap.gap_to, "why": gap.why, "detail": gap.detail, "closed_at": None}
    new = insert(conn, ops_message_gap).values(account=account, gap_from=gap.gap_from, **values)
    conn.execute(
        new.on_conflict_do_update(
            index_elements=["account", "gap_from"], set_=values, where=_gap.gap_to < new.excluded.gap_to
        )
    )
    begin, end = max(gap.gap_from, gap.gap_to - MARKED_AT_MOST).date(), gap.gap_to.date()
    days = [begin + timedelta(days=number) for number in range((end - begin).days + 1)]
    marks.mark_presence(conn, account, days, f"gap {gap.gap_from.isoformat()}/{gap.gap_to.isoformat()}")


def open_gaps(conn: Connection, account: str) -> list[Gap]:
    """Gaps that no full read has answered yet, oldest first."""
    wanted = select(_gap.gap_from, _gap.gap_to, _gap.why, _gap.detail)
    still = wanted.where(_gap.account == account, _gap.closed_at.is_(None)).order_by(_gap.gap_from)
    return [Gap(*row) for row in conn.execute(still)]


def closed_gaps(conn: Connection, account: str, since: datetime) -> list[Gap]:
    """Gaps that a full read has answered since then, oldest first."""
    wanted = select(_gap.gap_from, _gap.gap_to, _gap.why, _gap.detail)
    answered = wanted.where(_gap.account == account, _gap.closed_at >= since).order_by(_gap.gap_from)
    return [Gap(*row) for row in conn.execute(answered)]


def close_gaps(conn: Connection, account: str, read_from: datetime, at: datetime) -> int:
    """Close the gaps that had ended when a full read of inventory and open commands began; returns how many."""
    closing = (
        update(ops_message_gap)
        .where(_gap.account == account, _gap.closed_at.is_(None), _gap.gap_to <= read_from)
        .values(closed_at=at)
    )
    return conn.execute(closing).rowcount
