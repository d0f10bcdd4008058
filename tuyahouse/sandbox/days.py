"""The sandbox's calendar: day 0 is a fixed date, so that every run repeats."""

from datetime import UTC, datetime

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIRST_DAY_MS = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 1000
NEVER_MS = 1 << 62


def begin_ms(day: int) -> int:
    """The midnight that begins that day."""
    return FIRST_DAY_MS + day * DAY_MS


def instant_ms(day: float) -> int:
    """The end of that day; nothing later has happened yet. 0.5 is noon after the end of day 0."""
    return FIRST_DAY_MS + int((day + 1) * DAY_MS)


def day_of(ms: int) -> int:
    """The day on which a time lies."""
    return (ms - FIRST_DAY_MS) // DAY_MS


def instant(day: float) -> datetime:
    """:func:`instant_ms` as a time."""
    return datetime.fromtimestamp(instant_ms(day) / 1000, UTC)


def day_at(text: str) -> float:
    """The day that ends at this time (ISO 8601, UTC where it names no zone).

    Raises:
        ValueError: it is no such time.
    """
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return (at.timestamp() * 1000 - FIRST_DAY_MS) / DAY_MS - 1
