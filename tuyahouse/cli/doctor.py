"""``tuyahouse doctor``: whether everything works and, if not, what to change."""

import asyncio
from contextlib import ExitStack
from typing import Annotated

import typer

from tuyahouse.cli.account_checks import check_messages, check_night, check_tuya
from tuyahouse.cli.context import OneAccount, chosen, open_warehouse, read_settings
from tuyahouse.cli.findings import Findings
from tuyahouse.settings import Account, Settings, SettingsError
from tuyahouse.stores import SlotStore, TokenStore
from tuyahouse.warehouse.database.address import whole_address
from tuyahouse.warehouse.errors import NoWarehouse, WarehouseError
from tuyahouse.warehouse.shared.locks import require_writable
from tuyahouse.warehouse.warehouse import Warehouse


def doctor(
    account: OneAccount = None,
    no_messages: Annotated[bool, typer.Option("--no-messages", help="Skip the message endpoint.")] = False,
) -> None:
    """Check settings, warehouse, clock, login, rights, messages and what a night does, and say what to change.

    Exits with 1 if something is wrong, e.g. serial numbers are due that cannot be asked with these settings.

    A token does not prove the data centre, so each service that the settings name gets one harmless call. The login to
    the production system is made anew, because a stored login does not prove the password; while a run is under way,
    its login is left alone. The check costs about five calls an account.

    Example:

    \b
      tuyahouse doctor
      tuyahouse doctor --account factory --no-messages
    """
    findings = Findings()
    try:
        settings = read_settings()
        accounts = chosen(settings, account)
    except SettingsError as error:
        findings.wrong("settings", error)
        raise findings.end() from None
    findings.ok("settings", f"accounts: {', '.join(sorted(settings.accounts))}")
    with ExitStack() as stack:
        warehouse = _warehouse(stack, settings, findings)
        for one in accounts:
            _account(one, warehouse, findings, messages=not no_messages)
            check_night(one, settings, warehouse, findings)
    raise findings.end()


def _warehouse(stack: ExitStack, settings: Settings, findings: Findings) -> Warehouse | None:
    try:
        warehouse = stack.enter_context(open_warehouse(settings))
        require_writable(warehouse)
        version = warehouse.schema_version()
        findings.ok("warehouse", f"{warehouse.dialect} {warehouse.address}, schema {version}, writable")
    except NoWarehouse:
        _new(settings, findings)
        return None
    except WarehouseError as error:
        findings.wrong("warehouse", error)
        return None
    try:
        _ = warehouse.tokens
    except WarehouseError as error:
        findings.wrong("secret key", error)
        return None
    return warehouse


def _new(settings: Settings, findings: Findings) -> None:
    """Check whether a new warehouse could be created. The first command or run that writes creates it."""
    try:
        Warehouse.require_possible(settings.warehouse_url, settings.secret_key)
    except WarehouseError as error:
        findings.wrong("warehouse", error)
    else:
        place = whole_address(settings.warehouse_url)
        findings.note("warehouse", f"new, empty: `tuyahouse sn add` or the first run makes it in {place}")


def _account(account: Account, warehouse: Warehouse | None, findings: Findings, *, messages: bool) -> None:
    tokens, slots = _stores(warehouse)
    asyncio.run(check_tuya(account, tokens, slots, warehouse, findings))
    if messages:
        check_messages(account, findings)


def _stores(warehouse: Warehouse | None) -> tuple[TokenStore, SlotStore]:
    """Those of the warehouse, or in memory if it cannot be used: Tuya can still be checked."""
    if warehouse is not None:
        return warehouse.tokens, warehouse.slots
    from tuyahouse.cloud.auth.tokens import MemoryTokenStore
    from tuyahouse.cloud.pace.pacer import MemorySlotStore

    return MemoryTokenStore(), MemorySlotStore()
