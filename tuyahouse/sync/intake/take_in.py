"""Stores the rows of a source, batch by batch; nothing is dropped without a count or a dead letter."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from tuyahouse.outcome import Outcome
from tuyahouse.sync.intake.rows import Blank, Entry, Item, Note, Refusal, Row, SourceError, shown
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk.halves import write_in_halves
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.key_set import KeySet
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.warehouse import Warehouse

BATCH = 5_000
"""Rows that are read, registered and committed together."""


REFUSALS_SHOWN = 100

CHANGES_SHOWN = 5


@dataclass(slots=True)
class IntakeOutcome:
    """What became of the rows of a source: ``read = added + known + duplicates + blank + refused_count``.

    ``known`` were registered before, ``duplicates`` came more than once in this source. ``normalised`` of the usable
    ones held other than plain characters; ``changes`` has the first of them. ``notes`` are other findings. ``refused``
    holds the first hundred refusals; all of them are dead letters.
    """

    read: int = 0
    added: int = 0
    known: int = 0
    duplicates: int = 0
    blank: int = 0
    refused_count: int = 0
    refused: list[Refusal] = field(default_factory=list)
    normalised: int = 0
    changes: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        return self.read == self.added + self.known + self.duplicates + self.blank + self.refused_count

    def as_run(self) -> Outcome:
        """The counts as those of a run: rows are answered (usable), empty (blank) or rejected (refused)."""
        return Outcome(
            asked=self.read,
            answered=self.added + self.known + self.duplicates,
            empty=self.blank,
            rejected=self.refused_count,
            inserted=self.added,
            unchanged=self.known + self.duplicates,
        )


Add = Callable[[Any, list[Row], datetime], int]
"""Writes usable rows in the caller's transaction at that time; returns how many of them are new."""


def take_in(
    warehouse: Warehouse,
    account: str,
    rows: Iterable[Item],
    source: str,
    kind: str,
    add: Add,
    *,
    now: Callable[[], datetime] = utc_now,
    on_rows: Callable[[int], object] = lambda count: None,
) -> IntakeOutcome:
    """Store the rows of a source, batch by batch, each key once.

    Refused rows become dead letters of that kind. Those of an earlier reading of the same source are resolved if it was
    read to its end and they did not come again. Reading a source twice is harmless.

    Raises:
        SourceError: the source broke off; the text says how much of it is registered.
    """
    outcome, began = IntakeOutcome(), now()
    stream = _entries(rows, outcome)
    with KeySet() as known_keys:
        while batch := _next(stream, outcome):
            with warehouse.begin() as conn:
                at = now()
                counted = _land(batch, known_keys, _Adding(warehouse, conn, add, at))
                dead_letters.record(conn, account, [_letter(kind, source, one) for one in counted.refused], at)
            _count(outcome, counted)
            on_rows(counted.read)
    with warehouse.begin() as conn:
        _resolve(conn, account, kind, source, began, now())
    return outcome


def _entries(items: Iterable[Item], outcome: IntakeOutcome) -> Iterator[Entry]:
    """The rows; everything else goes into the outcome."""
    for item in items:
        if isinstance(item, Note):
            outcome.notes += [item.text] * (len(outcome.notes) < REFUSALS_SHOWN)
            continue
        if isinstance(item, Row) and item.was is not None:
            outcome.normalised += 1
            outcome.changes += [item] * (len(outcome.changes) < CHANGES_SHOWN)
        yield item


def _next(stream: Iterator[Entry], outcome: IntakeOutcome) -> list[Entry]:
    try:
        return list(islice(stream, BATCH))
    except SourceError as error:
        if not outcome.read:
            raise
        raise SourceError(
            f"{error} {outcome.read:,} rows before that are registered; read it again once it is fixed."
        ) from error


@dataclass(slots=True)
class _Adding:
    """Adds rows in a transaction under way; ``refused`` holds those that the database refused."""

    warehouse: Warehouse
    conn: Connection
    add: Add
    at: datetime
    refused: list[Refusal] = field(default_factory=list)

    def __call__(self, rows: list[Row]) -> int:
        return sum(write_in_halves(self.warehouse, self.conn, rows, self._add, self._refuse))

    def _add(self, rows: Sequence[Row]) -> int:
        return self.add(self.conn, list(rows), self.at)

    def _refuse(self, row: Row, problem: str) -> int:
        self.refused.append(Refusal(row.place, shown(row.key), problem.rstrip(".")))
        return 0


def _land(batch: list[Entry], known_keys: KeySet, adding: _Adding) -> IntakeOutcome:
    good = [one for one in batch if isinstance(one, Row)]
    first = _first_of_each(good, known_keys)
    added = adding(first)
    refused = [one for one in batch if isinstance(one, Refusal)] + adding.refused
    return IntakeOutcome(
        read=len(batch),
        added=added,
        known=len(first) - added - len(adding.refused),
        duplicates=len(good) - len(first),
        blank=sum(isinstance(one, Blank) for one in batch),
        refused_count=len(refused),
        refused=refused,
    )


def _first_of_each(rows: list[Row], known_keys: KeySet) -> list[Row]:
    by_key: dict[str, Row] = {}
    for row in rows:
        by_key.setdefault(row.key, row)
    fresh = known_keys.add(list(by_key))
    return [row for key, row in by_key.items() if key in fresh]


def _letter(kind: str, source: str, refusal: Refusal) -> DeadLetter:
    message = f"{source}, {refusal.place}: {refusal.value!r} was refused, because {refusal.reason}."
    return DeadLetter(kind, f"{source} {refusal.place}", "refused_row", "", message, refusal.value.encode())


def _count(outcome: IntakeOutcome, batch: IntakeOutcome) -> None:
    for name in ("read", "added", "known", "duplicates", "blank", "refused_count"):
        setattr(outcome, name, getattr(outcome, name) + getattr(batch, name))
    outcome.refused += batch.refused[: REFUSALS_SHOWN - len(outcome.refused)]


def _resolve(conn: Connection, account: str, kind: str, source: str, began: datetime, at: datetime) -> None:
    """Resolve what an earlier reading of the source refused and this one did not."""
    before = dead_letters.open_keys(conn, account, kind, seen_before=began)
    gone = (key for key in before if key.startswith(f"{source} "))
    while keys := list(islice(gone, BATCH)):
        dead_letters.resolve(conn, account, kind, keys, at)
