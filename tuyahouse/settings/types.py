"""Forms in which a setting may be written: lists, durations, tables. Pure."""

import json
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr

_SHORT_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_ENDS = re.compile(r"[/#]")
_WHOLE = re.compile(r"[+-]?\d+")
_INVISIBLE = "\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
KEY_LENGTH, KEY_VARIETY = 20, 8
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
        raise ValueError("is not the expected JSON")
    return parsed


def read_json(value: Any) -> Any:
    """JSON text as its value; everything else unchanged."""
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
        raise ValueError("is negative; a duration is zero or more")
    return value


def encoded_url(value: str) -> str:
    """Refuse a URL whose user or password holds characters that end it: the rest would be read as host and path, and
    shown in errors."""
    head, _, query = value.partition("://")[2].partition("?")
    userinfo, at, place = head.partition("@")
    broken = at and (_ENDS.search(userinfo) or "@" in place)
    if not value.startswith("sqlite") and (broken or (not at and "@" in query and "/" not in head)):
        raise ValueError(
            "its user or password holds a character that must be encoded: write @ as %40, / as %2F, # as %23, ? as %3F"
        )
    return value


def lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def as_whole(value: Any) -> Any:
    """Refuse ``26.000``: it would be read as 26, but many countries write 26,000 that way."""
    wrong = isinstance(value, float) or (isinstance(value, str) and not _WHOLE.fullmatch(value.strip()))
    if wrong:
        raise ValueError("is not a whole number; write digits only, for example 26000")
    return value


def visible(value: Any) -> Any:
    """A text as a person sees it: without blanks, BOM and zero-width characters around it.

    Raises:
        ValueError: it holds such characters inside, or stands in quotes, which some env files take for a part of it.
    """
    if not isinstance(value, str):
        return value
    text = value.strip(_INVISIBLE + " \t\r\n")
    if any(char in text for char in _INVISIBLE):
        raise ValueError("holds a character that is invisible (zero-width or no-break space, BOM): type it again")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        raise ValueError("is in quotes, which would become part of it: leave them out")
    return text


def strong(value: SecretStr) -> SecretStr:
    """Refuse a key that could be guessed."""
    text = value.get_secret_value()
    if text and (len(text) < KEY_LENGTH or len(set(text)) < KEY_VARIETY):
        raise ValueError(
            f"is too weak to encrypt tokens with: it needs {KEY_LENGTH} random characters or more. Make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` and give every process the same one"
        )
    return value


Visible = BeforeValidator(visible)
Strong = AfterValidator(strong)
Whole = Annotated[int, BeforeValidator(as_whole)]
Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
Duration = Annotated[timedelta, BeforeValidator(as_duration), AfterValidator(not_negative)]
EncodedUrl = AfterValidator(encoded_url)
Lower = BeforeValidator(lower)
Json = BeforeValidator(as_json)
