"""Closes the gaps in the message stream after everything was read again."""

from datetime import datetime

from tuyahouse.settings import Account
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.devices import inventory, lists
from tuyahouse.warehouse.messages import gaps
from tuyahouse.warehouse.warehouse import Warehouse


def close_answered_gaps(warehouse: Warehouse, account: Account, at: datetime) -> int:
    """Close every gap that ended before everything was read again; returns how many.

    Everything means the complete list of every project in the settings, the details of every device on them, and every
    command that is still followed. A device whose details were asked for in vain keeps no gap open.
    """
    # Under no lock of a run: it concludes from what has landed, so that a late process finds what any other would.
    with warehouse.begin() as conn:
        if not gaps.open_gaps(conn, account.name):
            return 0
        read_since = [
            lists.lists_read_since(conn, account.name, account.project_ids, at),
            inventory.details_asked_since(conn, account.name, account.project_ids, at),
            records.asked_since(conn, account.name, at),
        ]
        since = [each for each in read_since if each is not None]
        if len(since) < len(read_since):
            return 0
        return gaps.close_gaps(conn, account.name, min(since), at)
