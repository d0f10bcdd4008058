"""Forms in which a setting may be written: lists, durations, tables. Pure."""

import json
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

_SHORT_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_ENDS = re.compile(r"[/#]")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def as_list(value: Any) -> Any:
    """Accept ``a,b`` and ``["a","b"]`` for a list, so that a shell needs no quoting; numbers become text."""
    if isinstance(value, str):
        value = as_json(value) if value.lstrip().startswith("[") else value.split(",")
    if isinstance(value, list | tuple):
        return tuple(text for item in value if (text := str(item).strip()))
    return value


def as_json(value: Any) -> Any:
    """Accept JSON text where a table or list is meant, so that one variable can hold it."""
    parsed = read_json(value)
    if isinstance(parsed, str):
        raise ValueError("is not the JSON that is expected here")
    return parsed


def read_json(value: Any) -> Any:
    """JSON text as what it stands for; everything else as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def as_duration(value: Any) -> Any:
    """Accept ``90s``, ``30m``, ``12h`` and ``7d`` besides ``12:00:00``, ISO 8601 and seconds."""
    short = _SHORT_DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    return timedelta(**{_UNITS[short[2]]: float(short[1])}) if short else value


def not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("is below zero, and no span of time is")
    return value


def encoded_url(value: str) -> str:
    """Refuse a URL whose user or password holds signs that end it: what follows them would be taken for host and path, and
    shown in errors."""
    head, _, query = value.partition("://")[2].partition("?")
    userinfo, at, place = head.partition("@")
    broken = at and (_ENDS.search(userinfo) or "@" in place)
    if not value.startswith("sqlite") and (broken or (not at and "@" in query and "/" not in head)):
        raise ValueError(
            "its user or password holds a sign that must be encoded: write @ as %40, / as %2F, # as %23, ? as %3F"
        )
    return value


def lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
Duration = Annotated[timedelta, BeforeValidator(as_duration), AfterValidator(not_negative)]
EncodedUrl = AfterValidator(encoded_url)
Lower = BeforeValidator(lower)
Json = BeforeValidator(as_json)
