"""``tuyahouse plan``: what the next night would ask and cost, and what another strategy or budget would give."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tuyahouse.cli.context import OneAccount, chosen, open_warehouse, read_settings
from tuyahouse.cli.output import say, show
from tuyahouse.settings import Account, Settings
from tuyahouse.sync.forecast import (
    AlsoDue,
    Plan,
    accounts_due,
    commands_due,
    devices_due,
    in_the_long_run,
    tonight,
)
from tuyahouse.sync.night import in_words, what_cannot_be_asked
from tuyahouse.sync.serial_numbers.budget import TRIAL
from tuyahouse.sync.serial_numbers.came_to import trust_in_words
from tuyahouse.sync.serial_numbers.outlook import Outlook
from tuyahouse.sync.serial_numbers.preview import MOVED_SHARE, Preview
from tuyahouse.terminal import duration
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse

REASONS = {
    "overdue": "not asked for MAX_STALENESS_DAYS",
    "new": "never asked",
    "moved": "moved, and samples (expected)",
    "audited": "of audited work orders",
    "uncounted": "of orders that counts cannot decide",
    "due": "open, and not asked for a while",
    "unknown": "unknown to Tuya so far",
    "finished": "finished, checked again now and then",
}


def plan(account: OneAccount = None) -> None:
    """Show what the next run would ask, why, and what it would cost; and how old what is known would get by another
    strategy or budget. Makes no call.

    Example:

    \b
      tuyahouse plan --account factory
    """
    settings = read_settings()
    accounts = chosen(settings, account)
    with open_warehouse(settings) as warehouse:
        for one in accounts:
            _plan(warehouse, settings, one, datetime.now(UTC))


def _plan(warehouse: Warehouse, settings: Settings, account: Account, now: datetime) -> None:
    night, preview = tonight(warehouse, settings, account, now)
    others = [
        *devices_due(warehouse, account, now),
        *accounts_due(warehouse, account),
        commands_due(warehouse, account, settings.commands, now),
    ]
    rows: list[tuple[object, ...]] = []
    if preview.trust is not None:
        rows.append(("pass counts of work orders", preview.counts, night.counts))
    rows += [
        (f"serial numbers {why}", night.due[name], night.asked[name])
        for name, why in REASONS.items()
        if name in night.due
    ]
    rows += [("craft lines of work orders", None, night.craft_line_calls), ("tokens", None, night.token_calls)]
    rows += [(other.what, other.keys, other.calls) for other in others]
    calls = night.calls + sum(other.calls for other in others)
    show(f"Plan for {account.name} by {preview.strategy}", ("what", "due", "calls"), [*rows, ("all", None, calls)])
    long_run = in_the_long_run(warehouse, settings, account, now, preview)
    for line in [
        in_words(account),
        *what_cannot_be_asked(warehouse, settings, account, now),
        *_by_counts(preview),
        *_sentences(account, night, others, calls),
        *(other.note for other in others if other.note),
    ]:
        say(line)
    show(
        "In the long run: calls, and how old what is known may get",
        ("strategy", "a month", "a night", "orders", "serial numbers", "moved ones"),
        [_row(one) for one in long_run],
    )
    for line in [*_oldest(warehouse, account, now), *map(_at_most, _named(account, long_run)), *_guessed(preview)]:
        say(line)


def _by_counts(preview: Preview) -> list[str]:
    """How far the pass counts are trusted, and what that means tonight."""
    if preview.trust is None:
        return []
    lines = [trust_in_words(preview.trust)]
    if preview.audited:
        lines.append(f"Tonight asks {preview.audited:,} work orders in full to check them, and all others by age.")
    if preview.unpaid_counts:
        lines.append(f"{preview.unpaid_counts:,} work orders go by age: tonight's share does not pay for their counts.")
    return lines


def _guessed(preview: Preview) -> list[str]:
    """That no night has told yet how much moves."""
    if not preview.guessed:
        return []
    return [f"No night has told yet how many move: {MOVED_SHARE:.0%} of the open ones are taken for it."]


def _row(one: Outlook) -> tuple[object, ...]:
    month = "no limit" if one.monthly_calls is None else f"{one.monthly_calls:,}"
    moved = "same night" if one.moved == 1 else _days(one.moved)
    return one.strategy, month, one.calls, _days(one.orders), _days(one.serial_numbers), moved


def _days(days: int | None) -> str:
    return "never" if days is None else "1 day" if days == 1 else f"{days:,} days"


def _named(account: Account, long_run: Sequence[Outlook]) -> list[Outlook]:
    """The account's own way, within its budget or that of a trial."""
    budget = TRIAL if account.monthly_calls is None else account.monthly_calls
    return [one for one in long_run if (one.strategy, one.monthly_calls) == (account.strategy, budget)]


def _at_most(one: Outlook) -> str:
    if not one.monthly_calls:
        return "At 0 calls a month nothing is ever asked."
    return (
        f"At {one.monthly_calls:,} calls a month by {one.strategy}: work orders at most {_days(one.orders)} old, "
        f"serial numbers at most {_days(one.serial_numbers)}."
    )


def _oldest(warehouse: Warehouse, account: Account, now: datetime) -> list[str]:
    """How old what is known of an open serial number is by now."""
    with warehouse.read() as conn:
        oldest = registry.oldest_open(conn, account.name)
    if oldest is None or oldest > now:
        return []
    days = (now - oldest) / timedelta(days=1)
    return [f"Now: the open serial number that was asked longest ago was asked {days:.1f} days ago."]


def _sentences(account: Account, night: Plan, others: list[AlsoDue], calls: int) -> list[str]:
    pace = f"{account.calls_per_second:g} calls per second and endpoint"
    lines = [
        f"At {pace} the serial numbers take about {duration(night.minutes * 60)}."
        if night.minutes is not None
        else "The account is unpaced (CALLS_PER_SECOND=0): the time cannot be estimated."
    ]
    if account.monthly_calls is None or night.quota_left is None:
        return [*lines, "MONTHLY_CALLS is not set: tuyahouse does not limit the calls of a month."]
    if not account.monthly_calls:
        return [*lines, "MONTHLY_CALLS is 0: no call is paid for, so nothing is asked."]
    share = calls / account.monthly_calls
    before = night.calls + night.quota_left
    after = max(before - calls, 0)
    lines.append(
        f"That is {share:.1%} of the month's {account.monthly_calls:,} calls, "
        f"of which {max(before, 0):,} are left now; {after:,} would be left."
    )
    if calls > before:
        lines.append("The month's calls do not pay for all of it: the run stops softly when they are used up.")
    if night.left_for_later:
        lines.append(
            f"Tonight's share of the month's calls leaves {night.left_for_later:,} serial numbers for later nights."
        )
    return lines
