"""Listing and dismissing dead letters. Dismissing marks those that need no more work; none is deleted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.ledgers.dead_letters import OPEN, StoredDeadLetter, dead_letter
from tuyahouse.warehouse.tables import ops_dead_letter

_table = ops_dead_letter.c


class State(StrEnum):
    """State of a dead letter; ``ALL`` chooses any."""

    OPEN = "open"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"
    ALL = "all"


_IN_STATE: dict[State, ColumnElement[bool]] = {
    State.OPEN: OPEN,
    State.DISMISSED: and_(_table.resolved_at.is_(None), _table.dismissed_at.is_not(None)),
    State.RESOLVED: _table.resolved_at.is_not(None),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice of dead letters of an account; None leaves that field unrestricted."""

    account: str
    kind: str | None = None
    reason: str | None = None
    keys: Sequence[str] | None = None
    state: State = State.OPEN

    def where(self, conn: Connection) -> list[ColumnElement[bool]]:
        narrowed = [_table.account == self.account]
        narrowed += [] if self.kind is None else [_table.kind == self.kind]
        narrowed += [] if self.reason is None else [_table.reason == self.reason]
        narrowed += [] if self.keys is None else [among(conn, _table.key, self.keys)]
        return narrowed + ([_IN_STATE[self.state]] if self.state in _IN_STATE else [])


def listing(conn: Connection, chosen: Chosen, limit: int | None = None) -> Iterator[StoredDeadLetter]:
    """The chosen dead letters, the newest first."""
    newest = (_table.last_seen_at.desc(), _table.kind, _table.key, _table.reason)
    query = select(ops_dead_letter).where(*chosen.where(conn)).order_by(*newest).limit(limit)
    return map(dead_letter, conn.execute(query))


def state_of(letter: StoredDeadLetter) -> State:
    if letter.resolved_at:
        return State.RESOLVED
    return State.DISMISSED if letter.dismissed_at else State.OPEN


def dismiss(conn: Connection, chosen: Chosen, by: str, why: str, at: datetime) -> list[StoredDeadLetter]:
    """Dismiss the open ones among the chosen dead letters and return them.

    A dismissed one is neither redriven nor reported until its code or message changes.
    """
    values: dict[str, Any] = {"dismissed_at": at, "dismissed_by": by, "dismissed_why": why}
    query = update(ops_dead_letter).where(*chosen.where(conn), OPEN).values(values)
    return sorted(
        map(dead_letter, conn.execute(query.returning(*_table))), key=lambda one: (one.kind, one.key, one.reason)
    )
