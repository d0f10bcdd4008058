"""Lands the pages of a device list in one transaction: marks of the sweep, devices that changed, their history."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tuyahouse.cloud.calls.device_fields import ABSENT, Device, facts_by_column, is_time
from tuyahouse.sync.devices.listing.rows import (
    COLUMNS,
    SENT_FACTS,
    News,
    Reading,
    device_row,
    drifted,
    news,
    presence,
    same_of,
)
from tuyahouse.warehouse.bulk.writer import insert_columns, insert_new, update, upsert
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.devices import history, inventory, lists, marks
from tuyahouse.warehouse.ledgers import drift, raw_blocks
from tuyahouse.warehouse.tables import device as device_table
from tuyahouse.warehouse.tables import device_presence

KIND = "devices"


@dataclass(slots=True)
class Landed:
    """Counts of some pages. ``fresh`` are devices that this sweep had not found before, ``rows`` are all rows."""

    rows: int = 0
    fresh: int = 0
    inserted: int = 0
    updated: int = 0
    elsewhere: int = 0
    ids: list[str] = field(default_factory=list)

    def __add__(self, other: "Landed") -> "Landed":
        return Landed(
            self.rows + other.rows,
            self.fresh + other.fresh,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.elsewhere + other.elsewhere,
            self.ids + other.ids,
        )


def land(
    conn: Connection, read: Reading, sweep: int, found: Sequence[Device], block_id: str, *, first: bool = False
) -> Landed:
    """Mark the devices as found and write those that are news; an unchanged device costs no write but its mark.

    A device that another project's list of this run holds too stays with that project (see :func:`_elsewhere`).
    ``first`` says that the list is read for the first time, so that most of its devices will be new.
    """
    unique = {device.device_id: device for device in found}
    new: list[Device] = []
    if first:
        new, rest = land_new(conn, read, sweep, list(unique.values()))
        unique = {device.device_id: device for device in rest}
    rows = [(device.device_id, device.digest, device.online) for device in unique.values()]
    fresh, odd = marks.mark(conn, read.account, read.project_id, sweep, rows) if rows else (0, [])
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
    _record_presence(conn, read, mine, known)
    _write_changed(conn, read, changed, known, landed)
    written = set(landed.ids)
    _write_presence(conn, read, [each for each in mine if each.device_id not in written], known)
    landed.inserted += len(new)
    answers = [(each.device_id, each.raw) for each in (*new, *changed)]
    raw_blocks.store(conn, read.account, KIND, block_id, answers, read.at)
    return landed


def _record_presence(
    conn: Connection, read: Reading, mine: Sequence[Device], known: dict[str, inventory.Known]
) -> None:
    """Keep that a sweep contradicts what is held: else the time after a gap in the messages would stay unknown."""
    rows = [
        (read.account, device.device_id, at, online, "inventory")
        for device in mine
        if (old := known.get(device.device_id)) is not None and old.online is not None
        for online, at in filter(None, [presence(device, old, read.at)])
    ]
    insert_new(conn, device_presence, ("account", "device_id", "happened_at", "online", "source"), rows)


def _elsewhere(conn: Connection, read: Reading, known: dict[str, inventory.Known]) -> set[str]:
    """Devices that stay with another project: its list holds them too, or could not be read in this run."""
    moved = {name: old.project_id for name, old in known.items() if old.project_id not in (None, read.project_id)}
    if not moved:
        return set()
    unread = lists.unread_lists(conn, read.account, read.run_id)
    marked = marks.marked_elsewhere(conn, read.account, read.project_id, list(moved))
    return marked | {name for name, project in moved.items() if project in unread}


def _write_changed(
    conn: Connection, read: Reading, changed: Sequence[Device], known: dict[str, inventory.Known], landed: Landed
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


def _keep_history(conn: Connection, account: str, ids: Sequence[str], known: dict[str, inventory.Known]) -> None:
    """Open the first rows of new devices; rows known from messages only are completed before they are compared."""
    if new := [name for name in ids if name not in known]:
        history.begin(conn, account, new)
    if from_messages := [name for name in ids if name in known and known[name].source == "message"]:
        history.complete(conn, account, from_messages)
    if old := [name for name in ids if name in known]:
        history.follow(conn, account, old)


def _write_presence(conn: Connection, read: Reading, same: Sequence[Device], known: dict[str, inventory.Known]) -> None:
    """Write online states that changed although nothing else did."""
    rows = [
        (read.account, device.device_id, *state, read.run_id)
        for device in same
        if (state := presence(device, known.get(device.device_id), read.at))
    ]
    update(conn, device_table, ("account", "device_id", "online", "online_at", "last_run"), rows)


def land_new(conn: Connection, read: Reading, sweep: int, found: Sequence[Device]) -> tuple[list[Device], list[Device]]:
    """Write and mark those of the devices (each once) that are new and exactly as documented; begin their history.

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
        # The others are stored: by an earlier start of the run, another project's list, or messages.
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
    """The values to write of them, by column."""
    if not plain:
        return {}
    _, *facts, extra = facts_by_column([each.item for each in plain if each.item])
    return {
        "device_id": [each.device_id for each in plain],
        **dict(zip(SENT_FACTS, facts, strict=True)),
        "online": [each.online for each in plain],
        "extra": extra,
        "answer_hash": [each.digest for each in plain],
    }
