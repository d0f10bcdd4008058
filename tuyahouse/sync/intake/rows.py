"""What a source of serial numbers yields, and how one cell becomes the text of a serial number. Pure."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MAX_LENGTH = 128
"""Longest serial number or work order that is taken; longer text is a free-text cell, not an id."""

EXACT_BELOW = 2**53
"""From here on a floating point number no longer holds every integer, so its last digits may be invented."""

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
"""Characters that spreadsheets and web pages leave in cells and nobody sees: zero-width ones, BOM, soft hyphen."""

_SHORTENED = re.compile(r"[+-]?(\d+\.\d+[eE][+-]?\d+|\d+[eE][+-]\d+)")
_INTEGRAL = re.compile(r"(\d+)\.0+")
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_EXCEL_ERRORS = {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"}
_LOST_DIGITS = (
    "its last digits are lost, because a spreadsheet turned it into a number; make the column text and enter it again"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One usable serial number; ``order_code`` is its work order where the source has one."""

    place: str
    sn: str
    order_code: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that cannot be taken: where (``row 17``), what was there (cut), and why, in words."""

    place: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A row without a serial number; counted, not refused."""

    place: str


Entry = Row | Refusal | Blank


class SourceError(Exception):
    """A source of serial numbers cannot be used at all; the text says why and what to do."""


def entry(place: str, sn: Any, order_code: Any = None, *, exact_integers: bool = True) -> Entry:
    """Judge one row.

    ``exact_integers`` is false where the source keeps integers as floating point numbers (Excel).
    """
    try:
        text = id_text(sn, exact_integers=exact_integers)
        if not text:
            return Blank(place)
        order = id_text(order_code, exact_integers=exact_integers)
    except ValueError as refusal:
        return Refusal(place, shown(sn), str(refusal))
    return Row(place, text, order or None)


def id_text(value: Any, *, exact_integers: bool = True) -> str:
    """The text of an id in a cell: trimmed, without invisible characters; ``""`` for an empty cell.

    Raises:
        ValueError: the cell holds no id that can be trusted; the text is the reason.
    """
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = _decoded(value)
    if isinstance(value, str):
        return _checked(_unwrapped(value.translate(INVISIBLE).strip()))
    return _checked(_number_text(value, exact_integers))


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("it is binary data, not text") from None


def _unwrapped(text: str) -> str:
    """Take off what spreadsheets put around numbers to keep them text: ``="0012"`` and ``'0012``."""
    if quoted := _EXCEL_TEXT.fullmatch(text):
        return quoted[1].strip()
    return text[1:].strip() if text.startswith("'") else text


def _checked(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("it holds a line break; look for a quote that is never closed")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 or c == "\ufffd" for c in text):
        raise ValueError("it holds control characters or damaged text; look at the file's encoding")
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


def shown(value: Any, most: int = 60) -> str:
    """A cell for a message: printable and cut."""
    text = value if isinstance(value, str) else str(value)
    cut = text[:most] + "…" if len(text) > most else text
    return "".join(c if c.isprintable() else "\ufffd" for c in cut)
