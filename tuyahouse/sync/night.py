"""The parts of a night, and what is due that it cannot ask."""

from datetime import datetime

from tuyahouse.settings import PREFIX, Account, Settings
from tuyahouse.sync.forecast import count_due
from tuyahouse.warehouse.devices import inventory
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse

SIDE_BY_SIDE = ("sync_sn_flows", "sync_devices", "sync_accounts")
AFTERWARDS = ("reconcile_commands",)
"""Commands come last, because messages and devices name them."""

PARTS = (*SIDE_BY_SIDE, *AFTERWARDS)

_WORK = {
    "sync_sn_flows": "asks the due serial numbers",
    "sync_devices": "reads the device lists",
    "sync_accounts": "reads the list of authorized accounts",
    "reconcile_commands": "follows open commands",
}
_LEFT_OUT = {"sync_sn_flows": "asks no serial number", "sync_devices": "reads no device list"}
_NEEDED = {"sync_sn_flows": ("PMS_USERNAME", "PMS_PASSWORD"), "sync_devices": ("PROJECT_IDS",)}


def can_ask(account: Account, part: str) -> bool:
    """Whether the account has the settings for that part of a night."""
    if part == "sync_sn_flows":
        return account.has_pms
    if part == "sync_accounts":
        return account.sync_accounts
    return part != "sync_devices" or bool(account.project_ids)


def in_words(account: Account) -> str:
    """What a night of the account does, and what it leaves out, with the settings that are missing."""
    parts = [what for part, what in _WORK.items() if can_ask(account, part)]
    does = ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
    return " ".join(
        [f"A night {does}.", *(f"It {_LEFT_OUT[part]}: set {missing(account, part)}." for part in left_out(account))]
    )


def left_out(account: Account) -> list[str]:
    """The parts of a night that lack settings. A part that is merely switched off is not among them."""
    return [part for part in _NEEDED if not can_ask(account, part)]


def missing(account: Account, part: str) -> str:
    """The settings that this part of a night needs, all with their whole names."""
    prefix = f"{PREFIX}ACCOUNTS__{account.name.upper()}__"
    return " and ".join(f"{prefix}{name}" for name in _NEEDED[part])


def what_cannot_be_asked(warehouse: Warehouse, settings: Settings, account: Account, now: datetime) -> list[str]:
    """What is due without the settings for it: one sentence each, with the settings to add."""
    found = []
    with warehouse.read() as conn:
        if not can_ask(account, "sync_sn_flows"):
            due = count_due(registry.candidates(conn, account.name), now, settings.plan)
            if due:
                found.append(
                    f"{due:,} serial numbers are due and cannot be asked without a user of Tuya's production system. "
                    f"Set {missing(account, 'sync_sn_flows')}."
                )
        if not can_ask(account, "sync_devices"):
            known = sum(inventory.count_devices(conn, account.name).values())
            if known:
                found.append(
                    f"{known:,} devices are known and cannot be read without a project. Set "
                    f"{missing(account, 'sync_devices')} to the ids of the projects whose devices are to be read."
                )
    return found
