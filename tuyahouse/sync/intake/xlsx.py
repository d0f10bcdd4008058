"""The parts of an .xlsx file that a table needs, row by row.

When openpyxl streams, it reads values only: it drops merged cells, cannot distinguish a formula without a stored value
from an empty cell, and fails on the strict form of the format and on styles that a table does not need.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import IO, Any
from xml.etree.ElementTree import Element, iterparse

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel
from openpyxl.utils.escape import unescape

from tuyahouse.sync.intake.number_format import shown_number
from tuyahouse.sync.intake.rows import EXACT_BELOW, SourceError
from tuyahouse.sync.intake.table import DateCell, Unreadable

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column of a merged cell; rows from 1, columns from 0."""

_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*["\']([A-Z]+)(\d+):([A-Z]+)(\d+)["\']')
_BLOCK = 1 << 20
LARGEST_STRINGS = 200_000_000
"""Bytes of the texts that all sheets of a workbook share, in memory: those of some three million serial numbers."""
_TEXT_TAKES = 50
"""Bytes of an object of Python's beside its characters."""
LARGEST_ELEMENT = 16_000_000
"""Bytes of a row of a sheet, or of whatever else is read as a whole."""
_TAIL = 200


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, its part of the file and whether a reader of the workbook sees it."""

    name: str
    part: str
    visible: bool


class Workbook:
    """A workbook as sheets of rows.

    Raises:
        SourceError: the file is another kind of archive; says what to do.
    """

    def __init__(self, archive: zipfile.ZipFile, what: str) -> None:
        self._archive, self._what = archive, what
        try:
            root = self._of_type("_rels/.rels", "officeDocument")[0]
            links = f"{posixpath.dirname(root)}/_rels/{posixpath.basename(root)}.rels".lstrip("/")
            self.sheets = self._sheets(root, links)
        except (KeyError, IndexError) as error:
            raise self._refusal() from error
        self._strings = list(
            self._bounded(chain.from_iterable(map(self._texts, self._of_type(links, "sharedStrings"))))
        )
        self._formats = [code for part in self._of_type(links, "styles") for code in self._number_formats(part)]

    def _refusal(self) -> SourceError:
        names = set(self._archive.namelist())
        kind = "a binary workbook (.xlsb)" if "xl/workbook.bin" in names else "not an Excel workbook that can be read"
        if "content.xml" in names:
            kind = "an OpenDocument file"
        return SourceError(f"{self._what} is {kind}. Save it as .xlsx or CSV.")

    def _of_type(self, links: str, kind: str) -> list[str]:
        return [target for type_, target in self._links(links).values() if type_.endswith("/" + kind)]

    def _links(self, links: str) -> dict[str, tuple[str, str]]:
        base = posixpath.dirname(posixpath.dirname(links))
        return {
            each.get("Id", ""): (
                each.get("Type", ""),
                posixpath.normpath(posixpath.join("/", base, each.get("Target", ""))).lstrip("/"),
            )
            for each in self._elements(links, "Relationship")
        }

    def _elements(self, part: str, *names: str) -> Iterator[Element]:
        """The elements of these names, each whole, in the order in which they end; memory stays flat."""
        with self._archive.open(part) as stream:
            yield from elements(stream, names)

    def _sheets(self, root: str, links: str) -> list[Sheet]:
        targets = self._links(links)
        found, stale, self._since_1904 = [], False, False
        for each in self._elements(root, "sheet", "calcPr", "workbookPr"):
            if _name(each) == "workbookPr":
                self._since_1904 = each.get("date1904") in ("1", "true")
                continue
            if _name(each) == "calcPr":
                stale = each.get("fullCalcOnLoad") in ("1", "true")
                continue
            identity = next((value for key, value in each.attrib.items() if key.endswith("}id")), "")
            type_, part = targets.get(identity, ("", ""))
            if type_.endswith("/worksheet"):
                found.append(Sheet(each.get("name", ""), part, each.get("state", "visible") == "visible"))
        self._stale = stale
        if root.endswith(".bin") or not found:
            raise KeyError(root)
        return found

    def _bounded(self, texts: Iterator[str]) -> Iterator[str]:
        size = 0
        for text in texts:
            size += len(text) + _TEXT_TAKES
            if size > LARGEST_STRINGS:
                raise SourceError(f"The texts of {self._what} do not fit into memory. Save it as CSV.")
            yield text

    def _texts(self, part: str) -> Iterator[str]:
        return (_text(each) for each in self._elements(part, "si"))

    def _number_formats(self, part: str) -> Iterator[str]:
        own: dict[int, str] = dict(BUILTIN_FORMATS)
        for each in self._elements(part, "numFmt", "cellXfs"):
            if _name(each) == "numFmt":
                own[int(each.get("numFmtId", 0))] = each.get("formatCode", "")
            else:
                yield from (own.get(int(style.get("numFmtId", 0)), "General") for style in each)

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, list[Any]]]:
        """The rows of a sheet that are stored, with their numbers from 1."""
        number = 0
        for row in self._elements(sheet.part, "row"):
            number = int(row.get("r") or number + 1)
            cells: list[Any] = []
            for each in row:
                if _name(each) == "c":
                    cells.extend([None] * (_column(each.get("r", "")) - len(cells)))
                    cells.append(self._value(each))
            yield number, cells

    def merges(self, sheet: Sheet) -> list[Merge]:
        """The merged cells of a sheet; a file has them after its rows."""
        found: set[Merge] = set()
        with self._archive.open(sheet.part) as stream:
            tail = b""
            while block := stream.read(_BLOCK):
                for match in _MERGE.finditer(tail + block):
                    left, top, right, bottom = match.groups()
                    found.add((int(top), _index(left.decode()), int(bottom), _index(right.decode())))
                tail = (tail + block)[-_TAIL:]
        return list(found)

    def _value(self, cell: Element) -> Any:
        kind, parts = cell.get("t", "n"), {_name(each): each for each in cell}
        if "is" in parts:
            return _text(parts["is"])
        stored = parts["v"].text if "v" in parts else None
        if "f" in parts and (stored is None and not (kind == "str" and "v" in parts)):
            return Unreadable(
                "=" + (parts["f"].text or ""), "it is a formula without a stored value; open it and save it"
            )
        if stored is None or kind == "inlineStr":
            return stored
        if kind == "s":
            return self._strings[int(stored)] if int(stored) < len(self._strings) else None
        if kind == "b":
            return stored == "1"
        if kind == "d":
            return DateCell(stored)
        if kind in ("str", "e"):
            return unescape(stored)
        if "f" in parts and self._stale and float(stored) == 0:
            return Unreadable(
                "=" + (parts["f"].text or ""), "it is a formula that was never calculated; open it and save it"
            )
        return self._number(stored, int(cell.get("s", 0)))

    def _date_text(self, serial: float) -> str:
        """The date that a sheet shows for a number; a date alone where its time is midnight."""
        try:
            shown = from_excel(serial, MAC_EPOCH if self._since_1904 else WINDOWS_EPOCH)
        except (OverflowError, ValueError):
            return str(serial)
        text = shown.isoformat(" ", "seconds") if isinstance(shown, datetime) else shown.isoformat()
        return text.removesuffix(" 00:00:00")

    def _number(self, stored: str, style: int) -> Any:
        value = int(stored) if stored.isdigit() else float(stored)
        code = self._formats[style] if style < len(self._formats) else "General"
        if is_date_format(code):
            return DateCell(self._date_text(value))
        if not 0 <= value < EXACT_BELOW or value != int(value):
            return value
        shown = shown_number(int(value), code)
        if shown is None:
            return Unreadable(
                stored, f"the sheet shows it otherwise, by the number format {code}; make the column text"
            )
        return int(value) if shown == str(int(value)) else shown


def elements(stream: IO[bytes], names: tuple[str, ...]) -> Iterator[Element]:
    """The elements of these names in a stream of XML; elements that were read are dropped."""
    path: list[Element] = []
    bounded = _Bounded(stream)
    for event, element in iterparse(bounded, events=("start", "end")):
        if event == "start":
            path.append(element)
            continue
        path.pop()
        if _name(element) in names:
            yield element
            bounded.since = 0
        if not any(_name(above) in names for above in path):
            element.clear()
            if path:
                path[-1].remove(element)


class _Bounded:
    """A stream that ends in words where an element does not end: XML that unpacks to gigabytes is no table."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.since = 0
        """Bytes since the last element that was read as a whole."""

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        self.since += len(block)
        if self.since > LARGEST_ELEMENT:
            raise SourceError(f"A row has more than {LARGEST_ELEMENT:,} bytes: this is not a table.")
        return block


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element) -> str:
    """The text of a string, its runs joined, phonetic hints left out."""
    parts = []
    for each in element:
        if _name(each) == "t":
            parts.append(each.text or "")
        elif _name(each) == "r":
            parts += [t.text or "" for t in each if _name(t) == "t"]
    return str(unescape("".join(parts)))


def _column(place: str) -> int:
    letters = place.rstrip("0123456789")
    return _index(letters) if letters else 0


def _index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
