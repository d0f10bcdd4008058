"""What nights come to in the long run, by strategy and budget: calls, and how old what is known may get. Pure."""

from dataclasses import dataclass
from math import ceil

from tuyahouse.sync.serial_numbers.budget import NIGHTS_OF_A_MONTH, for_counts


@dataclass(frozen=True, slots=True)
class Usual:
    """A usual night of an account."""

    open: int
    """Serial numbers that are not finished, and that Tuya knows or was not asked for yet."""
    again: int
    """Finished and unknown ones that are asked again, a night."""
    counts: int
    """Pass counts of all work orders under way."""
    by_counts: int
    """Serial numbers that these let be asked, a night."""
    open_nights: int
    """Nights after which ``stale`` asks an open one again."""
    most_nights: int
    """Nights after which an open one is asked, whatever counts say."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A strategy within a budget. Days are None where the budget pays for nothing."""

    strategy: str
    monthly_calls: int | None
    calls: int
    """A night."""
    orders: int | None
    """Days after which every work order under way was counted or asked again, at most."""
    serial_numbers: int | None
    """Days after which every open serial number was asked again, at most."""
    moved: int | None
    """Days after which one that moved was asked; 1 is the same night."""


def outlook(strategy: str, monthly_calls: int | None, usual: Usual) -> Outlook:
    """What the nights come to within ``monthly_calls``; None: without a limit."""
    budget = None if monthly_calls is None else monthly_calls // NIGHTS_OF_A_MONTH
    if strategy == "pass_counts":
        return _by_counts(monthly_calls, budget, usual)
    nights = usual.open_nights if strategy == "stale" else 1
    needed = ceil(usual.open / nights) + usual.again
    if budget is None or needed <= budget:
        return Outlook(strategy, monthly_calls, needed, nights, nights, nights)
    days = _nights(max(usual.open + usual.again, nights * budget), budget)
    return Outlook(strategy, monthly_calls, budget, days, days, days)


def _by_counts(monthly_calls: int | None, budget: int | None, usual: Usual) -> Outlook:
    """Overdue ones come first, then those that moved; counts take half of what a budget pays for at most."""
    nights = usual.most_nights
    overdue = ceil(max(usual.open - usual.by_counts * nights, 0) / nights)
    asked = overdue + usual.by_counts + usual.again
    # Where counting does not pay, work orders are asked in full.
    needed = min(usual.counts + asked, usual.open + usual.again)
    if budget is None or needed <= budget:
        return Outlook("pass_counts", monthly_calls, needed, 1, nights, 1)
    counts = min(usual.counts, for_counts(budget) or 0)
    left = budget - counts
    return Outlook(
        "pass_counts",
        monthly_calls,
        budget,
        _nights(usual.counts, counts) if usual.counts or not budget else 1,
        nights if overdue <= left else _nights(usual.open, left),
        _nights(asked, left),
    )


def _nights(calls: int, a_night: int) -> int | None:
    return ceil(calls / a_night) if a_night else None
