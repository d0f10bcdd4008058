"""How far the message stream was read, and which messages are stored."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, literal, select

from tuyahouse.warehouse.database.dialect import among, insert
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.tables import ops_consumer, raw_message

_consumer = ops_consumer.c


@dataclass(frozen=True, slots=True)
class Consumer:
    """How far a source was read; a row of ``ops_consumer``."""

    source: str
    read_until: datetime
    last_message_at: datetime | None
    messages: int
    dead_letters: int
    reconnects: int


def stored_ids(conn: Connection, account: str, message_ids: Collection[str]) -> set[str]:
    """Those of the messages that are stored already."""
    wanted = select(raw_message.c.message_id).where(
        raw_message.c.account == account, among(conn, raw_message.c.message_id, message_ids)
    )
    return set(conn.execute(wanted).scalars())


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it was received; a row of ``raw_message``."""

    message_id: str
    topic: str | None
    published_at: datetime | None
    cipher: str | None
    trace_id: str | None
    payload: bytes
    properties: dict[str, str] | None


def payload_sizes(conn: Connection, account: str, message_ids: Collection[str]) -> dict[str, int]:
    """Message id → bytes of its payload, for those that are stored."""
    raw = raw_message.c
    wanted = select(raw.message_id, func.length(raw.payload))
    found = conn.execute(wanted.where(raw.account == account, among(conn, raw.message_id, message_ids)))
    return {row[0]: row[1] for row in found}


def stored_messages(conn: Connection, account: str, message_ids: Collection[str]) -> list[StoredMessage]:
    """Those of the messages that are stored, as they were received."""
    raw = raw_message.c
    columns = (raw.message_id, raw.topic, raw.published_at, raw.cipher, raw.trace_id, raw.payload, raw.properties)
    wanted = select(*columns).where(raw.account == account, among(conn, raw.message_id, message_ids))
    return [StoredMessage(*row) for row in conn.execute(wanted.order_by(raw.published_at, raw.message_id))]


def consumers(conn: Connection, account: str) -> list[Consumer]:
    """All sources the account was ever read by."""
    wanted = select(
        _consumer.source,
        _consumer.read_until,
        _consumer.last_message_at,
        _consumer.messages,
        _consumer.dead_letters,
        _consumer.reconnects,
    )
    return [
        Consumer(*row) for row in conn.execute(wanted.where(_consumer.account == account).order_by(_consumer.source))
    ]


def read_until(conn: Connection, account: str) -> datetime | None:
    """Time up to which the stream is known to have been read, by any source; None: never read."""
    found: datetime | None = conn.execute(
        select(func.max(_consumer.read_until, type_=_consumer.read_until.type)).where(_consumer.account == account)
    ).scalar()
    return found


def advance(
    conn: Connection,
    account: str,
    source: str,
    until: datetime,
    *,
    now: datetime,
    last_message_at: datetime | None = None,
    messages: int = 0,
    dead_letters: int = 0,
    reconnects: int = 0,
) -> None:
    """Record what was read. Counts are added up; times move forward, but never beyond ``now``.

    A later time comes from a wrong clock, and would hide every gap until it has passed.
    """
    until, last_message_at = min(until, now), None if last_message_at is None else min(last_message_at, now)
    new = insert(conn, ops_consumer).values(
        account=account,
        source=source,
        read_until=until,
        last_message_at=last_message_at,
        messages=messages,
        dead_letters=dead_letters,
        reconnects=reconnects,
    )
    sqlite = conn.dialect.name == "sqlite"
    latest, earliest = (func.max, func.min) if sqlite else (func.greatest, func.least)
    newer, older = new.excluded, _consumer
    changes = {
        "read_until": latest(earliest(older.read_until, literal(now, UtcTime)), newer.read_until),
        "last_message_at": func.coalesce(
            latest(older.last_message_at, newer.last_message_at), older.last_message_at, newer.last_message_at
        ),
        "messages": older.messages + newer.messages,
        "dead_letters": older.dead_letters + newer.dead_letters,
        "reconnects": older.reconnects + newer.reconnects,
    }
    conn.execute(new.on_conflict_do_update(index_elements=["account", "source"], set_=changes))
