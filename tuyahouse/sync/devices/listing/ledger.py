"""Everything that is stored while the list of one project is read: marks, devices, counts, the chunk's outcome."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import chain
from typing import Any

from tuyahouse.cloud.calls.device_fields import Device
from tuyahouse.cloud.calls.device_list import DevicePage
from tuyahouse.cloud.errors import BudgetReached, TuyaError, UnusableAnswer
from tuyahouse.outcome import Outcome
from tuyahouse.sync.devices.listing.land import KIND, Landed, land
from tuyahouse.sync.devices.listing.rows import Reading
from tuyahouse.sync.devices.listing.sweep import Judgement, Standing, Sweep, SweepCount
from tuyahouse.sync.devices.masking import masked
from tuyahouse.warehouse.bulk.halves import land_in_halves
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.devices import lists, marks
from tuyahouse.warehouse.errors import ValueRefused
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

LIST_KEY = "list:"
"""Beginning of the key of a list chunk; the project follows."""

MOST_ODD_ROWS = 10_000
"""Rows of a list that cannot be used: with more, it is no list of devices, and reading ends."""


def project_of(key: str) -> str:
    """The project of a list's dead letter: its key is the project's id, possibly with a slash and a row's hash."""
    return key.partition("/")[0]


def settle(conn: Connection, account: str, settled: Callable[[str], bool], at: datetime) -> None:
    """Resolve the open dead letters of lists whose key is ``settled``."""
    keys = [key for key in dead_letters.open_keys(conn, account, KIND) if settled(key)]
    dead_letters.resolve(conn, account, KIND, keys, at)


@dataclass(slots=True)
class ListRead:
    """How the reading of a project's list ended."""

    judgement: Judgement
    swept_at: datetime
    first_page: int
    counts: list[SweepCount]

    @property
    def complete(self) -> bool:
        return self.judgement.standing is Standing.COMPLETE


@dataclass(slots=True)
class ListLedger:
    """One project's chunk of a run. ``calls`` in its methods are all calls of the client since it was opened."""

    warehouse: Warehouse
    run: runs.Run
    chunk: int
    project_id: str
    now: Callable[[], datetime]
    _written: Outcome = field(default_factory=Outcome)
    _unusable: dict[str, int] = field(default_factory=dict)
    """Keys of rows without a device id, and the last sweep that met each."""
    _refused: set[str] = field(default_factory=set)
    """Keys of rows that the database refused."""
    _unmarked: set[str] = field(default_factory=set)
    """Those of them whose id no table holds, not even that of the marks."""
    _elsewhere: int = 0
    _landings: int = 0
    empty_before: bool = False
    """Whether the run before this one found the list empty."""
    _first: bool = True
    """Whether the list was never read whole before."""

    def begin(self) -> lists.DeviceList | None:
        """Clear the marks of an earlier attempt; returns how the list was last read."""
        with landing(self.warehouse, self.run) as conn:
            marks.clear_marks(conn, self.run.account, self.project_id)
            before = lists.device_list(conn, self.run.account, self.project_id)
        self._first = not lists.read_whole(before)
        self.empty_before = before is not None and before.devices == 0 and before.tried_run != self.run.run_id
        return before

    def land(self, sweep: int, pages: Sequence[DevicePage], asked_at: datetime, calls: int) -> Landed:
        """Land some pages, asked from ``asked_at`` on; the chunk stays open, with what was written counted.

        A row without a device id, and a device that the database refuses, become dead letters; the others land.

        Raises:
            UnusableAnswer: there are more than :data:`MOST_ODD_ROWS` of these.
        """
        odd = self._note_unusable(sweep, chain.from_iterable([page.unusable for page in pages]))
        found = list(chain.from_iterable([page.devices for page in pages]))
        landed = land_in_halves(
            found,
            lambda part, _later: self._land(sweep, part, asked_at, calls),
            lambda device, _later, problem: self._refuse(sweep, device, problem),
        )
        if self._too_odd:
            raise UnusableAnswer(f"More than {MOST_ODD_ROWS:,} rows of the device list cannot be used")
        return sum(landed, odd)

    def _land(self, sweep: int, devices: Sequence[Device], asked_at: datetime, calls: int) -> Landed:
        at = self.now()
        self._landings += 1
        read = Reading(self.run.account, self.project_id, asked_at, self.run.run_id)
        block = f"{self.run.run_id}/{self.chunk:06d}/{at:%Y%m%d%H%M%S%f}-{self._landings:06d}"
        with landing(self.warehouse, self.run) as conn:
            landed = land(conn, read, sweep, devices, block, first=self._first and sweep == 1)
            self._finish(conn, Outcome(inserted=landed.inserted, updated=landed.updated), calls, at, left=True)
        self._elsewhere += landed.elsewhere
        return landed

    def _refuse(self, sweep: int, device: Device, problem: str) -> Landed:
        """Mark the device as met, so that an earlier row of it stays; one whose id cannot be held has no such row."""
        key = self._key_of(device.device_id.encode(errors="replace"))
        if key not in self._refused:
            self._refused.add(key)
            words = f"Device {device.device_id[:80]}: {problem}"
            self._record([DeadLetter(KIND, key, "not_storable", "", words, masked(device.raw))])
        mark = (device.device_id, device.digest, device.online)
        try:
            with landing(self.warehouse, self.run) as conn:
                fresh, _ = marks.mark(conn, self.run.account, self.project_id, sweep, [mark])
        except ValueRefused:
            fresh = int(key not in self._unmarked)
            self._unmarked.add(key)
        return Landed(1, fresh)

    def count(self, sweep: Sweep, number: int, swept_at: datetime) -> tuple[SweepCount, int]:
        """The counts of a sweep, and how many devices of the project neither it nor an earlier one found."""
        with self.warehouse.read() as conn:
            marked = marks.count_marks(conn, self.run.account, self.project_id, number)
            gone = marks.count_unmarked(conn, self.run.account, self.project_id, swept_at)
        bad = len(self._unusable) + len(self._unmarked)
        count = SweepCount(
            devices=marked.devices + bad,
            repeated=sweep.rows - marked.devices - bad,
            totals=tuple(sweep.totals),
            new=marked.new,
            changed=marked.changed,
            missing=marked.missing,
            known=marked.known + bad,
            new_to_all=marked.new_to_all,
        )
        return count, gone

    def end(self, read: ListRead, spelling: str, calls: int) -> None:
        """Record how the list was read, and end the chunk if it is complete."""
        newest, at, account = read.counts[-1], self.now(), self.run.account
        columns: dict[str, Any] = {
            "spelling": spelling,
            "total": newest.total,
            "devices": newest.known,
            "note": self._note(read),
            "tried_run": self.run.run_id,
        }
        if read.complete:
            columns |= {"swept_at": read.swept_at, "swept_run": self.run.run_id, "first_page": read.first_page}
        with landing(self.warehouse, self.run) as conn:
            lists.store_list(conn, account, self.project_id, read.swept_at, **columns)
            if read.complete:
                # A complete list settles the dead letters of the project, and those of rows that are no longer on it.
                still = self._refused.union(self._unusable)
                settle(conn, account, lambda key: project_of(key) == self.project_id and key not in still, at)
            else:
                note = DeadLetter(KIND, self.project_id, "list_incomplete", "", read.judgement.note)
                dead_letters.record(conn, account, [note], at)
            self._finish(conn, self._ended(newest) if read.complete else Outcome(), calls, at, left=not read.complete)

    def cut_short(self, started: datetime, error: TuyaError, refused: bool, calls: int) -> None:
        """Record a list that was cut short.

        A ``refused`` project becomes a dead letter and is read again when the run continues; after any other error the
        project stays in the chunk. A used-up budget is not an error of the list: it makes no dead letter.
        """
        at = self.now()
        raw = masked(error.raw) if error.raw else None
        letter = DeadLetter(
            KIND, self.project_id, "item_error" if refused else "list_cut_short", error.code, str(error), raw
        )
        with landing(self.warehouse, self.run) as conn:
            columns = {"note": str(error), "tried_run": self.run.run_id}
            lists.store_list(conn, self.run.account, self.project_id, started, **columns)
            if not isinstance(error, BudgetReached):
                dead_letters.record(conn, self.run.account, [letter], at)
            self._finish(conn, Outcome(asked=int(refused), failed=int(refused)), calls, at, left=not refused)

    def _finish(self, conn: Connection, outcome: Outcome, calls: int, at: datetime, *, left: bool) -> None:
        outcome.calls = calls - self._written.calls
        key = [LIST_KEY + self.project_id]
        refused = key if outcome.failed else []
        run_chunks.finish_chunk(conn, self.run.run_id, self.chunk, outcome, key if left else [], at, refused)
        self._written += outcome

    def _ended(self, newest: SweepCount) -> Outcome:
        written = self._written.inserted + self._written.updated
        there = int(newest.known > 0)
        return Outcome(asked=1, answered=there, empty=1 - there, unchanged=max(0, newest.devices - written))

    def _note_unusable(self, sweep: int, rows: Iterable[bytes]) -> Landed:
        """Record those that are met for the first time; ``fresh`` are those that this sweep had not met."""
        new, noted = list[DeadLetter](), Landed()
        for raw in rows:
            key = self._key_of(raw)
            noted.rows += 1
            if key not in self._unusable:
                why = "A row of the device list has no device_id."
                new.append(DeadLetter(KIND, key, "unusable_answer", "", why, masked(raw)))
            if self._unusable.get(key) != sweep:
                noted.fresh += 1
                self._unusable[key] = sweep
            if self._too_odd:
                break
        self._record(new)
        return noted

    @property
    def _too_odd(self) -> bool:
        return len(self._unusable) + len(self._refused) > MOST_ODD_ROWS

    def _record(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            with landing(self.warehouse, self.run) as conn:
                dead_letters.record(conn, self.run.account, letters, self.now())

    def _key_of(self, row: bytes) -> str:
        return f"{self.project_id}/{blake2b(row, digest_size=8).hexdigest()}"

    def _note(self, read: ListRead) -> str | None:
        notes = [read.judgement.note]
        if self._unusable:
            notes.append(f"{len(self._unusable)} rows have no device_id: see the dead letters")
        if self._refused:
            notes.append(f"{len(self._refused)} devices cannot be stored: see the dead letters")
        if self._elsewhere:
            notes.append(f"{self._elsewhere} rows are devices that are listed in another project too and stay there")
        return "; ".join(filter(None, notes)) or None
