"""Stores a batch of messages in one transaction; then it may be acknowledged.

A message that was stored before changes nothing. Facts have natural keys: a fact that arrives twice (published twice,
or by both families) is one row, and what a later message adds to it is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuyahouse.messages.formats.facts import Binding, CommandObservation, Presence
from tuyahouse.messages.reading import MessageReader
from tuyahouse.messages.sources.source import Received
from tuyahouse.sync.messages.gaps import gap_of_notice
from tuyahouse.sync.messages.rows import (
    BINDING,
    EVENT,
    OBSERVATION,
    PRESENCE,
    RAW,
    MessageRows,
    build_rows,
    unstorable,
)
from tuyahouse.times import utc_now
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.bulk.halves import land_in_halves
from tuyahouse.warehouse.bulk.writer import insert_columns, insert_new, upsert
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.errors import ValueRefused, WarehouseError
from tuyahouse.warehouse.ledgers import dead_letters, drift
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.messages import gaps, ledger
from tuyahouse.warehouse.warehouse import Warehouse

FIRST_SOURCE = ("message_id",)
"""Columns that keep the first message that reported a fact."""

LATE_AFTER = timedelta(days=1)
"""Days that were over for so long are not computed again by themselves: presence that arrives later marks them."""

_HAPPENED_AT = PRESENCE.index("happened_at")


@dataclass(slots=True)
class Landed:
    """Messages by outcome: ``received`` = stored + known; ``unknown`` and ``dead`` are among the stored."""

    received: int = 0
    stored: int = 0
    known: int = 0
    unknown: int = 0
    dead: int = 0

    def __add__(self, other: "Landed") -> "Landed":
        return Landed(
            self.received + other.received,
            self.stored + other.stored,
            self.known + other.known,
            self.unknown + other.unknown,
            self.dead + other.dead,
        )


class Landing:
    """Lands the messages that one source of one account delivers."""

    def __init__(
        self,
        warehouse: Warehouse,
        account: str,
        source: str,
        reader: MessageReader,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._warehouse = warehouse
        self._account = account
        self._source = source
        self._reader = reader
        self._now = now
        self._look_for_known = True

    def land(self, messages: Sequence[Received], *, reconnects: int = 0) -> Landed:
        """Store a batch in one transaction; after the return it may be acknowledged.

        If the database refuses a value, the batch is halved until the message that holds it is alone. That message
        becomes a dead letter.

        Raises:
            WarehouseError: the database is away or cannot be written; nothing was stored.
        """
        at = self._now()
        unnoted = [reconnects]  # recorded once, with the part that lands first

        def store(part: Sequence[Received], to_rows: Callable[[Sequence[Received]], MessageRows]) -> Landed:
            landed = self._store(part, to_rows, at, sum(unnoted))
            unnoted.clear()
            return landed

        def land(part: Sequence[Received], _later: Sequence[Received]) -> Landed:
            try:
                return store(part, lambda new: build_rows(self._account, new, self._reader, at))
            except WarehouseError:
                raise
            except Exception as error:
                raise ValueRefused(_first_line(error)) from error

        def refuse(message: Received, _later: Sequence[Received], problem: str) -> Landed:
            return store([message], lambda new: _refused(new, f"The database refuses it: {problem}"))

        return sum(land_in_halves(messages, land, refuse), Landed())

    def _store(
        self,
        messages: Sequence[Received],
        to_rows: Callable[[Sequence[Received]], MessageRows],
        at: datetime,
        reconnects: int,
    ) -> Landed:
        try:
            landed = self._transaction(messages, to_rows, at, reconnects)
        except _SomeAreKnown:
            self._look_for_known = True
            return self._store(messages, to_rows, at, reconnects)
        self._look_for_known = landed.known > 0
        return landed

    def _transaction(
        self,
        messages: Sequence[Received],
        to_rows: Callable[[Sequence[Received]], MessageRows],
        at: datetime,
        reconnects: int,
    ) -> Landed:
        """Raises _SomeAreKnown, having stored nothing, if the batch holds known messages that were not looked up."""
        by_id = {message.message_id: message for message in messages}
        with self._warehouse.begin() as conn:
            if self._look_for_known:
                for known_id in ledger.stored_ids(conn, self._account, by_id):
                    del by_id[known_id]
            rows = to_rows(list(by_id.values()))
            raw = dict(zip(RAW, zip(*rows.raw, strict=True), strict=True)) if rows.raw else {}
            of_all = {"account": self._account, "received_at": at}
            if raw and insert_columns(conn, tables.raw_message, raw, same=of_all) < len(by_id):
                raise _SomeAreKnown
            write_facts(conn, self._account, rows, at)
            published = [message.published_at for message in messages if message.published_at]
            ledger.advance(
                conn,
                self._account,
                self._source,
                min(published, default=at),
                now=at,
                last_message_at=max(published, default=at),
                messages=len(by_id),
                dead_letters=len(rows.dead),
                reconnects=reconnects,
            )
        return Landed(len(messages), len(by_id), len(messages) - len(by_id), rows.unknown, len(rows.dead))


class _SomeAreKnown(Exception):
    """A batch holds messages stored before. They are rare, so they are looked up only after one was found."""


def _refused(messages: Sequence[Received], problem: str) -> MessageRows:
    return unstorable(messages[0], problem) if messages else MessageRows()


def write_facts(conn: Connection, account: str, rows: MessageRows, at: datetime) -> None:
    """Write everything that messages become beside their raw rows, in the caller's transaction."""
    insert_new(conn, tables.device_event, EVENT, rows.events, same={"account": account})
    upsert(
        conn,
        tables.device_presence,
        PRESENCE,
        rows.presences,
        keep=Presence.__struct_fields__[3:],
        first=(*FIRST_SOURCE, "source"),
        same={"source": "message"},
    )
    late = {row[_HAPPENED_AT].date() for row in rows.presences if row[_HAPPENED_AT] < at - LATE_AFTER}
    marks.mark_presence(conn, account, late, f"messages {at.isoformat()}")
    upsert(conn, tables.device_binding, BINDING, rows.bindings, keep=Binding.__struct_fields__[3:], first=FIRST_SOURCE)
    upsert(
        conn,
        tables.command_observation,
        OBSERVATION,
        rows.observations,
        keep=CommandObservation.__struct_fields__[3:],
        first=(*FIRST_SOURCE, "observed_at"),
    )
    if rows.commands:
        records.add(conn, account, rows.commands, "message", at, None)
    unreadable = [DeadLetter("message", key, reason, "", problem, raw) for key, reason, problem, raw in rows.dead]
    dead_letters.record(conn, account, unreadable, at)
    for kind, fields in rows.drift.items():
        drift.record(conn, account, kind, fields, at)
    if rows.notices:
        until = ledger.read_until(conn, account)
        for noticed_at in rows.notices:
            gaps.record_gap(conn, account, gap_of_notice(noticed_at, until))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
