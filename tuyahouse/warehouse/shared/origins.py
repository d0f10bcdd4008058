"""Where rows come from: the runs that wrote them and the messages that reported them; for ``tuyahouse explain``."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from tuyahouse.warehouse.tables import ops_dead_letter, ops_run, raw_message

Fields = dict[str, Any]


def rows_of(conn: Connection, wanted: Any) -> list[Fields]:
    """The rows of a statement as column → value."""
    return [dict(row._mapping) for row in conn.execute(wanted)]


def runs_of(conn: Connection, rows: Iterable[Fields]) -> list[Fields]:
    """The runs that inserted or last changed these rows, the oldest first."""
    ids = {row.get(name) for row in rows for name in ("first_run", "last_run")} - {None}
    wanted = select(ops_run).where(ops_run.c.run_id.in_(sorted(map(str, ids))))
    return rows_of(conn, wanted.order_by(ops_run.c.started_at))


def messages_of(conn: Connection, account: str, rows: Iterable[Fields]) -> list[Fields]:
    """The messages that reported these rows, the newest first."""
    ids = sorted({str(row["message_id"]) for row in rows if row.get("message_id")})
    table = raw_message.c
    wanted = select(raw_message).where(table.account == account, table.message_id.in_(ids))
    return rows_of(conn, wanted.order_by(table.received_at.desc(), table.message_id))


def letters_of(conn: Connection, account: str, kinds: str, key: str) -> list[Fields]:
    """The dead letters of a key, of the kinds that begin so."""
    table = ops_dead_letter.c
    wanted = select(ops_dead_letter).where(table.account == account, table.key == key, table.kind.like(f"{kinds}%"))
    return rows_of(conn, wanted.order_by(table.last_seen_at))
