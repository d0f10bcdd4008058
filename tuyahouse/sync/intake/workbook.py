"""Keys of Excel workbooks: all visible sheets that have the column, with cells as they are shown."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tuyahouse.sync.intake.columns import HEADER_WITHIN, Headings, find_columns, require_columns
from tuyahouse.sync.intake.rows import Blank, Item, Note, SourceError
from tuyahouse.sync.intake.table import Table
from tuyahouse.sync.intake.xlsx import Merge, Sheet, Workbook


def read_workbook(file: Path, headings: Headings, *, sheet: str | None = None) -> Iterator[Item]:
    """The keys of all visible sheets that have the column, or of the one that is named.

    Raises:
        SourceError: it is not such a workbook, the sheet does not exist, no visible sheet has the column, or one has
            several that could be it.
    """
    with zipfile.ZipFile(file) as archive, _in_words(file.name):
        book = Workbook(archive, file.name)
        wanted = _wanted(book.sheets, file.name, sheet, headings)
        tops = {each.name: list(islice(book.rows(each), HEADER_WITHIN)) for each in wanted}
        found = [each for each in wanted if find_columns([cells for _, cells in tops[each.name]], headings)]
        if not found:
            filled = next((top for top in tops.values() if any(any(cells) for _, cells in top)), [])
            require_columns([cells for _, cells in filled], _named(file.name, book.sheets, sheet), headings)
        for each in found:  # before the first row of any sheet is registered
            require_columns([cells for _, cells in tops[each.name]], f"Sheet {each.name} of {file.name}", headings)
        for each in found:
            yield from _sheet(book, each, headings, len(book.sheets) > 1)
        yield from _notes(book.sheets, wanted, found, tops, sheet, headings)


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError) as error:
        raise SourceError(f"{what} is a damaged workbook ({error}). Open it, save it as .xlsx or CSV.") from error


def _wanted(sheets: list[Sheet], what: str, name: str | None, headings: Headings) -> list[Sheet]:
    if name is None:
        if visible := [each for each in sheets if each.visible]:
            return visible
        remedy = "--sheet reads a hidden one" if headings.by_option else "Unhide the one to be read"
        raise SourceError(f"{what} has no visible sheet. {remedy}: {_names(sheets)}.")
    if named := [each for each in sheets if each.name.strip().casefold() == name.strip().casefold()]:
        return named
    raise SourceError(f"{what} has no sheet {name}. Its sheets are: {_names(sheets)}.")


def _names(sheets: list[Sheet]) -> str:
    return ", ".join(each.name if each.visible else f"{each.name} (hidden)" for each in sheets)


def _named(what: str, sheets: list[Sheet], name: str | None) -> str:
    if name:
        return f"Sheet {name} of {what}"
    hidden = [each for each in sheets if not each.visible]
    return f"{what} (beside hidden sheets: {_names(hidden)})" if hidden else what


def _notes(
    sheets: list[Sheet],
    wanted: list[Sheet],
    found: list[Sheet],
    tops: dict[str, Any],
    named: str | None,
    headings: Headings,
) -> Iterator[Note]:
    if named is not None:
        return
    for each in sheets:
        if not each.visible:
            remedy = "--sheet reads it" if headings.by_option else "unhide it if it is to be"
            yield Note(f"Sheet {each.name} is hidden and was not read; {remedy}.")
        elif each in wanted and each not in found and any(any(cells) for _, cells in tops[each.name]):
            yield Note(f"Sheet {each.name} has no such column and was not read.")


def _sheet(book: Workbook, sheet: Sheet, headings: Headings, several: bool) -> Iterator[Item]:
    prefix = f"sheet {sheet.name} row" if several else "row"
    rows = book.rows(sheet)
    top = list(islice(rows, HEADER_WITHIN))
    columns = require_columns([cells for _, cells in top], sheet.name, headings)
    table = Table(headings, columns, top[columns.skip - 1][1] if columns.named else [])
    merged = _Merged(book.merges(sheet))
    for number, cells in top[: columns.skip]:
        merged.fill(number, cells)
    last = top[columns.skip - 1][0] if columns.skip else 0
    for number, cells in chain(top[columns.skip :], rows):
        yield from (Blank(f"{prefix} {gap}") for gap in range(last + 1, number))
        last = number
        merged.fill(number, cells)
        if not table.is_header(f"{prefix} {number}", cells):
            yield table.judge(f"{prefix} {number}", cells, exact_integers=False)
    yield from table.notes(f"Sheet {sheet.name}")


class _Merged:
    """Merged cells hold for all their rows and columns; few are open at once."""

    def __init__(self, merges: list[Merge]) -> None:
        self._coming = iter(sorted(merges))
        self._next = next(self._coming, None)
        self._open: list[tuple[int, int, int, Any]] = []

    def fill(self, number: int, cells: list[Any]) -> None:
        """Fill the cells of a row that belong to a merged one; rows come in order."""
        while self._open and self._open[0][0] < number:
            heappop(self._open)
        for _, left, right, value in self._open:
            _put(cells, left, right, value)
        while self._next and self._next[0] <= number:
            top, left, bottom, right = self._next
            if top == number:
                value = cells[left] if left < len(cells) else None
                _put(cells, left, right, value)
                heappush(self._open, (bottom, left, right, value))
            self._next = next(self._coming, None)


def _put(cells: list[Any], left: int, right: int, value: Any) -> None:
    right = min(right, left + 1000)
    cells.extend([None] * (right + 1 - len(cells)))
    cells[left : right + 1] = [value] * (right + 1 - left)
