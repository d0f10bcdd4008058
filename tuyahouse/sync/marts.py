"""The marts of an account, kept up to date by its settings."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tuyahouse.settings import Account
from tuyahouse.settings.shifts import shifts_of
from tuyahouse.warehouse.marts import refresh as marts
from tuyahouse.warehouse.marts.refresh import Refreshed, Rules
from tuyahouse.warehouse.warehouse import Warehouse


def rules_of(account: Account) -> Rules:
    """What the account's settings say of its factory."""
    return Rules(
        time_zone=account.factory_time_zone,
        shifts=shifts_of(account.factory_shifts),
        false_means=account.false_means,
        stuck_after_h=account.stuck_after // timedelta(hours=1),
    )


def refresh(
    warehouse: Warehouse,
    account: Account,
    as_of: datetime | None = None,
    *,
    on_steps: Callable[[int], object] = lambda count: None,
) -> Refreshed:
    """Bring the marts up to what landed since the last refresh; see :func:`marts.refresh`."""
    return marts.refresh(warehouse, account.name, rules_of(account), as_of, on_steps=on_steps)


def rebuild(
    warehouse: Warehouse, account: Account, *, on_steps: Callable[[int], object] = lambda count: None
) -> Refreshed:
    """Recompute every row of the marts. If it is interrupted, the next refresh continues it."""
    return marts.rebuild(warehouse, account.name, rules_of(account), on_steps=on_steps)
