"""The rows below a header: finds repeated headers and judges all other rows."""

from collections.abc import Sequence
from typing import Any

from tuyahouse.sync.intake.columns import Columns, Headings, find_columns, plain_name, refuse_rivals
from tuyahouse.sync.intake.rows import Entry, Note, Refusal, entry, shown


class Table:
    """The rows of one table; ``headers`` counts those that repeat its header."""

    def __init__(self, headings: Headings, columns: Columns, header: Sequence[Any]) -> None:
        self._headings = headings
        self.columns = columns
        self.header = header
        self.headers = 0
        self._name = plain_name(header[columns.key]) if columns.named else ""

    def is_header(self, place: str, cells: Sequence[Any]) -> bool:
        """Whether a row repeats the header, as in concatenated files; its columns hold from then on.

        Raises:
            SourceError: it does, and several of its columns could hold the same thing.
        """
        first = cell(cells, self.columns.key)
        if not self._looks_like_heading(first):
            return False
        if not any(map(self._headings.is_heading, cells)):
            return False
        if _names(cells) == _names(self.header):
            self.headers += 1
            return True
        columns = find_columns([cells], self._headings)
        if columns is None or not columns.named:
            return False
        refuse_rivals(columns, f"The header in {place}", self._headings)
        self.columns, self.header, self._name = columns, cells, plain_name(cells[columns.key])
        self.headers += 1
        return True

    def _looks_like_heading(self, first: Any) -> bool:
        if not isinstance(first, str):
            return first is None
        return not any(map(str.isdigit, first)) or plain_name(first) == self._name

    def judge(self, place: str, cells: Sequence[Any], *, exact_integers: bool = True) -> Entry:
        """Judge a row by the cells of the key and its companion."""
        beside = None if self.columns.companion is None else cell(cells, self.columns.companion)
        first = cell(cells, self.columns.key)
        more = [(name, self._further(name, cell(cells, position))) for name, position in self.columns.more]
        for value in (first, beside, *(value for _, value in more)):
            if isinstance(value, Unreadable):
                return Refusal(place, shown(value.text), value.reason)
        return entry(place, first, beside, exact_integers=exact_integers, more=more)

    def _further(self, name: str, value: Any) -> Any:
        """The cell of a further column; of a column of times, a date as text."""
        return value.text if isinstance(value, DateCell) and name in self._headings.times else value

    def notes(self, what: str) -> list[Note]:
        """What a reader should know of the table."""
        if not self.headers:
            return []
        rows = "row that repeats" if self.headers == 1 else "rows that repeat"
        return [Note(f"{what}: {self.headers:,} {rows} the header.")]


class Unreadable:
    """A cell whose value is not what the sheet shows, and why."""

    def __init__(self, text: str, reason: str) -> None:
        self.text, self.reason = text, reason


def _names(cells: Sequence[Any]) -> list[str]:
    names = [plain_name(each) for each in cells]
    while names and not names[-1]:
        names.pop()
    return names


class DateCell(Unreadable):
    """A cell that shows a date or time; ``text`` is that in ISO 8601."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "it is a date, neither text nor a whole number")


def cell(cells: Sequence[Any], position: int) -> Any:
    return cells[position] if position < len(cells) else None
