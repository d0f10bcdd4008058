"""The registry of serial numbers: which exist, when they were asked, what the newest answer was."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Select, Text, case, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import among, if_past, of_account
from tuyahouse.warehouse.database.values import json_text
from tuyahouse.warehouse.tables import serial_number

ASKED_FOR = "asked for"
"""Source of a serial number that was only given to a run. It stays registered if Tuya knows it."""

_BATCH = 5000
_STREAM = {"yield_per": 2000}
_table = serial_number.c


class Entry(Protocol):
    """A serial number on its way into the registry."""

    @property
    def sn(self) -> str: ...
    @property
    def order_code(self) -> str | None: ...


class Unit(NamedTuple):
    """A serial number for the registry, with its work order where that is known."""

    sn: str
    order_code: str | None = None


class Known(NamedTuple):
    """What the registry knows of a serial number before it is asked."""

    sn: str
    state: str
    order_code: str | None
    craft_line_code: str | None
    unknown_times: int
    answer_hash: bytes | None
    last_asked_at: datetime | None = None


class Candidate(NamedTuple):
    """A serial number with what the planner needs to know of it."""

    sn: str
    state: str
    added_at: datetime
    last_asked_at: datetime | None
    last_changed_at: datetime | None
    unknown_times: int


class Change(NamedTuple):
    """A serial number after a changed answer. None in ``order_code`` or ``craft_line_code`` keeps what is stored."""

    sn: str
    order_code: str | None
    craft_line_code: str | None
    state: str
    unknown_times: int
    answer_hash: bytes | None
    at: datetime


@dataclass(slots=True)
class Added:
    """Counts of an intake: new serial numbers, and those that were registered already or came twice."""

    inserted: int = 0
    duplicate: int = 0


class Listed(NamedTuple):
    """A row of ``tuyahouse sn list``."""

    sn: str
    state: str
    order_code: str | None
    source: str | None
    added_at: datetime
    last_asked_at: datetime | None
    last_changed_at: datetime | None


def add(conn: Connection, account: str, entries: Iterable[Entry], source: str | None, at: datetime) -> Added:
    """Register any number of serial numbers in little memory.

    One that is registered keeps everything; only a missing work order is filled in, and any other source takes the
    place of :data:`ASKED_FOR`.
    """
    added = Added()
    stream = iter(entries)
    columns = ("account", "sn", "order_code", "state", "source", "added_at")
    while batch := list(islice(stream, _BATCH)):
        rows = [(account, entry.sn, entry.order_code or None, "new", source, at) for entry in batch]
        inserted = writer.insert_new(conn, serial_number, columns, rows)
        if inserted < len(rows):
            ordered = [row[:3] for row in rows if row[2]]
            writer.update(conn, serial_number, columns[:3], ordered, fill=("order_code",))
            if source != ASKED_FOR:
                given = _these(conn, account, [row[1] for row in rows]).where(_table.source == ASKED_FOR)
                conn.execute(given.values(source=source))
        added.inserted += inserted
        added.duplicate += len(rows) - inserted
    return added


def known(database: Database, account: str, sns: Collection[str]) -> dict[str, Known]:
    """What is known of these serial numbers; those not registered are absent."""
    wanted = select(*[_table[name] for name in Known._fields]).where(_table.account == account)
    with database.read() as conn:
        return _known(conn, wanted.where(among(conn, _table.sn, sns)))


def hold(conn: Connection, account: str, sns: Collection[str]) -> dict[str, Known]:
    """What is known of these serial numbers now, locked against changes by others until the transaction ends.

    ``last_asked_at`` is None where it lies in the future: then no later asking is known.
    """
    name = _table.sn.collate("C") if conn.dialect.name == "postgresql" else _table.sn
    columns = [_table[name] for name in Known._fields[:-1]]
    wanted = select(*columns, if_past(conn, _table.last_asked_at)).where(_table.account == account)
    return _known(conn, wanted.where(among(conn, _table.sn, sns)).order_by(name).with_for_update(key_share=True))


def _known(conn: Connection, wanted: Select[Any]) -> dict[str, Known]:
    # All at once: row by row, SQLAlchemy asks the driver for each.
    return {row[0]: Known._make(row) for row in conn.execute(wanted).all()}


def mark_asked(conn: Connection, account: str, asked_at: Mapping[str, datetime]) -> int:
    """Record only when they were asked: the answer was the same, or a dead letter. Returns how many are registered."""
    return _mark(conn, account, asked_at, {}) if asked_at else 0


def mark_unknown(conn: Connection, account: str, asked_at: Mapping[str, datetime]) -> int:
    """Tuya does not know them: count one more such answer in a row."""
    unknown = {"state": "unknown", "unknown_times": _table.unknown_times + 1}
    return _mark(conn, account, asked_at, unknown) if asked_at else 0


def forget(conn: Connection, account: str, sns: Collection[str]) -> int:
    """Take those of these out that were only given to a run and that Tuya has never known; returns how many."""
    if not sns:
        return 0
    never = _table.source == ASKED_FOR, _table.state == "unknown", _table.order_code.is_(None)
    these = delete(serial_number).where(_table.account == account, among(conn, _table.sn, sns), *never)
    return conn.execute(these.where(_table.craft_line_code.is_(None))).rowcount


def _mark(conn: Connection, account: str, asked_at: Mapping[str, datetime], values: dict[str, Any]) -> int:
    """One statement on PostgreSQL, which finds each time in a document: no staging, and no second version of a row."""
    if conn.dialect.name == "postgresql":
        times = literal(json_text(dict(asked_at)), Text)
        at = cast(cast(times, JSONB).op("->>")(_table.sn), TIMESTAMP(timezone=True))
        asked = {"last_asked_at": at, "first_asked_at": func.coalesce(_table.first_asked_at, at)}
        return conn.execute(_these(conn, account, asked_at.keys()).values({**asked, **values})).rowcount
    columns = ("account", "sn", "first_asked_at", "last_asked_at")
    rows = [(account, sn, at, at) for sn, at in asked_at.items()]
    marked = writer.update(conn, serial_number, columns, rows, fill=("first_asked_at",))
    return conn.execute(_these(conn, account, asked_at.keys()).values(values)).rowcount if values else marked


def mark_changed(conn: Connection, account: str, changes: Sequence[Change]) -> int:
    """The answer differed from the last one: store its fingerprint and state. Returns how many are registered."""
    columns = (
        "account",
        "sn",
        "order_code",
        "craft_line_code",
        "state",
        "unknown_times",
        "answer_hash",
        "first_asked_at",
        "last_asked_at",
        "last_changed_at",
    )
    rows = [
        (account, c.sn, c.order_code, c.craft_line_code, c.state, c.unknown_times, c.answer_hash, c.at, c.at, c.at)
        for c in changes
    ]
    keep = ("order_code", "craft_line_code")
    return writer.update(conn, serial_number, columns, rows, fill=("first_asked_at",), keep=keep)


def set_states(conn: Connection, account: str, states: Iterable[tuple[str, str]]) -> None:
    """Set only the state of these serial numbers."""
    stream = iter(states)
    while batch := list(islice(stream, _BATCH)):
        writer.update(conn, serial_number, ("account", "sn", "state"), [(account, *pair) for pair in batch])


def mark_replayed(conn: Connection, account: str, changes: Sequence[Change]) -> int:
    """A stored answer was read again: store the state, keep the times of asking. Returns how many are registered."""
    columns = ("account", "sn", "order_code", "craft_line_code", "state", "answer_hash")
    rows = [(account, c.sn, c.order_code, c.craft_line_code, c.state, c.answer_hash) for c in changes]
    return writer.update(conn, serial_number, columns, rows, keep=("order_code", "craft_line_code"))


def candidates(
    conn: Connection,
    account: str,
    sns: Collection[str] | None = None,
    orders: Collection[str] | None = None,
) -> Iterator[Candidate]:
    """Serial numbers in the order in which a budget is spent, streamed in little memory.

    Never asked ones by age in the registry, then open, unknown and finished ones, each longest not asked first.
    ``sns`` and ``orders`` (work orders) narrow them down.
    """
    mine = _table.account == account if orders is None else of_account(conn.dialect.name, _table.account, account)
    wanted = select(*[_table[name] for name in Candidate._fields]).where(mine)
    if sns is not None:
        wanted = wanted.where(among(conn, _table.sn, sns))
    if orders is not None:
        wanted = wanted.where(among(conn, _table.order_code, orders))
    return map(Candidate._make, conn.execute(_in_order(conn, wanted), execution_options=_STREAM))


def counts(conn: Connection, account: str) -> dict[str, int]:
    """Number of serial numbers by state."""
    wanted = select(_table.state, func.count()).where(_table.account == account).group_by(_table.state)
    return {state: int(count) for state, count in conn.execute(wanted)}


def is_empty(conn: Connection, account: str) -> bool:
    """Whether no serial number of the account is registered."""
    return conn.execute(select(1).select_from(serial_number).where(_table.account == account).limit(1)).scalar() is None


def oldest_open(conn: Connection, account: str) -> datetime | None:
    """When the open serial number that was asked longest ago was asked; None without open ones."""
    found: datetime | None = conn.execute(
        select(func.min(_table.last_asked_at, type_=_table.last_asked_at.type)).where(
            _table.account == account, _table.state == "open"
        )
    ).scalar()
    return found


def asked_after(conn: Connection, account: str, at: datetime) -> int:
    """Number of serial numbers whose last asking is stored as later than this."""
    wanted = select(func.count()).where(_table.account == account, _table.last_asked_at > at)
    return int(conn.execute(wanted).scalar_one())


def listing(
    conn: Connection,
    account: str,
    *,
    state: str | None = None,
    work_order: str | None = None,
    after: str = "",
    limit: int | None = None,
) -> Iterator[Listed]:
    """Registered serial numbers by name, streamed."""
    wanted = select(*[_table[name] for name in Listed._fields]).where(_table.account == account, _table.sn > after)
    if state is not None:
        wanted = wanted.where(_table.state == state)
    if work_order is not None:
        wanted = wanted.where(_table.order_code == work_order)
    rows = conn.execute(wanted.order_by(_table.sn).limit(limit), execution_options=_STREAM)
    return map(Listed._make, rows)


def _these(conn: Connection, account: str, sns: Collection[str]) -> Any:
    return update(serial_number).where(_table.account == account, among(conn, _table.sn, sns))


def _in_order(conn: Connection, wanted: Select[Any]) -> Select[Any]:
    place = case({"unknown": 2, "finished": 3}, value=_table.state, else_=1)  # a failed asking counts as open
    rank = case((_table.last_asked_at.is_(None), 0), else_=place)
    bytes_first = _table.sn.collate("C") if conn.dialect.name == "postgresql" else _table.sn
    return wanted.order_by(rank, func.coalesce(_table.last_asked_at, _table.added_at), bytes_first)
