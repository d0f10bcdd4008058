"""One tolerant way of reading JSON that others wrote: answers over HTTP, messages, and JSON inside their texts.

What is JSON is decoded at once. What a strict reader refuses is mended and decoded again, by these rules:

- a byte-order mark before it goes;
- bytes that are no UTF-8, and halves of a character (lone surrogates), become U+FFFD;
- what is no finite number (``NaN``, ``Infinity``, ``1e999``) becomes the text that was sent;
- what stands inside more than :data:`DEEPEST` brackets becomes the text that was sent;
- control characters inside a text are kept.

Of a key that is sent twice the last value counts. Whole numbers keep all their digits; decimals that a float would change,
and whole numbers of thousands of digits, are text.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

DEEPEST = 100
"""Brackets inside brackets that are kept as such: far below what readers and databases bear, far above what anybody sends."""

BROKEN = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding may raise where the text is no JSON; msgspec.ValidationError is JSON of another shape."""

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
    """A float only where it says exactly what was sent, else the text itself."""
    value = float(digits)
    return value if repr(value) == digits else digits


_decode_exact = msgspec.json.Decoder(float_hook=exact_number).decode


def decode(sent: str | bytes | msgspec.Raw) -> Any:
    """The value that was sent.

    Raises:
        msgspec.DecodeError: it is no JSON, mended or not.
    """
    try:
        return read(_decode_exact, sent)
    except msgspec.ValidationError:  # a whole number of thousands of digits
        return _decode_exact(mended(sent))


def read(decode: Callable[[Any], T], sent: str | bytes | msgspec.Raw) -> T:
    """What ``decode`` makes of the text, mended where it is no strict JSON.

    Raises:
        msgspec.ValidationError: it is JSON of another shape.
        msgspec.DecodeError: it is no JSON, mended or not.
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
    """The same as strict JSON by the rules above; what is no JSON stays none."""
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
