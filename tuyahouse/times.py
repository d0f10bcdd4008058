"""The clock of this machine."""

from datetime import UTC, datetime, timedelta

CLOCKS_DIFFER = timedelta(hours=1)
"""By this much the clocks of machines may differ. A stored time that is further ahead of the present was stored under a
wrong clock, or by a run that was given another present."""


def utc_now() -> datetime:
    """The current time, in UTC and aware of it."""
    return datetime.now(UTC)
