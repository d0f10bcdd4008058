"""The audit of writes (``ops_write``): what was to be written, committed before the call, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update

from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.dialect import now_time, upsert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.tables import ops_write

PENDING, DONE, REFUSED, UNKNOWN = "pending", "done", "refused", "unknown"

_table = ops_write.c


@dataclass(frozen=True, slots=True)
class Write:
    """A write on its way to ``ops_write``. Texts and ``request`` are stored without secrets."""

    account: str
    intent_key: str
    call: str
    target: str
    content: str
    what: str
    request: Mapping[str, Any]
    run_id: str


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """A row of ``ops_write``."""

    intent_key: str
    content: str
    outcome: str
    note: str
    result: dict[str, Any] | None
    run_id: str
    attempts: int
    asked_at: datetime
    ended_at: datetime | None
    settled_at: datetime | None


def begin(conn: Connection, write: Write) -> int:
    """Record the write as pending; returns the number of the attempt. A row of the same intent is begun anew."""
    now = now_time(conn)
    fresh = {
        "outcome": PENDING,
        "code": None,
        "note": None,
        "result": None,
        "run_id": write.run_id,
        "asked_at": now,
        "ended_at": None,
        "settled_at": None,
        "settled_by": None,
    }
    statement = upsert(conn, ops_write, ("account", "intent_key"), {**fresh, "attempts": _table.attempts + 1})
    values = {
        "account": write.account,
        "intent_key": write.intent_key,
        "call": write.call,
        "target": clean_text(write.target),
        "content": write.content,
        "what": _clean(write.what),
        "request": SECRETS.value(dict(write.request)),
    }
    return int(conn.execute(statement.values(**values, **fresh, attempts=1).returning(_table.attempts)).scalar_one())


def end(
    conn: Connection,
    account: str,
    intent_key: str,
    outcome: str,
    *,
    by: str,
    attempt: int | None = None,
    code: str = "",
    note: str = "",
    result: Mapping[str, Any] | None = None,
) -> bool:
    """Record what came of a write that is pending or unknown; whether there was one.

    Args:
        by: run that found out.
        attempt: only if this is still the newest attempt.
        result: what Tuya answered; must hold no secret.
    """
    now = now_time(conn)
    where = [*_one(account, intent_key), _table.outcome.in_((PENDING, UNKNOWN))]
    where += [] if attempt is None else [_table.attempts == attempt]
    settled = None if outcome == UNKNOWN else now
    values = {
        "outcome": outcome,
        "code": code or None,
        "note": _clean(note) or None,
        "result": None if result is None else SECRETS.value(dict(result)),
        "ended_at": now,
        "settled_at": settled,
        "settled_by": None if settled is None else by,
    }
    return conn.execute(update(ops_write).where(*where).values(**values)).rowcount > 0


def settle(conn: Connection, account: str, intent_key: str, note: str, *, by: str) -> None:
    """Leave a write unknown for good: it was reported, and no call of this intent follows."""
    left = update(ops_write).where(*_one(account, intent_key), _table.settled_at.is_(None))
    now = now_time(conn)
    conn.execute(
        left.values(outcome=UNKNOWN, note=_clean(note), ended_at=now, settled_at=now, settled_by=by),
    )


def supersede(conn: Connection, account: str, target: str, intent_key: str, note: str, *, by: str) -> None:
    """Leave all other writes to this target that are pending or unknown as they are: it was written again since.

    Call it while the target's lock is held: what is pending then is under way no more.
    """
    now = now_time(conn)
    others = update(ops_write).where(
        _table.account == account,
        _table.target == clean_text(target),
        _table.intent_key != intent_key,
        _table.settled_at.is_(None),
    )
    ended = func.coalesce(_table.ended_at, now)
    conn.execute(others.values(outcome=UNKNOWN, note=note, ended_at=ended, settled_at=now, settled_by=by))


def in_doubt(conn: Connection, account: str, before: datetime) -> list[tuple[str, datetime]]:
    """What was to be written, and when, of the writes of unknown outcome, oldest first.

    Pending ones count if they began earlier than ``before``.
    """
    wanted = select(_table.what, _table.asked_at).where(
        _table.account == account,
        _table.settled_at.is_(None),
        or_(_table.outcome == UNKNOWN, _table.asked_at < before),
    )
    return [(what, at) for what, at in conn.execute(wanted.order_by(_table.asked_at, _table.intent_key))]


def find(conn: Connection, account: str, intent_key: str) -> StoredWrite | None:
    """The write of this intent, None if it was never begun."""
    row = conn.execute(select(ops_write).where(*_one(account, intent_key))).one_or_none()
    return None if row is None else _stored(row)


def unsettled(conn: Connection, account: str, target: str) -> list[StoredWrite]:
    """The writes to this target whose outcome is still unknown, oldest first."""
    wanted = select(ops_write).where(
        _table.account == account, _table.target == clean_text(target), _table.settled_at.is_(None)
    )
    return [_stored(row) for row in conn.execute(wanted.order_by(_table.asked_at, _table.intent_key))]


def done_since(conn: Connection, account: str, target: str, content: str, since: datetime) -> StoredWrite | None:
    """The same intent of another run that was done at ``since`` or later; None if there is none."""
    wanted = select(ops_write).where(
        _table.account == account,
        _table.target == clean_text(target),
        _table.content == content,
        _table.outcome == DONE,
        _table.ended_at >= since,
    )
    row = conn.execute(wanted.order_by(_table.ended_at.desc()).limit(1)).first()
    return None if row is None else _stored(row)


def _one(account: str, intent_key: str) -> list[Any]:
    return [_table.account == account, _table.intent_key == intent_key]


def _stored(row: Row[Any]) -> StoredWrite:
    return StoredWrite(
        row.intent_key,
        row.content,
        row.outcome,
        row.note or "",
        row.result,
        row.run_id,
        row.attempts,
        row.asked_at,
        row.ended_at,
        row.settled_at,
    )


def _clean(text: str) -> str:
    return clean_text(SECRETS.text(text))
