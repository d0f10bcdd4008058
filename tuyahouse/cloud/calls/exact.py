"""JSON objects read with every number exact: whole numbers of any length keep all their digits."""

import json
from typing import Any

import msgspec

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_text = msgspec.json.Decoder(str).decode


def items(value: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a JSON list; none for null. Raises msgspec.MsgspecError for anything else."""
    return _items(value) or []


def members(value: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, undecoded. Raises msgspec.MsgspecError for anything else."""
    return _members(value)


def as_text(value: msgspec.Raw | None) -> str | None:
    """Text as sent, a number by its digits, anything else as its JSON; none for null or absent."""
    if value is None:
        return None
    raw = bytes(value).strip()
    if raw == b"null":
        return None
    return _text(raw) if raw.startswith(b'"') else raw.decode()


def as_value(value: msgspec.Raw) -> Any:
    """What Python's own reader makes of it: it keeps whole numbers of any length."""
    return json.loads(bytes(value))
