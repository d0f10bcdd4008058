"""Finds the encoding of a text that does not name it: the one that keeps the columns in place."""

import codecs
from collections.abc import Callable
from typing import IO

from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.delimited import read_lines, read_shape
from tuyahouse.sync.intake.rows import SourceError

_BLOCK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED = ("gb18030", "big5", "cp1252")
"""Encodings that have no mark, likeliest first; GB18030 includes GBK."""

Open = Callable[[], IO[bytes]]


def find_encoding(open_: Open, what: str, headings: Headings) -> str:
    """The encoding of a text: by its mark, else UTF-8 if that is valid, else the likeliest of those in which the fewest
    rows have another width than the header.

    Raises:
        SourceError: there is none, e.g. UTF-16 without a mark, or not a text at all.
    """
    with open_() as stream:
        head = stream.read(_BLOCK)
        for bom, name in _BOMS:
            if head.startswith(bom):
                return name
        if b"\0" in head:
            raise SourceError(f"{what} is not text that can be read. Save it as CSV in UTF-8.")
        able = _able(stream, head)
    if "utf-8" in able:
        return "utf-8"
    judged = [(_ragged(open_, name, what, headings), name) for name in able]
    known = [(ragged, name) for ragged, name in judged if ragged is not None]
    if known:
        return min(known, key=lambda one: one[0])[1]
    if any(name != "cp1252" for name in able):
        return able[0]
    raise SourceError(f"{what} is in an unknown encoding (neither UTF-8 nor GBK). Save it as CSV in UTF-8.")


def _able(stream: IO[bytes], head: bytes) -> list[str]:
    """The encodings in which all bytes are text."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", *_GUESSED)}
    while decoders:
        for name in [name for name, decoder in decoders.items() if not _accepts(decoder, head)]:
            del decoders[name]
        if not head:
            break
        head = stream.read(_BLOCK)
    return list(decoders)


def _accepts(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError:
        return False
    return True


def _ragged(open_: Open, encoding: str, what: str, headings: Headings) -> tuple[int, bool] | None:
    """Rows of another width, and whether no companion is named; None if the encoding cannot be the right one.

    A Western text is accepted only if all its keys are plain ASCII: in that encoding any byte is a letter.
    """
    ragged = 0
    with open_() as stream:
        try:
            shape, lines = read_shape(read_lines(stream, encoding, what), what, headings)
        except SourceError:
            return None
        at = [i for i in (shape.columns.key, shape.columns.companion) if i is not None]
        for _, _, cells in lines:
            ragged += cells is None or not shape.fits(cells)
            if encoding == "cp1252" and cells and not all(cells[i].isascii() for i in at if i < len(cells)):
                return None
    return ragged, shape.columns.companion is None
