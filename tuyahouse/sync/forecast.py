"""What a night would cost before a call is made: calls, minutes, share of the quota."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuyahouse.cloud.calls.authorization import PAGE_SIZE
from tuyahouse.settings import Account, CommandPolicy, PlanPolicy, Settings
from tuyahouse.sync.commands.rules import ask_steps
from tuyahouse.sync.devices.plan import details_due_before
from tuyahouse.sync.serial_numbers.budget import TRIAL, tonights_calls
from tuyahouse.sync.serial_numbers.due import Candidate, is_due
from tuyahouse.sync.serial_numbers.outlook import Outlook, outlook
from tuyahouse.sync.serial_numbers.preview import Preview, of_tonight, usual
from tuyahouse.sync.serial_numbers.strategies import STRATEGIES
from tuyahouse.warehouse.access import accounts
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.devices import inventory, lists
from tuyahouse.warehouse.messages import gaps as message_gaps
from tuyahouse.warehouse.serial_numbers import craft_lines
from tuyahouse.warehouse.warehouse import Warehouse

CALLS_FOR_DETAILS = 3

TOKEN_LIFE = timedelta(hours=2)
"""How long a platform or PMS token lives (docs/tuya.md, Tokens)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A night of serial numbers in numbers. Tokens and craft lines are upper bounds: a live token and a known line cost
    nothing.

    ``minutes`` is None for an unpaced account; ``quota_share`` (0.25 is a quarter of ``monthly_calls``) and
    ``quota_left`` (calls left this month after the plan) are None without a quota.
    """

    due: Mapping[str, int]
    """Serial numbers by why they are to be asked, in the order in which a budget is spent."""
    asked: Mapping[str, int]
    """Those of them that tonight's share of the month's calls pays for."""
    counts: int
    """Pass counts."""
    craft_line_calls: int
    token_calls: int
    minutes: float | None
    quota_share: float | None
    quota_left: int | None

    @property
    def sn_calls(self) -> int:
        return sum(self.asked.values())

    @property
    def calls(self) -> int:
        return self.sn_calls + self.counts + self.craft_line_calls + self.token_calls

    @property
    def left_for_later(self) -> int:
        """Serial numbers that tonight's share does not pay for."""
        return sum(self.due.values()) - self.sn_calls


def count_due(candidates: Iterable[Candidate], now: datetime, policy: PlanPolicy) -> int:
    """How many serial numbers are due by time; candidates are pulled one by one and never held."""
    return sum(is_due(candidate, now, policy) for candidate in candidates)


def within(due: Mapping[str, int], budget: int | None) -> dict[str, int]:
    """What a budget pays for, in the order given."""
    left, paid = sum(due.values()) if budget is None else max(budget, 0), {}
    for reason, count in due.items():
        paid[reason] = min(count, left)
        left -= paid[reason]
    return paid


def forecast(
    due: Mapping[str, int],
    *,
    calls_per_second: float,
    counts: int = 0,
    monthly_calls: int | None = None,
    calls_this_month: int = 0,
    tonight: int | None = None,
    unknown_craft_lines: int = 0,
    has_pms: bool = True,
) -> Plan:
    """What asking the serial numbers costs within ``tonight``, the calls that are left of tonight's share of the month.

    ``unknown_craft_lines`` counts work orders whose craft line was never asked: two calls each, because some accounts
    refuse the first spelling of that call. Serial numbers without a work order may bring more of them. Nothing is
    asked without a user of Tuya's production system.
    """
    wanted = within(due, None if has_pms else 0)
    counts = (counts if tonight is None else min(counts, tonight)) if has_pms else 0
    calls = sum(wanted.values()) + counts
    tokens = token_calls(_seconds(calls, calls_per_second), has_pms) if calls else 0
    asked = within(wanted, None if tonight is None else tonight - counts - tokens)
    tokens = tokens if counts or any(asked.values()) else 0
    left = None if monthly_calls is None else max(monthly_calls - calls_this_month, 0)
    spent = sum(asked.values()) + counts + tokens
    craft = 2 * unknown_craft_lines * has_pms
    if left is not None:
        craft = min(craft, max(left - spent, 0))
    seconds = _seconds(max(sum(asked.values()), craft) + counts, calls_per_second)
    return Plan(
        due=due,
        asked=asked,
        counts=counts,
        craft_line_calls=craft,
        token_calls=tokens,
        minutes=None if seconds is None else seconds / 60,
        quota_share=None if monthly_calls is None else (spent + craft) / max(monthly_calls, 1),
        quota_left=None if left is None else left - spent - craft,
    )


def _seconds(calls: int, calls_per_second: float) -> float | None:
    return calls / calls_per_second if calls_per_second > 0 else None


def token_calls(seconds: float | None, has_pms: bool) -> int:
    """Calls for tokens in a run of that length that begins without any.

    One platform grant per token life; for PMS a login (two calls) each, except for one refresh a day.
    """
    lives = max(math.ceil((seconds or 0) / TOKEN_LIFE.total_seconds()), 1)
    if not has_pms:
        return lives
    days = math.ceil(lives * TOKEN_LIFE / timedelta(days=1))
    refreshes = min(days, lives - 1)
    return lives + 2 * (lives - refreshes) + refreshes


def tonight(warehouse: Warehouse, settings: Settings, account: Account, now: datetime) -> tuple[Plan, Preview]:
    """What serial numbers would cost by the account's strategy, before a call is made."""
    share = tonights_calls(warehouse, account, now)
    with warehouse.read() as conn:
        preview = of_tonight(conn, account, settings.plan, now, share)
        lines = craft_lines.unknown_orders(conn, account.name)
    plan = forecast(
        preview.chosen,
        counts=preview.counts,
        calls_per_second=account.calls_per_second,
        monthly_calls=account.monthly_calls,
        calls_this_month=warehouse.slots.calls_this_month(account.name, now),
        tonight=share,
        unknown_craft_lines=lines,
        has_pms=account.has_pms,
    )
    return plan, preview


def in_the_long_run(
    warehouse: Warehouse, settings: Settings, account: Account, now: datetime, tonight: Preview
) -> list[Outlook]:
    """The nights to come by every strategy within the account's budget, then by its own within other budgets."""
    with warehouse.read() as conn:
        found = usual(conn, account, settings.plan, now, tonight)
    own = account.monthly_calls
    return [outlook(name, own, found) for name in STRATEGIES] + [
        outlook(account.strategy, other, found) for other in (None, TRIAL) if other != own
    ]


@dataclass(frozen=True, slots=True)
class AlsoDue:
    """``keys`` of a kind are due and cost ``calls``; ``what`` names the kind."""

    what: str
    keys: int
    calls: int
    note: str = ""
    """What the numbers do not show."""


def devices_due(warehouse: Warehouse, account: Account, now: datetime) -> list[AlsoDue]:
    """Pages of the device lists and details of known devices; nothing for an account without projects.

    While messages may be lost, the details of all devices. A lower bound: a list that moves while it is read is read
    again, and devices that are not known yet have details too.
    """
    if not account.project_ids:
        return []
    with warehouse.read() as conn:
        known = inventory.count_devices(conn, account.name)
        since = details_due_before(message_gaps.open_gaps(conn, account.name), now)
        due = inventory.due_for_details(conn, account.name, account.project_ids, since)
        details = sum(1 for _ in due)
        before = {each: lists.device_list(conn, account.name, each) for each in account.project_ids}
    unread = [project for project, how in before.items() if not lists.read_whole(how)]
    pages = [math.ceil(known.get(project, 0) / account.device_page_size) for project in account.project_ids]
    listed = sum(known.get(project, 0) for project in account.project_ids)
    return [
        AlsoDue("devices on lists", listed, sum(max(count, 1) for count in pages)),
        AlsoDue("details of devices", details, details * CALLS_FOR_DETAILS, _note(unread)),
    ]


def accounts_due(warehouse: Warehouse, account: Account) -> list[AlsoDue]:
    """Pages of the list of authorized accounts; nothing where nightly_sync does not read it. A lower bound."""
    if not account.sync_accounts:
        return []
    with warehouse.read() as conn:
        known = accounts.count(conn, account.name)
    return [AlsoDue("authorized accounts", known, max(math.ceil(known / PAGE_SIZE), 1))]


def _note(unread: Sequence[str]) -> str:
    if not unread:
        return ""
    return (
        f"Never read whole: {', '.join(unread)}. How many devices are listed there nobody knows yet, and each new one "
        f"costs {CALLS_FOR_DETAILS} calls for its details, in the same night."
    )


def commands_due(warehouse: Warehouse, account: Account, policy: CommandPolicy, now: datetime) -> AlsoDue:
    """Open command records whose time has come; all of them while messages may be lost."""
    with warehouse.read() as conn:
        gaps = bool(message_gaps.open_gaps(conn, account.name))
        due = sum(1 for _ in records.due(conn, account.name, ask_steps(policy), now, everything=gaps))
    return AlsoDue("open commands", due, due)
