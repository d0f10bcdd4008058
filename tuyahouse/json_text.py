"""One tolerant reader of JSON written by others: answers over HTTP, messages, and JSON inside their texts.

Valid JSON is decoded at once. What a strict reader refuses is repaired and decoded again, by these rules:

- a leading byte-order mark is removed;
- invalid UTF-8 and lone surrogates (halves of a character) become U+FFFD;
- numbers that are not finite (``NaN``, ``Infinity``, ``1e999``) become text as sent;
- whatever is nested deeper than :data:`DEEPEST` brackets becomes text as sent;
- control characters inside a text are kept.

If a key is sent twice, its last value counts. Whole numbers keep all their digits; decimals that a float would change,
and whole numbers of thousands of digits, become text.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

DEEPEST = 100
"""Levels of brackets that are decoded: far fewer than readers and databases can bear, far more than anybody sends."""

BROKEN = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding may raise for text that is not JSON. msgspec.ValidationError means JSON of another shape."""

_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'  # a text
    r"|[\[\]{}]"
    r"|-?(?:NaN|Infinity)\b|-?\d++(?:\.\d++)?+[eE][+-]?\d++|-?\d{300,}(?:\.\d++)?+",
    re.DOTALL,
)
_HEX = "[0-9a-fA-F]"
_ESCAPES = re.compile(
    rf"\\(?:u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|(u[dD][89a-fA-F]{_HEX}{{2}})|.)", re.DOTALL
)
_CONTROL = re.compile("[\x00-\x1f]")


def exact_number(digits: str) -> float | str:
    """A float if it is exactly the number sent, else the text itself."""
    value = float(digits)
    return value if repr(value) == digits else digits


_decode_exact = msgspec.json.Decoder(float_hook=exact_number).decode


def decode(sent: str | bytes | msgspec.Raw) -> Any:
    """The value that was sent.

    Raises:
        msgspec.DecodeError: it is not JSON, mended or not.
    """
    try:
        return read(_decode_exact, sent)
    except msgspec.ValidationError:  # a whole number of thousands of digits
        return _decode_exact(mended(sent))


def read(decode: Callable[[Any], T], sent: str | bytes | msgspec.Raw) -> T:
    """What ``decode`` makes of the text, which is repaired first if it is not strict JSON.

    Raises:
        msgspec.ValidationError: it is JSON of another shape.
        msgspec.DecodeError: it is not JSON, mended or not.
    """
    try:
        return decode(sent)
    except msgspec.ValidationError:
        raise
    except BROKEN:
        try:
            return decode(mended(sent))
        except (UnicodeError, RecursionError) as error:
            raise msgspec.DecodeError(str(error)) from None


def mended(sent: str | bytes | msgspec.Raw) -> bytes:
    """The text as strict JSON, by the rules above. Text that is not JSON at all stays broken."""
    text = sent if isinstance(sent, str) else _characters(bytes(sent))
    return "".join(_parts(_without_halves(text.removeprefix("\ufeff")))).encode()


def _characters(sent: bytes) -> str:
    try:
        return sent.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return sent.decode("utf-8", "replace")


def _without_halves(text: str) -> str:
    """Pairs of surrogates become their character, single ones U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _parts(text: str) -> list[str]:
    parts: list[str] = []
    depth = done = 0
    for token in _TOKEN.finditer(text):
        start, found = token.start(), token[0]
        if found in ("[", "{"):
            depth += 1
            if depth == DEEPEST + 1:
                parts.append(text[done:start])
                done = start
        elif found in ("]", "}"):
            depth -= 1
            if depth == DEEPEST:
                parts.append(json.dumps(text[done : token.end()], ensure_ascii=False))
                done = token.end()
        elif depth <= DEEPEST and (strict := _strict(found)) != found:
            parts += text[done:start], strict
            done = token.end()
    parts.append(text[done:])
    return parts


def _strict(token: str) -> str:
    if token[0] == '"':
        return _CONTROL.sub(_escaped, _ESCAPES.sub(_whole_character, token))
    return token if math.isfinite(float(token)) else f'"{token}"'


def _whole_character(escape: "re.Match[str]") -> str:
    return "\\ufffd" if escape[1] else escape[0]


def _escaped(control: "re.Match[str]") -> str:
    return f"\\u{ord(control[0]):04x}"
