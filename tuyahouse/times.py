"""The time of this machine."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time now, with its zone (UTC)."""
    return datetime.now(UTC)
