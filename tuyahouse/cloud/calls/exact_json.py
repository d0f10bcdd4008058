"""JSON objects read with every number exact: whole numbers of any length keep all their digits."""

from typing import Any

import msgspec

from tuyahouse import json_text

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_text = msgspec.json.Decoder(str).decode


def items(value: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a JSON list; an empty list for null. Raises msgspec.MsgspecError for anything else."""
    return json_text.read(_items, value) or []


def members(value: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, undecoded. Raises msgspec.MsgspecError for anything else."""
    return json_text.read(_members, value)


def as_text(value: msgspec.Raw | None) -> str | None:
    """Text as sent, a number by its digits, anything else as its JSON; None for null or absent."""
    if value is None:
        return None
    raw = bytes(value).strip()
    if raw == b"null":
        return None
    return json_text.read(_text, raw) if raw.startswith(b'"') else json_text.mended(raw).decode()


def as_value(value: msgspec.Raw) -> Any:
    """The value, decoded (see :mod:`tuyahouse.json_text`)."""
    return json_text.decode(value)
