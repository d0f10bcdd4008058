"""The clock of this machine."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time, in UTC and aware of it."""
    return datetime.now(UTC)
