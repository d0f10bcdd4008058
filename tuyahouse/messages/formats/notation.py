"""Reading JSON, ids, numbers and times as Tuya writes them: tolerantly, and without passing an id through a float."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tuyahouse import json_text
from tuyahouse.messages.errors import UnreadableMessage

LONGEST_KEY = 255
"""Characters an id or code may have; longer ones cannot be keys of a table."""

_LONGEST_KEY_BYTES = 765
"""The same in UTF-8: PostgreSQL's index takes 2704 bytes, and a key has up to three of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode_object(text: str | bytes, layer: str) -> dict[str, Any]:
    """Decode one layer of JSON that has to be an object, by the rules of :mod:`tuyahouse.json_text`.

    Raises:
        UnreadableMessage: ``broken_json`` or ``wrong_shape``, naming the layer.
    """
    try:
        value = json_text.decode(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage("broken_json", f"{layer} is not JSON: {error}") from None
    if type(value) is not dict:
        raise UnreadableMessage("wrong_shape", f"{layer} is not a JSON object")
    return value


def nested(value: Any, layer: str) -> dict[str, Any]:
    """An object, or the object inside a text that holds JSON."""
    if type(value) is dict:
        return value
    if type(value) is str:
        return decode_object(value, layer)
    raise UnreadableMessage("wrong_shape", f"{layer} is neither an object nor text holding one")


def text(value: Any) -> str | None:
    """Trimmed text; a number by its digits, any other value as JSON; null and "" become None."""
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    return msgspec.json.encode(value).decode()


def key_text(value: Any, field: str) -> str:
    """An id or code: text, or a whole number by its digits, trimmed.

    Raises:
        UnreadableMessage: ``missing_field`` when there is none, ``wrong_shape`` when it cannot be an id.
    """
    if type(value) is str:
        trimmed = value.strip()
        if 0 < len(trimmed) <= LONGEST_KEY and (
            trimmed.isascii() or len(trimmed.encode(errors="replace")) <= _LONGEST_KEY_BYTES
        ):
            return trimmed
        if not trimmed:
            raise UnreadableMessage("missing_field", f"{field} is empty")
        raise UnreadableMessage("wrong_shape", f"{field} is too long: {len(trimmed)} characters")
    if type(value) is int:
        return key_text(str(value), field)
    if value is None:
        raise UnreadableMessage("missing_field", f"{field} is missing")
    raise UnreadableMessage("wrong_shape", f"{field} is not text")


def whole_number(value: Any, field: str) -> int:
    """A whole number that fits an integer column, also one sent as text."""
    if isinstance(value, str) and len(value) < 16:
        with suppress(ValueError):
            value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableMessage("missing_field" if value is None else "wrong_shape", f"{field} is not a whole number")
    if not -(2**31) <= value < 2**31:
        raise UnreadableMessage("wrong_shape", f"{field} is out of range")
    return value


def moment(value: Any, field: str) -> datetime:
    """A time by its magnitude: seconds (10 digits), milliseconds (13), micro- or nanoseconds; number or text.

    A decimal such as 1.790000000456E12 counts if it is whole.

    Raises:
        UnreadableMessage: ``bad_time`` for anything else.
    """
    if type(value) is int and 10**11 <= value < 4 * 10**12:  # exact as a float, up to the year 2096
        return msgspec.convert(value / 1000, datetime, strict=False)
    if type(value) is str and len(value) < 24:
        with suppress(ValueError):
            value = int(value) if value.strip().isdecimal() else float(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value < 10**20:
        raise UnreadableMessage("bad_time", f"{field} is not a time")
    if value < 10**11:
        return _EPOCH + timedelta(seconds=value)
    if value < 10**14:
        return _EPOCH + timedelta(milliseconds=value)
    return _EPOCH + timedelta(microseconds=value if value < 10**17 else value // 1000)
