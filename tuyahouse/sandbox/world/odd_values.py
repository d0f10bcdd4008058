"""Odd values in the place of single fields of Tuya's answers: types, sizes, encodings, nesting, numbers."""

import json
import random
from typing import Any

MARK = "odd-value-goes-here"

LITERALS: tuple[bytes, ...] = (
    b'"\xff\xfe"', b'"\xc3\x28"', b'"\xed\xa0\x80"',
    b"null", b"true", b"false", b"0", b"-1", b"1.5", b"1e999", b"-1e999", b"1e-999", b"NaN", b"Infinity", b"-0.0",
    b"1" * 30, b"9" * 400, b"9007199254740993", b"1790000000456E0", b'""', b'" "', b'"."', b'".."', b'"a/b?c#d"',
    b'"\\u0000"', b'"half \\ud83d"', b'"\\udc00\\ud800"',
    b'"' + b"x" * 3_000 + b'"', b'"' + "門".encode() * 2_000 + b'"', b'"\x1b[2J"', b'"{\\"a\\":1}"', b"[]", b"[[]]",
    b"{}", b'{"a":{"b":[1,null]}}', b'{"":""}', b"[1,2,3]", b"[" * 60 + b"]" * 60, b"[" * 3_000 + b"]" * 3_000,
    b'{"a":' * 500 + b"1" + b"}" * 500, b'"0001-01-01"', b"10000000000000000000000000000000", b"-62135596800001",
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, the value itself first."""
    found = [path]
    if isinstance(value, dict):
        for name, item in value.items():
            found += places(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value[:3]):
            found += places(item, (*path, number))
    return found


def with_odd_value(rng: random.Random, answer: Any) -> bytes:
    """The bytes of an answer with one place replaced by an odd literal, renamed, or taken out."""
    path = rng.choice(places(answer))
    way = rng.random()
    if path and way < 0.1 and isinstance(path[-1], str):
        return json.dumps(_changed(answer, path, None, name=rng.choice(("", path[-1].upper(), "x" * 300)))).encode()
    marked = json.dumps(_changed(answer, path, MARK), ensure_ascii=rng.random() < 0.5).encode()
    return marked.replace(b'"' + MARK.encode() + b'"', rng.choice(LITERALS))


def _changed(value: Any, path: tuple[Any, ...], to: Any, name: str | None = None) -> Any:
    if not path:
        return to
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        return [_changed(item, rest, to, name) if number == step else item for number, item in enumerate(value)]
    if not rest and name is not None:
        return {name if key == step else key: item for key, item in value.items()}
    return {key: _changed(item, rest, to, name) if key == step else item for key, item in value.items()}
