"""Delimited text as rows of cells: encoding and delimiter are detected; one line is one row; memory stays flat."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from tuyahouse.sync.intake.columns import HEADER_WITHIN, Columns, Headings, find_columns, refuse_rivals, require_columns
from tuyahouse.sync.intake.rows import SourceError

DELIMITERS = ",\t;|"

LONGEST_LINE = 1 << 20
"""Most characters of one line; longer text is not a table."""

_NO_DELIMITER = "\x1f"
_SPANNED_LINES, _SPANNED_CHARACTERS = 100, 1 << 16

Line = tuple[int, str, list[str] | None]
"""Line number in the file (from 1), its text and its cells; None where a quote in it is not closed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a text is split: its delimiter, ``skip`` lines before its first row, and its columns."""

    delimiter: str
    skip: int
    columns: Columns
    header: list[str]

    def fits(self, cells: list[str]) -> bool:
        """Whether a row has as many cells as the header, not counting empty ones beyond it or below unnamed columns."""
        return len(self.header) == len(cells) or (
            filled(cells) <= len(self.header) and len(cells) >= filled(self.header)
        )


def filled(cells: list[str]) -> int:
    """The number of cells up to the last one that holds something."""
    return next((i for i in range(len(cells), 0, -1) if cells[i - 1].strip()), 0)


def split(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line, quotes taken off; None if a quoted cell does not end properly in it."""
    if '"' not in line:
        return line.split(delimiter)
    csv.field_size_limit(LONGEST_LINE)
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return None


def read_lines(stream: IO[bytes], encoding: str, what: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers.

    Raises:
        SourceError: the text is damaged, or a line is longer than any row of a table.
    """
    text, number = io.TextIOWrapper(stream, encoding=encoding, newline=None), 0
    try:
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise SourceError(
                    f"Row {number} of {what} is longer than {LONGEST_LINE:,} characters: this is not a table."
                )
            yield number, line.rstrip("\n").lstrip("\ufeff")
    except UnicodeDecodeError:
        raise SourceError(f"{what} is damaged: it stops being text in the encoding it began with.") from None


def find_shape(lines: list[str], what: str, headings: Headings) -> Shape:
    """Delimiter and columns from the top lines of a text. A delimiter counts only if it splits the header too.

    Raises:
        SourceError: no column holds keys, or several could.
    """
    shape = _likeliest_shape(lines, what, headings)
    refuse_rivals(shape.columns, what, headings)
    return shape


def _likeliest_shape(lines: list[str], what: str, headings: Headings) -> Shape:
    declared = lines[0][4] if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5 else None
    top = lines[1:] if declared else lines
    tries = [_shape(top, d, headings, int(declared is not None)) for d in declared or DELIMITERS]
    if shapes := [shape for shape in tries if shape and shape.columns.named and len(shape.header) > 1]:
        return max(shapes, key=lambda shape: (shape.columns.companion is not None, len(shape.header)))
    if alone := _shape(top, _NO_DELIMITER, headings, int(declared is not None)):
        return alone
    counts = {d: min((line.count(d) for line in top if line.strip()), default=0) for d in DELIMITERS}
    likely = max(counts, key=lambda d: counts[d])
    require_columns([split(line, likely) or [line] for line in top], what, headings)
    raise SourceError(f"{what} has no {headings.lacks}. {headings.remedy}")


def _shape(top: list[str], delimiter: str, headings: Headings, declared: int) -> Shape | None:
    rows = [split(line, delimiter) or [line] for line in top]
    columns = find_columns(rows, headings)
    if columns is None:
        return None
    header = rows[columns.skip - 1] if columns.named else [""]
    return Shape(delimiter, columns.skip + declared, columns, header)


def read_shape(lines: Iterator[tuple[int, str]], what: str, headings: Headings) -> tuple[Shape, Iterator[Line]]:
    """The shape of a text, and the lines below its header."""
    top = list(islice(lines, HEADER_WITHIN + 1))
    shape = find_shape([line for _, line in top], what, headings)
    return shape, _below(deque(top[shape.skip :]), lines, shape)


def _below(waiting: deque[tuple[int, str]], rest: Iterator[tuple[int, str]], shape: Shape) -> Iterator[Line]:
    while following := waiting.popleft() if waiting else next(rest, None):
        number, line = following
        cells = split(line, shape.delimiter)
        yield number, line, cells
        for _ in range(_spanned(line, waiting, rest, shape) if cells is None else 0):
            number, line = waiting.popleft()
            yield number, line, None


def _spanned(line: str, waiting: deque[tuple[int, str]], rest: Iterator[tuple[int, str]], shape: Shape) -> int:
    """How many of the following lines belong to a quoted cell that begins in this line and ends properly."""
    held, size = [line + "\n"], len(line)
    for count in range(_SPANNED_LINES):
        if count == len(waiting):
            if (following := next(rest, None)) is None:
                return 0
            waiting.append(following)
        text = waiting[count][1]
        held.append(text + "\n")
        size += len(text)
        if size > _SPANNED_CHARACTERS:
            return 0
        if '"' in text:
            rows = _parsed(held, shape.delimiter)
            if rows and len(rows) == 1:
                return count + 1 if shape.fits(rows[0]) else 0
    return 0


def _parsed(lines: list[str], delimiter: str) -> list[list[str]] | None:
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return None
