"""A month's calls, shared out over its nights."""

import math
from datetime import datetime, timedelta

from tuyahouse.cloud.errors import prefix
from tuyahouse.settings import Account
from tuyahouse.sync.chunks import calls_left
from tuyahouse.warehouse.warehouse import Warehouse

NIGHTS_OF_A_MONTH = 31
TRIAL = 26_000
"""Calls a month of a trial of Tuya's."""


def share_of_night(left: int, now: datetime) -> int:
    """What one night may spend of the calls left in the month (UTC), so that the nights after it have as much."""
    following = (now.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    nights = max(math.ceil((following - now) / timedelta(days=1)), 1)
    return -(-left // nights)


def tonights_calls(warehouse: Warehouse, account: Account, now: datetime) -> int | None:
    """What is left of tonight's share of the month's calls; None without a limit."""
    left = calls_left(warehouse, account, now)
    if left is None:
        return None
    today = warehouse.slots.calls_today(account.name, now)
    return max(0, share_of_night(left + today, now) - today)


def for_counts(paid: int | None) -> int | None:
    """What pass counts may spend of that: half of it, so that something is left to ask what they tell of."""
    return None if paid is None else paid // 2


def not_tonight(account: Account, planned: int, waiting: int) -> str:
    """What tonight's share of the month's calls does not pay for."""
    return (
        f"Tonight's share of the month's calls pays for {planned:,} of {planned + waiting:,} serial numbers: the "
        f"others wait for the nights to come. Raise {prefix(account.name)}MONTHLY_CALLS to ask more."
    )
