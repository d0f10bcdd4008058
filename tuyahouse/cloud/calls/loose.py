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
"""Milliseconds up to the year 2223: as a floating-point number of seconds still exact to the microsecond."""

LONGEST_NUMBER = 64
"""Characters of a number that is sent as text; ids have 19, and nothing that is counted has more."""

FLAGS: dict[Any, bool] = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def text(value: Any) -> str | None:
    """Text as sent; numbers in digits, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def identifier(value: Any) -> str | None:
    """An id as text without surrounding blanks; empty is none. Whole numbers of any length keep all their digits."""
    if not isinstance(value, str):
        value = text(value)
    return (value.strip() or None) if value else None


def flag(value: Any) -> bool | None:
    """A state sent as 0/1, "0"/"1" or a Boolean; ValueError for anything else."""
    if value is None or value == "":
        return None
    try:
        return FLAGS[value]
    except (KeyError, TypeError):
        raise ValueError(f"{value!r} is neither 0 nor 1") from None


def whole_number(value: Any) -> int | None:
    """A whole number sent as number or text; none for anything else."""
    if type(value) is int:
        return value
    if isinstance(value, str) and len(value) < LONGEST_NUMBER and value.strip().lstrip("-").isdecimal():
        try:
            return int(value)
        except ValueError:  # two signs
            return None
    return None


def utc(value: Any) -> datetime | None:
    """A time sent in seconds or milliseconds, as number or text; ValueError for what is none."""
    if value is None or value == "":
        return None
    number = value if type(value) is int else whole_number(int(value) if isinstance(value, float) else value)
    if number is None or number <= 0:
        raise ValueError(f"{value!r} is no time")
    if LATEST_SECONDS <= number < LATEST_FAST:
        return datetime.fromtimestamp(number / 1000, UTC)
    try:
        return EPOCH + timedelta(milliseconds=number * 1000 if number < LATEST_SECONDS else number)
    except OverflowError:
        raise ValueError(f"{value!r} is no time") from None


def times(values: Sequence[Any]) -> Sequence[datetime | None] | Sequence[int]:
    """:func:`utc` of many values. Nearly always all are numbers of milliseconds since 1970: then they stay those."""
    if set(map(type, values)) == {int} and min(values) >= LATEST_SECONDS and max(values) < LATEST_FAST:
        return values
    return [utc(value) for value in values]


def snake_keys(item: dict[str, Any]) -> dict[str, Any]:
    """The same object with camelCase names in snake_case."""
    return {_CAPITAL.sub(r"_\1", name).lower(): value for name, value in item.items()}
