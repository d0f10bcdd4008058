"""Delimited text as rows of cells: encoding and delimiter found by looking, memory flat."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO

from tuyahouse.sync.intake.columns import HEADER_WITHIN, SERIAL_NUMBERS, Headings, find_columns
from tuyahouse.sync.intake.rows import SourceError

DELIMITERS = ",\t;|"
_BLOCK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Cells = tuple[int, list[str]]
"""Line number in the file (from 1) and the cells of the row that ends there."""


def find_encoding(stream: IO[bytes], what: str) -> str:
    """The encoding of a stream, read once to its end: by BOM, else UTF-8 where it is valid, else GB18030 (holds GBK).

    Raises:
        SourceError: it is neither, e.g. UTF-16 without a BOM or no text at all.
    """
    head = stream.read(_BLOCK)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if b"\0" in head:
        raise SourceError(f"{what} is not text that can be read. Save it as CSV in UTF-8.")
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "gb18030")}
    while decoders:
        for name in [name for name, decoder in decoders.items() if not _accepts(decoder, head)]:
            del decoders[name]
        if not head:
            break
        head = stream.read(_BLOCK)
    if not decoders:
        raise SourceError(f"{what} is in an unknown encoding (neither UTF-8 nor GBK). Save it as CSV in UTF-8.")
    return next(iter(decoders))


def _accepts(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError:
        return False
    return True


def read_cells(stream: IO[bytes], encoding: str, what: str, headings: Headings = SERIAL_NUMBERS) -> Iterator[Cells]:
    """The rows of a delimited text, quotes taken off."""
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    top = list(islice(text, 2 * HEADER_WITHIN))
    delimiter, skipped = _delimiter(top, headings)
    lines = _chain(top[skipped:], text)
    with _in_words(what):
        reader = csv.reader(lines, delimiter=delimiter, strict=False)
        for cells in reader:
            yield reader.line_num + skipped, cells


def _chain(top: list[str], rest: Iterable[str]) -> Iterator[str]:
    yield from top
    yield from rest


def _delimiter(top: list[str], headings: Headings) -> tuple[str, int]:
    """The delimiter, and how many lines only declare it (Excel's ``sep=;``)."""
    if top and top[0].lower().startswith("sep=") and len(top[0].strip()) == 5:
        return top[0][4], 1
    named = [
        d for d in DELIMITERS if (found := find_columns(_split(top, d), headings)) and found.skip and _wide(top, d)
    ]
    counts = {d: min((line.count(d) for line in top if line.strip()), default=0) for d in named or DELIMITERS}
    return max(counts, key=lambda d: counts[d]), 0


def _split(top: list[str], delimiter: str) -> list[list[str]]:
    return list(csv.reader(top, delimiter=delimiter))


def _wide(top: list[str], delimiter: str) -> bool:
    return any(len(cells) > 1 for cells in _split(top, delimiter))


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise SourceError(
            f"{what} cannot be read as delimited text: {error}. Look for a quote that is never closed."
        ) from None
    except UnicodeDecodeError:
        raise SourceError(f"{what} is damaged: it stops being text in the encoding it began with.") from None
