"""Landing the pages of a device list: marks of the sweep, devices that changed, their history, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tuyahouse.cloud.calls.devices import Device
from tuyahouse.sync.devices.listing.rows import COLUMNS, News, Reading, device_row, drifted, news, presence, same_of
from tuyahouse.sync.devices_new import land_new
from tuyahouse.warehouse import devices_pages
from tuyahouse.warehouse.bulk.writer import update, upsert
from tuyahouse.warehouse.devices import history, inventory, lists, marks
from tuyahouse.warehouse.ledgers import drift, raw_blocks
from tuyahouse.warehouse.tables import device as device_table

KIND = "devices"


@dataclass(slots=True)
class Landed:
    """What some pages came to. ``fresh`` counts devices that this sweep had not met before, ``rows`` all rows."""

    rows: int = 0
    fresh: int = 0
    inserted: int = 0
    updated: int = 0
    elsewhere: int = 0
    ids: list[str] = field(default_factory=list)


def land(
    conn: Any, read: Reading, sweep: int, found: Sequence[Device], block_id: str, *, first: bool = False
) -> Landed:
    """Mark the devices as met and write those that are news; an unchanged device costs no write but its mark.

    A device that another project's list of this run holds too stays with that project (see :func:`_elsewhere`).
    ``first`` says that the list is read for the first time, so that most of its devices will be new.
    """
    unique = {device.device_id: device for device in found}
    new: list[Device] = []
    if first:
        new, rest = land_new(conn, read, sweep, list(unique.values()))
        unique = {device.device_id: device for device in rest}
    rows = [(device.device_id, device.digest, device.online) for device in unique.values()]
    fresh, odd = devices_pages.mark(conn, read.account, read.project_id, sweep, rows) if rows else (0, [])
    landed = Landed(len(found), fresh + len(new))
    known = inventory.known(conn, read.account, odd)
    elsewhere = _elsewhere(conn, read, known)
    landed.elsewhere = len(elsewhere)
    mine = [unique[name] for name in sorted(odd) if name not in elsewhere]
    changed = [
        each
        for each in mine
        if (old := known.get(each.device_id)) is None or news(each, old, read.project_id) is not News.SAME
    ]
    _write_changed(conn, read, changed, known, landed)
    written = set(landed.ids)
    _write_presence(conn, read, [each for each in mine if each.device_id not in written], known)
    landed.inserted += len(new)
    answers = [(each.device_id, each.raw) for each in (*new, *changed)]
    raw_blocks.store(conn, read.account, KIND, block_id, answers, read.at)
    return landed


def _elsewhere(conn: Any, read: Reading, known: dict[str, inventory.Known]) -> set[str]:
    """Devices of other projects that stay there: their list holds them too, or could not be read in this run."""
    moved = {name: old.project_id for name, old in known.items() if old.project_id not in (None, read.project_id)}
    if not moved:
        return set()
    unread = lists.unread_lists(conn, read.account, read.run_id)
    marked = marks.marked_elsewhere(conn, read.account, read.project_id, list(moved))
    return marked | {name for name, project in moved.items() if project in unread}


def _write_changed(
    conn: Any, read: Reading, changed: Sequence[Device], known: dict[str, inventory.Known], landed: Landed
) -> None:
    if not changed:
        return
    landed.ids = [each.device_id for each in changed]
    stored = inventory.facts(conn, read.account, [name for name in landed.ids if name in known])
    rows = [device_row(each, known.get(each.device_id), stored.get(each.device_id), read) for each in changed]
    written = upsert(conn, device_table, COLUMNS, rows, first=("first_run",), stamp=("last_run",), same=same_of(read))
    landed.inserted, landed.updated = written.inserted, written.updated
    _keep_history(conn, read.account, landed.ids, known)
    drift.record(conn, read.account, KIND, drifted(rows), read.at)


def _keep_history(conn: Any, account: str, ids: Sequence[str], known: dict[str, inventory.Known]) -> None:
    """New devices get their first row; what messages alone had told of a device is completed before it is compared."""
    if new := [name for name in ids if name not in known]:
        history.begin(conn, account, new)
    if from_messages := [name for name in ids if name in known and known[name].source == "message"]:
        history.complete(conn, account, from_messages)
    if old := [name for name in ids if name in known]:
        history.follow(conn, account, old)


def _write_presence(conn: Any, read: Reading, same: Sequence[Device], known: dict[str, inventory.Known]) -> None:
    """Online states that changed although nothing else did."""
    rows = [
        (read.account, device.device_id, *told, read.run_id)
        for device in same
        if (told := presence(device, known.get(device.device_id), read.at))
    ]
    update(conn, device_table, ("account", "device_id", "online", "online_at", "last_run"), rows)
