"""``tuyahouse plan``: what the next night would ask and cost."""

from datetime import UTC, datetime

from tuyahouse.cli.context import OneAccount, chosen, open_warehouse, read_settings
from tuyahouse.cli.output import say, show
from tuyahouse.settings import Account, Settings
from tuyahouse.sync.forecast import AlsoDue, Plan, accounts_due, commands_due, devices_due, tonight
from tuyahouse.sync.night import in_words, what_cannot_be_asked
from tuyahouse.terminal import duration
from tuyahouse.warehouse.warehouse import Warehouse

REASONS = {
    "new": "never asked",
    "open": "open, and not asked for a while",
    "unknown": "unknown to Tuya so far",
    "finished": "finished, checked again now and then",
}


def plan(account: OneAccount = None) -> None:
    """Show what the next run would ask and what it would cost. Makes no call.

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
    night = tonight(warehouse, settings, account, now)
    others = [
        *devices_due(warehouse, account, now),
        *accounts_due(warehouse, account),
        commands_due(warehouse, account, settings.commands, now),
    ]
    rows: list[tuple[object, ...]] = [
        (f"serial numbers {why}", getattr(night.due, name), getattr(night.asked, name)) for name, why in REASONS.items()
    ]
    rows += [("craft lines of work orders", None, night.craft_line_calls), ("tokens", None, night.token_calls)]
    rows += [(other.what, other.keys, other.calls) for other in others]
    calls = night.calls + sum(other.calls for other in others)
    show(f"Plan for {account.name}", ("what", "due", "calls"), [*rows, ("all", None, calls)])
    for line in [
        in_words(account),
        *what_cannot_be_asked(warehouse, settings, account, now),
        *_by_counts(account),
        *_sentences(account, night, others, calls),
        *(other.note for other in others if other.note),
    ]:
        say(line)


def _by_counts(account: Account) -> list[str]:
    """That the figures are those by age, where the night decides by what moved."""
    if account.strategy != "pass_counts":
        return []
    return [
        "STRATEGY is pass_counts: the night asks pass counts first, and decides by them which serial numbers it asks. "
        "The figures are those by age, as long as the counts are not trusted."
    ]


def _sentences(account: Account, night: Plan, others: list[AlsoDue], calls: int) -> list[str]:
    pace = f"{account.calls_per_second:g} calls per second and endpoint"
    lines = [
        f"At {pace} the serial numbers take about {duration(night.minutes * 60)}."
        if night.minutes is not None
        else "The account is unpaced (CALLS_PER_SECOND=0): the time cannot be estimated."
    ]
    if account.monthly_calls is None or night.quota_left is None:
        return [*lines, "MONTHLY_CALLS is not set: tuyahouse does not limit the calls of a month."]
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
        lines.append(f"The budget leaves {night.left_for_later:,} due serial numbers for later.")
    return lines
