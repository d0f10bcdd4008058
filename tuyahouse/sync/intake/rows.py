"""What a source of keys yields, and how a cell becomes the text of a key. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

MAX_LENGTH = 128
"""Longest key or companion that is accepted; longer text is free text, not an id."""

EXACT_BELOW = 2**53
"""From here on a floating point number no longer holds every integer, so its last digits may be invented."""

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
"""Invisible characters that spreadsheets and web pages leave in cells: zero-width ones, BOM, soft hyphen."""

_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58"), "-")
_QUOTES = frozenset("'\"‘’‚‛“”„‟`«»‹›「」『』")

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How workbooks write characters that XML cannot hold; exported files often keep it."""

_SHORTENED = re.compile(r"[+-]?(\d+\.\d+[eE][+-]?\d+|\d+[eE][+-]\d+)")
_INTEGRAL = re.compile(r"(\d+)\.0+")
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_EXCEL_ERRORS = {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"}
_LOST_DIGITS = (
    "its last digits are lost, because a spreadsheet turned it into a number; make the column text and enter it again"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One usable key, and its companion (a work order, a device) if the source has one.

    ``was`` is the original cell if characters of it were replaced by plain ones. ``more`` are the cells of further
    columns that are not empty, by column name.
    """

    place: str
    key: str
    companion: str | None = None
    was: str | None = field(default=None, compare=False)
    more: tuple[tuple[str, str], ...] = ()

    def cell(self, name: str) -> str:
        """The cell of a further column; empty if it holds nothing."""
        return next((text for column, text in self.more if column == name), "")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that cannot be taken: where (``row 17``), what was there (cut), and why, in words."""

    place: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A row without a key; counted, not refused."""

    place: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a source that is worth knowing, e.g. a hidden sheet; not a row."""

    text: str


Entry = Row | Refusal | Blank
Item = Entry | Note


class SourceError(Exception):
    """A source of keys cannot be used at all; the text says why and what to do."""


def entry(
    place: str,
    key: Any,
    companion: Any = None,
    *,
    exact_integers: bool = True,
    more: Iterable[tuple[str, Any]] = (),
) -> Entry:
    """Judge one row.

    ``exact_integers`` is false if the source stores integers as floating point numbers (Excel).
    """
    try:
        text = id_text(key, exact_integers=exact_integers)
        if not text and not more:
            return Blank(place)
        beside = id_text(companion, exact_integers=exact_integers, blanks=True)
        others = tuple((name, id_text(cell, exact_integers=exact_integers, blanks=True)) for name, cell in more)
    except ValueError as refusal:
        return Refusal(place, shown(key), str(refusal))
    if not text:
        filled = beside or any(cell for _, cell in others)
        return Refusal(place, "", "its first cell is empty, but others are not") if filled else Blank(place)
    changed = [shown(raw) for raw, read in ((key, text), (companion, beside)) if _is_changed(raw, read)]
    there = tuple((name, cell) for name, cell in others if cell)
    return Row(place, text, beside or None, changed[0] if changed else None, there)


def _is_changed(raw: Any, read: str) -> bool:
    if not isinstance(raw, str) or raw == read:
        return False
    bare = raw.strip()
    return bare != read and bare.removeprefix("'") != read and not _EXCEL_TEXT.fullmatch(bare)


def id_text(value: Any, *, exact_integers: bool = True, blanks: bool = False) -> str:
    """The text of an id in a cell; ``""`` for an empty cell.

    It is trimmed. Full-width characters and the many hyphens become plain; invisible characters and a pair of quotes
    around it are removed. ``blanks`` allows single blanks inside.

    Raises:
        ValueError: the cell holds no id that can be trusted; the text is the reason.
    """
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = _decoded(value)
    if isinstance(value, str):
        return _checked(_plain(value), blanks)
    return _checked(_number_text(value, exact_integers), blanks)


def _plain(text: str) -> str:
    while "_x" in text and (read := _ESCAPED.sub(lambda code: chr(int(code[1], 16)), text)) != text:
        text = read
    text = text.strip()
    if not text.isascii():
        text = "".join(c for c in text.translate(INVISIBLE) if unicodedata.category(c) != "Cf")
        text = unicodedata.normalize("NFKC", text).translate(_HYPHENS).strip()
    return text if text.isalnum() else _unwrapped(text)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("it is binary data, not text") from None


def _unwrapped(text: str) -> str:
    """Take off a pair of quotes, and what keeps numbers text in spreadsheets: ``="0012"`` and ``'0012``."""
    if quoted := _EXCEL_TEXT.fullmatch(text):
        return quoted[1].strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        return text[1:-1].strip()
    return text[1:].strip() if text.startswith("'") else text


def _checked(text: str, blanks: bool) -> str:
    if text.isascii() and text.isalnum() and len(text) <= MAX_LENGTH and not _SHORTENED.fullmatch(text):
        return text
    if "\n" in text or "\r" in text:
        raise ValueError("it holds a line break; look for an unclosed quote")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 or c == "\ufffd" for c in text):
        raise ValueError("it holds control characters or damaged text; look at the file's encoding")
    if any(c in _QUOTES for c in text):
        raise ValueError("it holds a quote mark that is not part of a pair around the whole")
    if any(map(str.isspace, text)):
        if not blanks:
            raise ValueError("it holds a blank; write one key in a cell, without blanks")
        text = " ".join(text.split())
    if text.upper() in _EXCEL_ERRORS:
        raise ValueError("it is the error value of a spreadsheet formula")
    if _SHORTENED.fullmatch(text):
        raise ValueError(_LOST_DIGITS)
    if integral := _INTEGRAL.fullmatch(text):
        return _below_exact(int(integral[1]), integral[1])
    return text


def _number_text(value: Any, exact_integers: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"it is a {type(value).__name__}, neither text nor a whole number")
    if value != value or value in (float("inf"), float("-inf")):
        return ""  # what data frames write for an empty cell
    if value != int(value):
        raise ValueError("it is a number with a fraction")
    if value < 0:
        raise ValueError("it is a negative number")
    text = str(int(value))
    return text if exact_integers and not isinstance(value, float) else _below_exact(int(value), text)


def _below_exact(number: int, text: str) -> str:
    if number >= EXACT_BELOW:
        raise ValueError(_LOST_DIGITS)
    return text


def first_of(texts: Sequence[str], most: int) -> str:
    """``a, b and 1,200 more``: the first ``most`` of the texts, and how many are not named."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def shown(value: Any, most: int = 60) -> str:
    """A cell for a message: printable and shortened."""
    text = value if isinstance(value, str) else str(value)
    cut = text[:most] + "…" if len(text) > most else text
    return "".join(c if c.isprintable() else "\ufffd" for c in cut)
