"""Readers for values that Tuya's pages and samples type differently: text or number, seconds or milliseconds."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_SECONDS = 100_000_000_000
"""Times below this are seconds (up to the year 5138), all others milliseconds (from 1973 on)."""
LATEST_FAST = 8_000_000_000_000
"""Milliseconds up to the year 2223: as floating-point seconds they are still exact to the microsecond."""

LONGEST_NUMBER = 64
"""Text of this length or more is not read as a number; the longest real ones, ids, have 19 digits."""

FLAGS: dict[Any, bool] = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def text(value: Any) -> str | None:
    """Text as sent; numbers in digits, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def identifier(value: Any) -> str | None:
    """An id as text without surrounding blanks; None if empty. Whole numbers of any length keep all their digits."""
    if not isinstance(value, str):
        value = text(value)
    return (value.strip() or None) if value else None


def flag(value: Any) -> bool | None:
    """A state sent as 0/1, "0"/"1" or a Boolean; None for null or empty, ValueError for anything else."""
    if value is None or value == "":
        return None
    try:
        return FLAGS[value]
    except (KeyError, TypeError):
        raise ValueError(f"{value!r} is neither 0 nor 1") from None


def whole_number(value: Any) -> int | None:
    """A whole number sent as number or text; None for anything else."""
    if type(value) is int:
        return value
    if isinstance(value, str) and len(value) < LONGEST_NUMBER and value.strip().lstrip("-").isdecimal():
        try:
            return int(value)
        except ValueError:  # two signs
            return None
    return None


def utc(value: Any) -> datetime | None:
    """A time sent in seconds or milliseconds, number or text; None for null or empty, else ValueError."""
    if value is None or value == "":
        return None
    number = value if type(value) is int else whole_number(int(value) if isinstance(value, float) else value)
    if number is None or number <= 0:
        raise ValueError(f"{value!r} is not a time")
    if LATEST_SECONDS <= number < LATEST_FAST:
        return datetime.fromtimestamp(number / 1000, UTC)
    try:
        return EPOCH + timedelta(milliseconds=number * 1000 if number < LATEST_SECONDS else number)
    except OverflowError:
        raise ValueError(f"{value!r} is not a time") from None


def times(values: Sequence[Any]) -> Sequence[datetime | None] | Sequence[int]:
    """:func:`utc` of many values. If all are milliseconds since 1970, as nearly always, they are returned unchanged."""
    if set(map(type, values)) == {int} and min(values) >= LATEST_SECONDS and max(values) < LATEST_FAST:
        return values
    return [utc(value) for value in values]


def snake_keys(item: dict[str, Any]) -> dict[str, Any]:
    """The same object, camelCase names turned into snake_case."""
    return {_CAPITAL.sub(r"_\1", name).lower(): value for name, value in item.items()}
