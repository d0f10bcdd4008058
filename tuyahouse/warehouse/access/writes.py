"""The audit of writes (``ops_write``): what was to be written, committed before the call, and what came of it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.access.audit_rows import DONE, PENDING, UNKNOWN, StoredWrite, Write
from tuyahouse.warehouse.database.dialect import now_time, upsert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.tables import ops_write

LONGEST_TARGET = 400

_table = ops_write.c


def begin(conn: Connection, write: Write) -> int:
    """Record the write as pending; returns the number of the attempt. A row of the same intent is started again."""
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
    begun = statement.values(**_fields(write), **fresh, attempts=1).returning(_table.attempts)
    return int(conn.execute(begun).scalar_one())


def report(conn: Connection, write: Write, asked_at: datetime, note: str) -> None:
    """Record that a run did not make this write, as an earlier call, of ``asked_at``, may have been carried out.

    It stays unknown for good: this run never makes it.
    """
    now = now_time(conn)
    reported = {
        "outcome": UNKNOWN,
        "code": None,
        "note": _clean(note),
        "result": None,
        "run_id": write.run_id,
        "asked_at": asked_at,
        "ended_at": now,
        "settled_at": now,
        "settled_by": write.run_id,
    }
    statement = upsert(conn, ops_write, ("account", "intent_key"), reported)
    conn.execute(statement.values(**_fields(write), **reported, attempts=0))


def _fields(write: Write) -> dict[str, Any]:
    return {
        "account": write.account,
        "intent_key": write.intent_key,
        "call": write.call,
        "target": _target(write.target),
        "content": write.content,
        "what": _clean(write.what),
        "request": SECRETS.value(dict(write.request)),
    }


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
    """Leave a write unknown for good: it was reported, or does not matter any more.

    Call it while the target's lock is held: what is pending then is under way no more.
    """
    now = now_time(conn)
    left = update(ops_write).where(*_one(account, intent_key), _table.settled_at.is_(None))
    ended = func.coalesce(_table.ended_at, now)
    conn.execute(left.values(outcome=UNKNOWN, note=_clean(note), ended_at=ended, settled_at=now, settled_by=by))


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


def doubtful(conn: Connection, account: str, target: str, run_id: str) -> list[StoredWrite]:
    """The writes to this target whose outcome is still unknown, and those of this run that are so for good."""
    wanted = select(ops_write).where(
        _table.account == account,
        _table.target == _target(target),
        or_(_table.settled_at.is_(None), and_(_table.outcome == UNKNOWN, _table.run_id == run_id)),
    )
    return [_stored(row) for row in conn.execute(wanted.order_by(_table.asked_at, _table.intent_key))]


def last_doubt(conn: Connection, account: str, target: str) -> datetime | None:
    """When the last call to this target was asked that may have been carried out; None: all ended for certain."""
    wanted = select(func.max(_table.asked_at)).where(
        _table.account == account, _table.target == _target(target), _table.outcome.in_((PENDING, UNKNOWN))
    )
    last: datetime | None = conn.execute(wanted).scalar_one()
    return last


def done_since(conn: Connection, account: str, target: str, content: str, since: datetime) -> StoredWrite | None:
    """The same intent of another run that was done at ``since`` or later; None if there is none."""
    wanted = select(ops_write).where(
        _table.account == account,
        _table.target == _target(target),
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
        row.call,
        row.content,
        row.what,
        row.request or {},
        row.outcome,
        row.note or "",
        row.result,
        row.run_id,
        row.attempts,
        row.asked_at,
        row.ended_at,
        row.settled_at,
    )


def _target(text: str) -> str:
    """As it is stored and looked for: short enough for an index, and different for different targets."""
    text = clean_text(text)
    if len(text) <= LONGEST_TARGET:
        return text
    return f"{text[:LONGEST_TARGET]} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _clean(text: str) -> str:
    return clean_text(SECRETS.text(text))
