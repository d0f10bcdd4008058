"""What a night consists of, and what is due that it cannot ask."""

from datetime import datetime

from tuyahouse.settings import Account, Settings
from tuyahouse.sync.forecast import count_due
from tuyahouse.warehouse.devices import inventory
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse

SIDE_BY_SIDE = ("sync_sn_flows", "sync_devices")
AFTERWARDS = ("reconcile_commands",)
"""Commands come last: messages and devices tell of them."""

PARTS = (*SIDE_BY_SIDE, *AFTERWARDS)


def can_ask(account: Account, part: str) -> bool:
    """Whether the account's settings suffice for that part of a night."""
    if part == "sync_sn_flows":
        return account.has_pms
    return part != "sync_devices" or bool(account.project_ids)


def what_cannot_be_asked(warehouse: Warehouse, settings: Settings, account: Account, now: datetime) -> list[str]:
    """What the account has due and no settings for, in a sentence each that names the settings to add."""
    prefix = f"TUYAHOUSE_ACCOUNTS__{account.name.upper()}__"
    found = []
    with warehouse.read() as conn:
        if not can_ask(account, "sync_sn_flows"):
            due = count_due(registry.candidates(conn, account.name), now, settings.plan).total
            if due:
                found.append(
                    f"{due:,} serial numbers are due and cannot be asked without a user of Tuya's production system. "
                    f"Set {prefix}PMS_USERNAME and {prefix}PMS_PASSWORD."
                )
        if not can_ask(account, "sync_devices"):
            known = sum(inventory.count_devices(conn, account.name).values())
            if known:
                found.append(
                    f"{known:,} devices are known and cannot be read without a project. Set {prefix}PROJECT_IDS to "
                    "the ids of the projects whose devices are to be read."
                )
    return found
