"""Fingerprints of answers: a changed answer is recognised by a changed fingerprint."""

from collections.abc import Iterable

import msgspec
import xxhash


def fingerprint(sent: bytes | msgspec.Raw) -> bytes:
    """16 bytes that identify what was sent; two different answers share them with a probability of 2⁻¹²⁸.

    XXH3 is fast: every answer of every night is compared with the last one. It detects changes, not forgery.
    """
    return xxhash.xxh3_128_digest(sent)


def fingerprints(sent: Iterable[bytes]) -> list[bytes]:
    """:func:`fingerprint` of each."""
    return list(map(xxhash.xxh3_128_digest, sent))
