"""Dead letters: answers, items and messages that could not be used.

A dead letter is open until a good answer resolves it or a person dismisses it (:mod:`.dismissal`).
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, select, tuple_, update

from tuyahouse.dead_letter_reasons import Reason
from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.dialect import among, insert
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.tables import ops_dead_letter

_PAGE = 10
"""Whole dead letters that are read together: each may hold an answer of a megabyte."""
_KEYS_A_PAGE = 1000
_LONGEST_KEY = 600
"""Longest key, in characters, that is stored whole; of a longer one, its beginning and a hash are stored."""
_table = ops_dead_letter.c
_TRACE = re.compile(r" \(trace id [^)]*\)")

OPEN = and_(_table.resolved_at.is_(None), _table.dismissed_at.is_(None))
"""Neither resolved nor dismissed."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not be used, on its way to ``ops_dead_letter``.

    ``reason`` is the class of the problem, ``message`` says what happened and what to do, ``raw`` is what was received.
    """

    kind: str
    key: str
    reason: Reason
    code: str = ""
    message: str = ""
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A row of ``ops_dead_letter``."""

    account: str
    kind: str
    key: str
    reason: str
    code: str
    message: str
    raw: bytes | None
    attempts: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    dismissed_at: datetime | None = None
    dismissed_by: str | None = None
    dismissed_why: str | None = None


def record(conn: Connection, account: str, dead_letters: Sequence[DeadLetter], at: datetime) -> int:
    """Write dead letters. One that is already stored counts another attempt and is open again.

    Secrets are removed here. A dismissed one stays dismissed unless its code or message changed; trace ids are ignored.
    Returns how many stay dismissed.
    """
    if not dead_letters:
        return 0
    dead_letters = [_storable(letter) for letter in dead_letters]
    dismissed = _dismissed(conn, account, {letter.key for letter in dead_letters})
    new = insert(conn, ops_dead_letter)
    newest = {name: new.excluded[name] for name in ("code", "message", "raw", "last_seen_at")}
    later = (_table.dismissed_at > new.excluded.last_seen_at, _table.dismissed_at)  # dismissed meanwhile
    again = {
        **newest,
        "attempts": _table.attempts + 1,
        "resolved_at": None,
        "dismissed_at": case(later, else_=new.excluded.dismissed_at),
    }
    statement = new.on_conflict_do_update(index_elements=["account", "kind", "key", "reason"], set_=again)
    rows = [
        {
            "account": account,
            "kind": letter.kind,
            "key": letter.key,
            "reason": letter.reason,
            "code": letter.code or None,
            "message": letter.message or None,
            "raw": letter.raw,
            "first_seen_at": at,
            "last_seen_at": at,
            "dismissed_at": dismissed.get(_content(letter)),
        }
        for letter in sorted(dead_letters, key=lambda one: (one.kind, one.key, one.reason))
    ]
    conn.execute(statement, rows)
    return sum(row["dismissed_at"] is not None for row in rows)


def _dismissed(conn: Connection, account: str, keys: Collection[str]) -> dict[tuple[str, ...], datetime]:
    """Content of each dismissed dead letter of these keys → when it was dismissed."""
    wanted = select(*(_table[name] for name in _COMPARED), _table.dismissed_at).where(
        _table.account == account, _table.resolved_at.is_(None), _table.dismissed_at.is_not(None)
    )
    found = conn.execute(wanted.where(among(conn, _table.key, [clean_text(key) for key in keys])))
    return {_content(row): row.dismissed_at for row in found}


_COMPARED = ("kind", "key", "reason", "code", "message")


def _content(letter: DeadLetter | Row[Any]) -> tuple[str, ...]:
    """The content by which dead letters are compared, without trace ids, which differ from call to call."""
    kind, key, reason, code, message = (clean_text(getattr(letter, name) or "") for name in _COMPARED)
    return kind, key, reason, code, _TRACE.sub("", message)


def resolve(conn: Connection, account: str, kind: str, keys: Collection[str], at: datetime) -> int:
    """Mark the unresolved dead letters of these keys as resolved, whatever their reason, dismissed ones too; returns
    how many there were."""
    if not keys:
        return 0
    unresolved = _table.account == account, _table.kind == kind, _table.resolved_at.is_(None)
    if conn.execute(select(1).where(*unresolved).limit(1)).scalar() is None:
        return 0  # as in most chunks: a thousand keys cost more than this look
    resolved = update(ops_dead_letter).where(*unresolved, among(conn, _table.key, stored_keys(keys)))
    return conn.execute(resolved.values(resolved_at=at)).rowcount


def open_dead_letters(conn: Connection, account: str, kind: str | None = None) -> Iterator[StoredDeadLetter]:
    """All open dead letters by kind, key and reason. Read page by page: others may be resolved meanwhile."""
    return map(dead_letter, _open(conn, select(ops_dead_letter), account, kind, _PAGE))


def open_keys(conn: Connection, account: str, kind: str, *, seen_before: datetime | None = None) -> Iterator[str]:
    """The keys that have an open dead letter of this kind, each once; with a time, one that was last seen before it."""
    last = None
    wanted = select(_table.kind, _table.key, _table.reason)
    if seen_before is not None:
        wanted = wanted.where(_table.last_seen_at < seen_before)
    for row in _open(conn, wanted, account, kind, _KEYS_A_PAGE):
        if row.key != last:
            yield row.key
        last = row.key


def _open(conn: Connection, wanted: Select[Any], account: str, kind: str | None, at_once: int) -> Iterator[Row[Any]]:
    order = (_table.kind, _table.key, _table.reason)
    wanted = wanted.where(_table.account == account, OPEN)
    if kind is not None:
        wanted = wanted.where(_table.kind == kind)
    after: tuple[str, ...] = ("", "", "")
    while page := conn.execute(wanted.where(tuple_(*order) > after).order_by(*order).limit(at_once)).all():
        yield from page
        after = (page[-1].kind, page[-1].key, page[-1].reason)


def newest_of(conn: Connection, account: str, keys: Collection[str]) -> StoredDeadLetter | None:
    """The newest open dead letter that has one of these keys."""
    wanted = select(ops_dead_letter).where(_table.account == account, OPEN)
    wanted = wanted.where(among(conn, _table.key, stored_keys(keys)))
    row = conn.execute(wanted.order_by(_table.last_seen_at.desc(), _table.kind, _table.key).limit(1)).one_or_none()
    return dead_letter(row) if row else None


def counts(conn: Connection, account: str | None = None) -> list[tuple[str, str, str, int, int, int]]:
    """(account, kind, reason, open, resolved, dismissed), the most open ones first."""
    still = func.count().filter(OPEN)
    done = func.count(_table.resolved_at)
    dismissed = func.count(_table.dismissed_at).filter(_table.resolved_at.is_(None))
    group = (_table.account, _table.kind, _table.reason)
    wanted = select(*group, still, done, dismissed).group_by(*group).order_by(still.desc(), *group)
    if account is not None:
        wanted = wanted.where(_table.account == account)
    return [(a, kind, reason, int(x), int(y), int(z)) for a, kind, reason, x, y, z in conn.execute(wanted)]


def stored_key(key: str) -> str:
    """The key as ``ops_dead_letter`` holds it: without secrets, and short enough for an index."""
    key = _clean(key)
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[:_LONGEST_KEY]}… {sha256(key.encode()).hexdigest()[:16]}"


def stored_keys(keys: Collection[str]) -> list[str]:
    """:func:`stored_key` of each; quick where all are stored as they are, as nearly always."""
    together = "\n".join(keys)
    if _clean(together) == together and max(map(len, keys), default=0) <= _LONGEST_KEY:
        return list(keys)
    return [stored_key(key) for key in keys]


def _storable(letter: DeadLetter) -> DeadLetter:
    """The dead letter without secrets and without what PostgreSQL refuses. Other bytes of ``raw`` stay as received."""
    raw = letter.raw
    if raw is not None:
        raw = SECRETS.text(raw.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    return DeadLetter(
        letter.kind, stored_key(letter.key), letter.reason, _clean(letter.code), _clean(letter.message), raw
    )


def _clean(text: str) -> str:
    return clean_text(SECRETS.text(text))


def dead_letter(row: Row[Any]) -> StoredDeadLetter:
    """A row as an object; a null code or message becomes empty text."""
    return StoredDeadLetter(**{**row._mapping, "code": row.code or "", "message": row.message or ""})
