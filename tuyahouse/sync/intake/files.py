"""Files of keys: delimited text (also gzip), Excel and Parquet, detected by content; memory stays flat."""

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast
from xml.etree.ElementTree import ParseError

from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.delimited import Shape, filled, read_lines, read_shape
from tuyahouse.sync.intake.encoding import find_encoding
from tuyahouse.sync.intake.parquet import read_parquet
from tuyahouse.sync.intake.rows import Blank, Entry, Item, Note, Refusal, SourceError, shown
from tuyahouse.sync.intake.table import Table

_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*(<|MIME-Version:)", re.IGNORECASE)


def read_file(path: str | Path, headings: Headings, *, sheet: str | None = None) -> Iterator[Item]:
    """The keys of a file, in its order, one entry a row; places are ``row 2`` as a spreadsheet counts them.

    ``sheet`` names the one sheet of a workbook to read; without it all visible ones that have the column are read. A
    ``~`` stands for the home of this user: a form, and a shell after ``path=``, leaves it as it was typed.

    Raises:
        SourceError: the file cannot be used: missing, empty, without a row below its header, unreadable, or without a
            column of keys.
    """
    file, rows = Path(os.path.expanduser(path)), 0
    with _in_words(file):
        if not file.is_file():
            raise SourceError(f"There is no file {file}." if not file.exists() else f"{file} is not a file.")
        for item in _reader(file, sheet)(file, headings):
            rows += not isinstance(item, Blank | Note)
            yield item
    if not rows:
        raise SourceError(f"{file.name} has a header and no row below it: there is nothing to do.")


def _reader(file: Path, sheet: str | None) -> Callable[[Path, Headings], Iterator[Item]]:
    with file.open("rb") as stream:
        start = stream.read(512)
    if not start:
        raise SourceError(f"{file.name} is empty: it has no bytes.")
    if start.startswith(b"PK\x03\x04"):
        from tuyahouse.sync.intake.workbook import read_workbook  # imports openpyxl and numpy

        return partial(read_workbook, sheet=sheet)
    if sheet:
        raise SourceError(f"{file.name} is not a workbook: it has no sheet {sheet}.")
    if start.startswith(b"PAR1"):
        return read_parquet
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise SourceError(
            f"{file.name} is an old .xls or a password-protected workbook. Save it as plain .xlsx or CSV."
        )
    if _MARKUP.match(start):
        raise SourceError(
            f"{file.name} is a web page or XML, whatever its name says. Open it and save it as .xlsx or CSV."
        )
    return _text


@contextmanager
def _in_words(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ParseError) as error:
        raise SourceError(f"{file.name} cannot be read: {error}") from error


def _open(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(file)) if zipped else file.open("rb")


def _text(file: Path, headings: Headings) -> Iterator[Item]:
    encoding = find_encoding(partial(_open, file), file.name, headings)
    with _open(file) as stream:
        shape, lines = read_shape(read_lines(stream, encoding, file.name), file.name, headings)
        table = Table(headings, shape.columns, shape.header)
        for number, line, cells in lines:
            if cells is not None and table.is_header(f"row {number}", cells):
                shape = Shape(shape.delimiter, shape.skip, table.columns, cells)
            else:
                yield _entry(f"row {number}", line, cells, shape, table)
        yield from table.notes(file.name)
    if encoding in ("big5", "cp1252"):
        yield Note(f"{file.name} was read as {encoding}; save it as UTF-8 if letters are wrong.")


def _entry(place: str, line: str, cells: list[str] | None, shape: Shape, table: Table) -> Entry:
    if cells is None:
        return Refusal(place, shown(line), "a quoted cell does not end in this line; look for an unclosed quote")
    if not filled(cells):
        return Blank(place)
    if not shape.fits(cells):
        reason = f"it has {len(cells)} cells where the header has {len(shape.header)}"
        return Refusal(place, shown(line), reason)
    if len(shape.header) == 1 and any(c in cells[0] for c in ",;\t"):
        return Refusal(place, shown(line), "it has several cells where the header has 1")
    return table.judge(place, cells)
