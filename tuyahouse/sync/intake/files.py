"""Files of serial numbers: delimited text (also gzip), Excel and Parquet, told apart by content, memory flat."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast
from xml.etree.ElementTree import ParseError

from tuyahouse.sync.intake.columns import (
    HEADER_WITHIN,
    SERIAL_NUMBERS,
    Columns,
    Headings,
    find_columns,
    require_columns,
)
from tuyahouse.sync.intake.delimited import find_encoding, read_cells
from tuyahouse.sync.intake.rows import EXACT_BELOW, Entry, SourceError, entry

_BATCH = 10_000
_FIXED_WIDTH = re.compile(r"0{2,128}")


def read_file(path: str | Path, headings: Headings = SERIAL_NUMBERS) -> Iterator[Entry]:
    """The serial numbers of a file, in its order, one entry a row; places are ``row 2`` as a spreadsheet counts them.

    Other ``headings`` read other keys in the same way; what goes with them is still called ``order_code``.

    Raises:
        SourceError: the file cannot be used: missing, empty, unreadable, or without a serial number column.
    """
    file = Path(path)
    with _in_words(file):
        if not file.is_file():
            raise SourceError(f"There is no file {file}." if not file.exists() else f"{file} is not a file.")
        yield from _reader(file)(file, headings)


def _reader(file: Path) -> Callable[[Path, Headings], Iterator[Entry]]:
    with file.open("rb") as stream:
        start = stream.read(8)
    if not start:
        raise SourceError(f"{file.name} is empty: there is not a byte in it.")
    if start.startswith(b"PK\x03\x04"):
        return _excel
    if start.startswith(b"PAR1"):
        return _parquet
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise SourceError(
            f"{file.name} is an old .xls or a password-protected workbook. Save it as plain .xlsx or CSV."
        )
    return _text


@contextmanager
def _in_words(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ParseError) as error:
        raise SourceError(f"{file.name} cannot be read: {error}") from error


# ------------------------------------------------------------------------------------------------------ delimited text


def _open(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(file)) if zipped else file.open("rb")


def _text(file: Path, headings: Headings) -> Iterator[Entry]:
    with _open(file) as stream:
        encoding = find_encoding(stream, file.name)
    with _open(file) as stream:
        rows = read_cells(stream, encoding, file.name, headings)
        top = list(islice(rows, HEADER_WITHIN))
        columns = require_columns([cells for _, cells in top], file.name, headings)
        for line, cells in chain(top[columns.skip :], rows):
            yield _entry(f"row {line}", cells, columns)


def _entry(place: str, cells: Any, columns: Columns) -> Entry:
    order = _cell(cells, columns.order_code) if columns.order_code is not None else None
    return entry(place, _cell(cells, columns.sn), order)


def _cell(cells: Any, position: int) -> Any:
    return cells[position] if position < len(cells) else None


# --------------------------------------------------------------------------------------------------------------- Excel


def _excel(file: Path, headings: Headings) -> Iterator[Entry]:
    from openpyxl import load_workbook  # only a workbook needs it, and it takes a while to import

    with file.open("rb") as stream:  # not the path: openpyxl would judge it by its suffix
        try:
            workbook = load_workbook(stream, read_only=True, data_only=True)
        except (KeyError, ValueError) as error:
            raise SourceError(
                f"{file.name} is not an Excel workbook that can be read ({error}). Save it as .xlsx or CSV."
            ) from error
        with closing(workbook):
            yield from _excel_rows(workbook, file.name, headings)


def _excel_rows(workbook: Any, what: str, headings: Headings) -> Iterator[Entry]:
    sheet, columns = _sheet(workbook.worksheets, what, headings)
    prefix = f"sheet {sheet.title} row" if len(workbook.worksheets) > 1 else "row"
    rows = islice(sheet.iter_rows(), columns.skip, None)
    for number, cells in enumerate(rows, start=columns.skip + 1):
        sn = _as_displayed(_cell(cells, columns.sn))
        order = None if columns.order_code is None else _as_displayed(_cell(cells, columns.order_code))
        yield entry(f"{prefix} {number}", sn, order, exact_integers=False)


def _as_displayed(cell: Any) -> Any:
    """The value of a cell; a number that is formatted to a fixed width (``000000``) with the zeros that the sheet shows."""
    value = None if cell is None else cell.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not 0 <= value < EXACT_BELOW or value != int(value):
        return value
    fixed = _FIXED_WIDTH.fullmatch(cell.number_format or "")
    return f"{int(value):0{len(fixed[0])}d}" if fixed else value


def _sheet(sheets: list[Any], what: str, headings: Headings) -> tuple[Any, Columns]:
    """The first sheet with a serial number column; the first sheet's columns are named when there is none."""
    tops = []
    for sheet in sheets:
        sheet.reset_dimensions()  # some programs write a wrong size, and rows beyond it would be left out
        tops.append(list(islice(sheet.iter_rows(values_only=True), HEADER_WITHIN)))
        if columns := find_columns(tops[-1], headings):
            return sheet, columns
    filled = next((top for top in tops if any(any(row) for row in top)), [])
    return sheets[0], require_columns(filled, what, headings)


# ------------------------------------------------------------------------------------------------------------- Parquet


def _parquet(file: Path, headings: Headings) -> Iterator[Entry]:
    from pyarrow import ArrowException  # only a Parquet file needs it, and it takes a while to import
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file, memory_map=False, pre_buffer=False) as parquet:
            yield from _parquet_rows(parquet, file.name, headings)
    except ArrowException as error:
        raise SourceError(f"{file.name} cannot be read as Parquet: {error}") from error


def _parquet_rows(parquet: Any, what: str, headings: Headings) -> Iterator[Entry]:
    names = list(parquet.schema_arrow.names)
    columns = require_columns([names], what, headings)
    wanted = [names[i] for i in (columns.sn, columns.order_code) if i is not None]
    number = 0
    for batch in parquet.iter_batches(batch_size=_BATCH, columns=wanted):
        table = {name: batch.column(name).to_pylist() for name in wanted}
        orders = table[wanted[1]] if len(wanted) > 1 else [None] * batch.num_rows
        for sn, order in zip(table[wanted[0]], orders, strict=True):
            number += 1
            yield entry(f"row {number}", sn, order)
