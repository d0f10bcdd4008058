"""Devices that the warehouse does not hold yet, from the pages to the tables column by column.

When a list is read for the first time all of its devices are new, and there is nothing to merge, to compare or to keep.
"""

from collections.abc import Sequence
from typing import Any

from tuyahouse.cloud.calls.devices import ABSENT, Device, is_time, told_by_column
from tuyahouse.sync.devices.listing.rows import TOLD, Reading, same_of
from tuyahouse.warehouse.bulk.writer import insert_columns
from tuyahouse.warehouse.devices import history, inventory, marks
from tuyahouse.warehouse.tables import device as device_table


def land_new(conn: Any, read: Reading, sweep: int, found: Sequence[Device]) -> tuple[list[Device], list[Device]]:
    """Write and mark those of the devices (each once) that are new and just as documented, and begin their history.

    Returns:
        Those that were written, and the others.
    """
    own = (read.project_id, None, ABSENT)
    plain = [each for each in found if each.item and each.item.project_id in own]
    try:
        columns = _columns(plain)
    except ValueError:
        plain = [each for each in plain if each.item and is_time(each.item.create_time)]
        columns = _columns(plain)
    if not plain:
        return [], list(found)
    ids = columns["device_id"]
    same = {**same_of(read), "changed_at": read.at}
    if None in set(columns["online"]):
        columns["online_at"] = [None if each is None else read.at for each in columns["online"]]
    else:
        same["online_at"] = read.at
    if insert_columns(conn, device_table, columns, same=same) < len(plain):
        # The others are stored: an earlier start of the run did, another project's list, or messages told of them.
        new = inventory.begun(conn, read.account, ids, project_id=read.project_id, run_id=read.run_id, at=read.at)
        plain = [each for each in plain if each.device_id in new]
        ids = [each.device_id for each in plain]
    marks.mark_stored(conn, read.account, read.project_id, sweep, ids)
    history.begin(conn, read.account, ids)
    if len(plain) == len(found):
        return plain, []
    written = set(ids)
    return plain, [each for each in found if each.device_id not in written]


def _columns(plain: Sequence[Device]) -> dict[str, Sequence[Any]]:
    """What is to be written of them, by column."""
    if not plain:
        return {}
    _, *facts, extra = told_by_column([each.item for each in plain if each.item])
    return {
        "device_id": [each.device_id for each in plain],
        **dict(zip(TOLD, facts, strict=True)),
        "online": [each.online for each in plain],
        "extra": extra,
        "answer_hash": [each.digest for each in plain],
    }
