"""Python values as each database takes them; one place, so that both hold the same.

Text: U+0000 and lone surrogates, which PostgreSQL refuses, become U+FFFD on both. JSON: keys sorted, so that equal
documents are equal text. Times on SQLite: the text that ``types.UtcTime`` reads. A column of times may hold whole
milliseconds since 1970 throughout: these cost PostgreSQL's driver next to nothing. Numbers and times that a column
cannot hold are refused here, on both databases alike: PostgreSQL's driver would cut a number to its last 32 bits, and
would store times that nobody can read back.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, Column, Date, Integer, Text

from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.errors import ValueRefused

Row = tuple[Any, ...]
Convert = Callable[[Any], Any]

_json = msgspec.json.Encoder(order="sorted")
_FROM_1970_TO_2000 = 946_684_800_000_000
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999
_REFUSED = {0: "\ufffd", **dict.fromkeys(range(55296, 57344), "�")}


def clean_text(value: str) -> str:
    """The text without what PostgreSQL cannot hold."""
    return value.translate(_REFUSED)


def json_text(value: Any) -> str:
    """A JSON document as text with sorted keys; NaN and infinities become null."""
    try:
        text = _json.encode(value).decode()
    except RecursionError:
        raise ValueRefused("A JSON document is nested too deeply to be stored.") from None
    except (UnicodeEncodeError, OverflowError, TypeError):
        text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if "\\u0000" in text:
        text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def sqlite_time(value: datetime) -> str:
    """``2026-11-20 22:00:00.000000``, in UTC."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def converters(columns: Sequence[Column[Any]], dialect: str) -> list[tuple[int, Convert]]:
    """For each column whose values need it: its position and what to do with a value that is not None."""
    found = ((place, _converter(column, dialect)) for place, column in enumerate(columns))
    return [(place, convert) for place, convert in found if convert is not None]


def _converter(column: Column[Any], dialect: str) -> Convert | None:
    kind = column.type
    if isinstance(kind, JSON):
        return json_text
    if dialect == "sqlite" and isinstance(kind, UtcTime):
        return sqlite_time
    if dialect == "sqlite" and isinstance(kind, Date):
        return date.isoformat
    return None


def prepare_columns(columns: Sequence[Column[Any]], values: list[Sequence[Any]], dialect: str) -> bool:
    """Convert values, given column by column, to what the driver takes; returns whether any column was replaced."""
    changed = False
    for place, column in enumerate(columns):
        _require_range(column, values[place])
        if isinstance(column.type, Text) and _holds_refused(values[place]):
            values[place] = [None if value is None else clean_text(value) for value in values[place]]
            changed = True
        elif isinstance(column.type, UtcTime) and values[place] and type(values[place][0]) is int:
            values[place] = _from_milliseconds(values[place], dialect)
            changed = True
    for place, convert in converters(columns, dialect):
        # mostly none on PostgreSQL, where only JSON is converted and ``extra`` is mostly empty
        if values[place].count(None) < len(values[place]):
            values[place] = _converted(values[place], convert)
            changed = True
    return changed


def _require_range(column: Column[Any], values: Sequence[Any]) -> None:
    """Raises ValueRefused for a number or time outside of what the column holds."""
    if isinstance(column.type, Integer):
        limit = 2 ** (63 if isinstance(column.type, BigInteger) else 31)
        lowest: Any = -limit
        highest: Any = limit - 1
    elif isinstance(column.type, UtcTime):
        in_milliseconds = bool(values) and type(values[0]) is int
        lowest, highest = (_EARLIEST_MS, _LATEST_MS) if in_milliseconds else (_EARLIEST, _LATEST)
    else:
        return
    present = [value for value in values if value is not None] if None in values else values
    if present and not (lowest <= min(present) and max(present) <= highest):
        raise ValueRefused(f"{column} cannot hold {_outside(present, lowest, highest)}: it is out of range.")


def _outside(values: Sequence[Any], lowest: Any, highest: Any) -> str:
    """The first of the values that is too low or too high, as short text."""
    odd = next(value for value in values if not lowest <= value <= highest)
    return f"a number of {odd.bit_length()} bits" if isinstance(odd, int) and abs(odd) > 2**64 else str(odd)


def _from_milliseconds(values: Sequence[int], dialect: str) -> Sequence[Any]:
    """For PostgreSQL what the binary form of a time is: microseconds since 2000. For SQLite times, exact until 2255."""
    if dialect == "postgresql":
        return [value * 1000 - _FROM_1970_TO_2000 for value in values]
    return [datetime.fromtimestamp(value / 1000, UTC) for value in values]


def _converted(values: Sequence[Any], convert: Convert) -> list[Any]:
    if convert is not json_text:
        return [None if value is None else convert(value) for value in values]
    # Rows often share a document: each is written out once.
    texts = {id(value): value for value in values}
    texts = {place: None if value is None else json_text(value) for place, value in texts.items()}
    return [texts[id(value)] for value in values]


def _holds_refused(texts: Sequence[str | None]) -> bool:
    """Checks all texts at once: they are nearly always fine."""
    try:
        together = "".join(texts)  # type: ignore[arg-type]  # a column without NULLs, as most are
    except TypeError:
        together = "".join(filter(None, texts))
    return "\0" in together or (not together.isascii() and _has_surrogates(together))


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
