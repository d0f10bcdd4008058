"""How a device list is read although Tuya promises little about it. Values in, values out; asks and stores nothing.

Tuya documents no first page, no largest page and no order, and rows can shift while pages are read (docs/tuya.md,
"Industry devices"). So one :class:`Sweep` reads pages until the list has ended, whatever ``total`` says, and
:func:`judge` decides from the counts of all sweeps whether the list is known, must be swept again, or cannot be known
today.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MOST_SWEEPS = 6
MOST_PAGES = 1_000_000
MOST_BARREN = 3
"""Landings in a row, of some thousand rows each, without a new device: the server answers the same devices for ever."""


@dataclass(slots=True)
class Sweep:
    """One reading of a list, page by page.

    ``wanted`` names the pages to ask next; ``take`` hands in what each held, in that order. It ends with an empty page,
    a page equal to the one before (a server that answers its last page for ever), or a page shorter than others once
    ``total`` rows were received. ``first_page`` is 1, or 0 if a sweep from 1 came out short. An empty page 0 ends
    nothing; one that mostly repeats page 1 is page 1 in place of a page that does not exist, and is not counted.
    """

    first_page: int = 1
    totals: list[int] = field(default_factory=list)
    pages: int = 0
    rows: int = 0
    longest_page: int = 0
    ended: bool = False
    has_page_0: bool = False
    _last_page: tuple[str, ...] = ()
    _barren: int = 0

    def wanted(self, at_most: int) -> list[int]:
        """The pages to ask next, several at once only if the total says that they exist; none at the end."""
        if self.ended:
            return []
        missing = (self.totals[-1] - self.rows) if self.totals else 0
        certain = -(-missing // self.longest_page) if self.longest_page and missing > 0 else 1
        page = self.first_page + self.pages
        return list(range(page, page + max(1, min(certain, at_most))))

    def take(self, ids: Sequence[str], total: int | None) -> None:
        """Hand in the next wanted page: the id of each row, and the total sent with it."""
        if self.ended:
            return
        page = tuple(ids)
        self._note(len(page), total)
        if self.first_page == 0 and self.pages == 2:
            self._recognise_page_0(page)
        if not self._among_the_first():
            self.ended = (
                not page or page == self._last_page or self._short_of_others(len(page)) or self.pages >= MOST_PAGES
            )
        self._last_page = page

    def note_landed(self, *, new: bool) -> None:
        """Say whether the newest pages, landed together, held any device that this sweep had not found before.

        Nothing new ends the sweep once ``total`` rows were received; if the total keeps growing, after
        :data:`MOST_BARREN` such landings in a row.
        """
        self._barren = 0 if new else self._barren + 1
        if self._barren and (self.reached_total or self._barren >= MOST_BARREN):
            self.ended = True

    @property
    def reached_total(self) -> bool:
        return bool(self.totals) and self.rows >= self.totals[-1]

    def _note(self, rows: int, total: int | None) -> None:
        self.pages += 1
        self.rows += rows
        self.longest_page = max(self.longest_page, rows)
        if total is not None and total not in self.totals[-1:]:
            self.totals.append(total)

    def _recognise_page_0(self, page_1: Sequence[str]) -> None:
        page_0 = self._last_page
        self.has_page_0 = len(set(page_0) & set(page_1)) * 2 < len(page_0)
        if not self.has_page_0:
            self.rows -= len(page_0)

    def _among_the_first(self) -> bool:
        """Whether this is page 0, or the page 1 that may repeat it."""
        return self.first_page == 0 and self.pages <= 2

    def _short_of_others(self, rows: int) -> bool:
        """Whether this is the last page: shorter than another one, and everything announced was received."""
        return rows < self.longest_page and self.reached_total


@dataclass(frozen=True, slots=True)
class SweepCount:
    """Counts of one sweep. ``devices`` are different ones (and items without an id), ``repeated`` the other rows.

    ``new``, ``changed`` and ``missing`` compare with the previous sweep; ``known`` are the devices of all sweeps so
    far, ``new_to_all`` those that no earlier sweep had found.
    """

    devices: int
    repeated: int
    totals: tuple[int, ...]
    new: int = 0
    changed: int = 0
    missing: int = 0
    known: int = 0
    new_to_all: int = 0

    @property
    def total(self) -> int | None:
        return self.totals[-1] if self.totals else None

    @property
    def steady(self) -> bool:
        """Whether nothing moved while it was read: one total on all pages, as many devices, none twice."""
        return len(self.totals) == 1 and self.devices == self.totals[0] and not self.repeated

    @property
    def short(self) -> bool:
        return self.total is not None and self.devices < self.total


class Standing(StrEnum):
    COMPLETE = "complete"
    AGAIN = "again"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Judgement:
    standing: Standing
    note: str = ""


def judge(sweeps: Sequence[SweepCount], gone: int) -> Judgement:
    """Whether a project's list is known after these sweeps.

    A steady first sweep that misses no device of the warehouse (``gone`` is 0) suffices: it declares none vanished.
    Everything else needs two sweeps in a row that agree on devices and facts. If the order changes faster than pages
    are read, sweeps with one unchanging total suffice that together found exactly that many devices, the newest nothing
    new.
    """
    newest = sweeps[-1]
    if len(sweeps) == 1:
        return Judgement(Standing.COMPLETE if newest.steady and not gone else Standing.AGAIN)
    if not (newest.new or newest.changed or newest.missing):
        return _agreed(newest)
    if _covered(sweeps):
        return Judgement(Standing.COMPLETE, "rows kept moving between pages; all sweeps together found every device")
    if len(sweeps) < MOST_SWEEPS:
        return Judgement(Standing.AGAIN)
    return Judgement(
        Standing.INCOMPLETE, f"{len(sweeps)} sweeps did not agree: the list changes faster than it can be read"
    )


def doubt(judgement: Judgement, newest: SweepCount, gone: int, *, empty_before: bool) -> Judgement:
    """The judgement, except that a suddenly empty list is not believed until another run finds it empty too.

    ``gone`` is how many devices of the project the warehouse holds and the list does not: all of them would vanish.
    """
    if judgement.standing is not Standing.COMPLETE or newest.known or not gone or empty_before:
        return judgement
    return Judgement(
        Standing.INCOMPLETE,
        f"Tuya lists no device, but {gone} are stored; they are declared vanished if the next run finds none either",
    )


def _agreed(newest: SweepCount) -> Judgement:
    if newest.short:
        note = f"Tuya says there are {newest.total} devices, but two sweeps found the same {newest.devices}"
        return Judgement(Standing.INCOMPLETE, note)
    if newest.total is not None and newest.devices > newest.total:
        return Judgement(
            Standing.COMPLETE, f"Tuya says there are {newest.total} devices, but there are {newest.devices}"
        )
    return Judgement(Standing.COMPLETE)


def _covered(sweeps: Sequence[SweepCount]) -> bool:
    totals = {total for sweep in sweeps for total in sweep.totals}
    return totals == {sweeps[-1].known} and not sweeps[-1].new_to_all and not sweeps[-1].changed
