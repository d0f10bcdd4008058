"""What the chunks of every kind of run share."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from tuyahouse.settings import Account
from tuyahouse.warehouse.warehouse import Warehouse


def chunked(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of ``size`` keys, the last one shorter."""
    source = iter(keys)
    while chunk := list(islice(source, size)):
        yield chunk


def calls_left(warehouse: Warehouse, account: Account, now: datetime) -> int | None:
    """Calls that MONTHLY_CALLS still pays for in this calendar month (UTC); None without a limit."""
    if account.monthly_calls is None:
        return None
    return max(0, account.monthly_calls - warehouse.slots.calls_this_month(account.name, now))
