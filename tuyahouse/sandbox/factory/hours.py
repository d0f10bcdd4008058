"""The hours in which the reference factory works: two shifts from Monday to Friday, one on Saturday, in UTC+8."""

from tuyahouse.sandbox.days import DAY_MS, FIRST_DAY_MS, HOUR_MS

ZONE_MS = 8 * HOUR_MS
SHIFTS = "early=06:00,late=14:00"
_BEGIN_MS, _DAY_WORK, _SATURDAY_WORK = 6 * HOUR_MS, 16 * HOUR_MS, 8 * HOUR_MS
WEEK_WORK_MS = 5 * _DAY_WORK + _SATURDAY_WORK
_MONDAY_MS = FIRST_DAY_MS + DAY_MS - ZONE_MS
"""Local midnight of Monday, 2 November 2026: working time 0."""


def wall_ms(work_ms: int) -> int:
    """When so much working time has passed since the first Monday; negative before it."""
    weeks, left = divmod(work_ms, WEEK_WORK_MS)
    day, within = divmod(left, _DAY_WORK)
    return _MONDAY_MS + (weeks * 7 + day) * DAY_MS + _BEGIN_MS + within
