"""A range of serial numbers written as its two ends: ``YZCB04ZZR00001..YZCB04ZZR09999``. Pure."""

import re
from collections.abc import Iterator

from tuyahouse.sync.intake.rows import Entry, Row, SourceError, id_text, shown

MOST = 10_000_000
"""Most serial numbers in one pattern; more is a typing error rather than a factory."""

_LAST_DIGITS = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


def read_pattern(pattern: str) -> Iterator[Entry]:
    """Every serial number from the first to the last end: the last run of digits counts up and keeps its width.

    The text before and after those digits must be the same at both ends.

    Raises:
        SourceError: it is not such a range; raised before the first serial number is yielded.
    """
    prefix, first, last, width, suffix = _range(pattern)
    return (Row(f"number {n}", f"{prefix}{n:0{width}d}{suffix}") for n in range(first, last + 1))


def _range(pattern: str) -> tuple[str, int, int, int, str]:
    ends = _ends(pattern)
    if len(ends) != 2 or not all(ends):
        raise SourceError(f"{pattern!r} is not a range: write both ends, like P00001..P09999.")
    (prefix, low, suffix), (other_prefix, high, other_suffix) = _parts(ends[0]), _parts(ends[1])
    if (prefix, suffix) != (other_prefix, other_suffix):
        raise SourceError(f"{pattern!r}: the ends differ outside their last digits; both must begin and end alike.")
    if len(low) != len(high):
        raise SourceError(
            f"{pattern!r}: the digits differ in width ({low} and {high}); pad both ends with zeros to the same width."
        )
    first, last = int(low), int(high)
    if first > last:
        raise SourceError(f"{pattern!r}: the first end is higher than the last; swap them.")
    if last - first >= MOST:
        raise SourceError(
            f"{pattern!r} holds {last - first + 1:,} serial numbers, more than {MOST:,}; write smaller ranges."
        )
    return prefix, first, last, len(low), suffix


def _ends(pattern: str) -> list[str]:
    try:
        return [id_text(end) for end in pattern.split("..")]
    except ValueError as refusal:
        raise SourceError(f"{shown(pattern)} is not a range of serial numbers: in one end, {refusal}.") from None


def _parts(end: str) -> tuple[str, str, str]:
    """Prefix, last run of digits, suffix."""
    parts = _LAST_DIGITS.fullmatch(end)
    if parts is None:
        raise SourceError(f"{end!r} has no digits to count, as in P00001..P09999.")
    return parts[1], parts[2], parts[3]
