"""A million damaged messages through envelope and events: ``python -m tests.messages.fuzz 1000000 [SEED]``.

Damage is done at every layer: to the payload, to the envelope's fields, to the cipher text, to the plain text before
it is sealed, and to values inside it. Fails on any exception and on any message that takes longer than a second.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.messages import samples
from tests.messages.sealing import ACCESS_KEY, ecb, envelope_a, envelope_b, gcm, sealed
from tuyahouse.messages.reading import DEAD, MessageReader

NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
SLOW_SECONDS = 1.0
PLAIN = [json.dumps(message, separators=(",", ":")).encode() for message in samples.ALL.values()]
SEALED = [sealed(message) for message in samples.ALL.values()]
ODD: list[Any] = [
    None, True, False, 0, -1, 5, 2**31, 2**53 + 1, 10**19, -(10**25), 1.5, 1e308, "", " ", "0", "9" * 30, "9" * 5000,
    "\0", "\ud7ff", "é" * 300, "{", "{}", "[]", '{"deviceId":"', [], [[]], {}, {"a": {"b": []}}, "edge_device",
    "online", "delete", "device-unbind", 4_102_444_800_000, "1790000000", ["x"] * 50,
]  # fmt: skip


def bytes_damaged(rng: random.Random, text: bytes) -> bytes:
    """Some bytes replaced, removed, doubled or added, or the end cut off."""
    out = bytearray(text)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(out) + 1)
        way = rng.randrange(5)
        if way == 0:
            out[at : at + 1] = rng.randbytes(1)
        elif way == 1:
            del out[at : at + rng.randint(1, 9)]
        elif way == 2:
            out[at:at] = out[at : at + rng.randint(1, 40)]
        elif way == 3:
            out[at:at] = rng.choice([b'"', b"{", b"}", b"[", b"\\", b"\\u0000", b"\\ud800", b"0", b",", b":"])
        else:
            del out[at:]
    return bytes(out)


def values_damaged(rng: random.Random, value: Any) -> Any:
    """The same structure with one value somewhere replaced, removed or renamed; JSON inside texts is entered."""
    if isinstance(value, str) and value[:1] in ("{", "[") and rng.random() < 0.7:
        try:
            return json.dumps(values_damaged(rng, json.loads(value)))
        except ValueError:
            return rng.choice(ODD)
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [values_damaged(rng, item) if n == at else item for n, item in enumerate(value)]
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        way = rng.random()
        if way < 0.2:
            return {other: item for other, item in value.items() if other != name}
        if way < 0.3:
            return {(str(rng.choice(ODD)) if other == name else other): item for other, item in value.items()}
        return {**value, name: values_damaged(rng, value[name])}
    return rng.choice(ODD)


def _noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randint(0, 200))


def _payload(rng: random.Random) -> bytes:
    return bytes_damaged(rng, rng.choice(SEALED))


def _envelope(rng: random.Random) -> bytes:
    return json.dumps(values_damaged(rng, json.loads(rng.choice(SEALED)))).encode()


def _cipher_text(rng: random.Random) -> bytes:
    text = bytes_damaged(rng, ecb(rng.choice(PLAIN)).encode()).decode("latin-1")
    return rng.choice((envelope_a, envelope_b))(text)


def _plain_bytes(rng: random.Random) -> bytes:
    return envelope_a(rng.choice((ecb, gcm))(bytes_damaged(rng, rng.choice(PLAIN))))


def _plain_values(rng: random.Random) -> bytes:
    changed = values_damaged(rng, rng.choice(list(samples.ALL.values())))
    return envelope_b(ecb(json.dumps(changed).encode()))


DAMAGES: tuple[Callable[[random.Random], bytes], ...] = (
    _noise,
    _payload,
    _envelope,
    _cipher_text,
    _plain_bytes,
    _plain_values,
)


def fuzz(count: int, seed: int) -> Counter[str]:
    """Read ``count`` damaged messages; how often each verdict or reason was met. Raises what the reader raises."""
    rng, reader, met = random.Random(seed), MessageReader(ACCESS_KEY), Counter[str]()
    for n in range(count):
        payload = DAMAGES[n % len(DAMAGES)](rng)
        mode = rng.choice((None, None, "aes_ecb", "aes_gcm", "other"))
        started = time.perf_counter()
        reading = reader.read(payload, mode, NOW)
        if time.perf_counter() - started > SLOW_SECONDS:
            raise AssertionError(f"message {n} of seed {seed} took longer than {SLOW_SECONDS} s: {payload[:200]!r}")
        met[reading.error.reason if reading.verdict == DEAD and reading.error else reading.verdict] += 1
    return met


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261121
    met = fuzz(count, seed)
    print(f"{met.total():,} damaged messages read, none raised (seed {seed}):")
    for name, times in met.most_common():
        print(f"  {times:>10,}  {name}")


if __name__ == "__main__":
    main()
