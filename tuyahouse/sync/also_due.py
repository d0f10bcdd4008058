"""What else than serial numbers a night would ask: devices and commands, in calls, before one is made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tuyahouse.settings import Account, CommandPolicy
from tuyahouse.sync.commands.rules import ask_steps
from tuyahouse.sync.devices.plan import details_due_before
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.devices import inventory, lists
from tuyahouse.warehouse.messages import ledger
from tuyahouse.warehouse.warehouse import Warehouse

CALLS_FOR_DETAILS = 3


@dataclass(frozen=True, slots=True)
class AlsoDue:
    """So many ``keys`` of a kind are due and cost so many calls; ``what`` says which."""

    what: str
    keys: int
    calls: int
    note: str = ""
    """What the numbers cannot tell."""


def devices_due(warehouse: Warehouse, account: Account, now: datetime) -> list[AlsoDue]:
    """Pages of the device lists and details of known devices; nothing for an account without projects.

    Details of all devices while messages may be lost. A lower bound: a list that moves while it is read is read again, and devices nobody knows yet have details too.
    """
    if not account.project_ids:
        return []
    with warehouse.read() as conn:
        known = inventory.count_devices(conn, account.name)
        since = details_due_before(ledger.open_gaps(conn, account.name), now)
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
        gaps = bool(ledger.open_gaps(conn, account.name))
        due = sum(1 for _ in records.due(conn, account.name, ask_steps(policy), now, everything=gaps))
    return AlsoDue("open commands", due, due)
