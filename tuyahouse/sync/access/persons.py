"""Persons with permission on devices: added and removed, one or a file of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from tuyahouse.cloud.calls import persons as calls
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import NotFound
from tuyahouse.sync.access.devices import Devices
from tuyahouse.sync.access.file_rows import read_rows
from tuyahouse.sync.access.intent import End, Facts, Intent, Written, whatever
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.write import Door, busy
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.rows import Note, Row, shown
from tuyahouse.warehouse.access import persons
from tuyahouse.warehouse.shared.locks import LockHeld

Make = Callable[[TuyaClient], Awaitable[Facts]]
Action = Literal["add", "remove"]
ACTIONS = ("add", "remove")

ADDED_BEFORE = (
    "It was added before; Tuya lists no persons. Should it have been removed in Tuya since, delete its row of "
    "device_person and start again."
)

HEADINGS = Headings(
    frozenset(("deviceid", "devid", "device", "设备id")),
    frozenset(("personid", "person", "uid", "userid", "人员id")),
    ("device", "person"),
    "Name its columns device_id, person_id and action.",
    lacks="column of devices",
    more=(("action", frozenset(("action", "操作"))),),
    by_option=False,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A person to be added to a device or removed from it; ``place`` says where that was asked for, e.g. ``row 2``."""

    device_id: str
    person_id: str
    action: Action
    place: str = ""

    @property
    def what(self) -> str:
        at = f"{self.place}: " if self.place else ""
        if self.action == "add":
            return f"{at}add the person {self.person_id} to the device {self.device_id}"
        return f"{at}remove the person {self.person_id} from the device {self.device_id}"


def read_changes(path: str | Path) -> Iterator[Change | Written | Note]:
    """The changes of a file, in its order; a row that names none is an invalid one, with the reason.

    Raises:
        SourceError: the file cannot be used.
    """
    for row in read_rows(path, HEADINGS):
        yield _change(row) if isinstance(row, Row) else row


def _change(row: Row) -> Change | Written:
    action = row.cell("action").lower()
    if not row.companion or " " in row.companion:
        return Written(f"{row.place}: {row.key}", End.INVALID, "It names no person: write its id, without blanks.")
    if action not in ACTIONS:
        named = f"the action {shown(action)!r}" if action else "no action"
        return Written(f"{row.place}: {row.key}", End.INVALID, f"It has {named}: write add or remove.")
    return Change(row.key, row.companion, cast("Action", action), row.place)


async def change_persons(door: Door, changes: Iterable[Change | Written | Note]) -> IntentResults:
    """Carry out the changes in their order; what is not valid is passed on unchanged."""
    results, devices, first = IntentResults(), Devices(door), dict[tuple[str, str], Change]()
    with results.until_stopped():
        for change in results.taking(changes):
            earlier = first.setdefault((change.device_id, change.person_id), change)
            results.add(_contradiction(change, earlier) or await _carry_out(door, change, devices))
    return results


def _contradiction(change: Change, earlier: Change) -> Written | None:
    if change.action == earlier.action:
        return None
    words = f"{earlier.place} says {earlier.action} for the same person and device: keep one of the two rows."
    return Written(change.what, End.INVALID, words)


async def _carry_out(door: Door, change: Change, devices: Devices) -> Written:
    if refusal := (await devices.seen(change.device_id)).refusal:
        return Written(change.what, End.INVALID, refusal)
    intent = _intent(door, change)
    try:
        async with door.alone_with(intent.target) as target:
            added_at = await asyncio.to_thread(_added_at, door, change) if change.action == "add" else None
            if added_at and not await target.doubted_since(added_at):
                return await target.is_so(intent, ADDED_BEFORE)
            return await target.write(intent)
    except LockHeld as held:
        return busy(intent.what, held)


def _added_at(door: Door, change: Change) -> datetime | None:
    with door.warehouse.read() as conn:
        return persons.added_at(conn, door.run.account, change.device_id, change.person_id)


def _intent(door: Door, change: Change) -> Intent:
    account, run_id, device_id, person_id = door.run.account, door.run.run_id, change.device_id, change.person_id
    adds = change.action == "add"
    store = persons.store_added if adds else persons.store_removed
    return Intent(
        call=calls.ADD_PERSON if adds else calls.REMOVE_PERSON,
        target=f"person {person_id} on device {device_id}",
        what=change.what,
        request={"device_id": device_id, "person_id": person_id},
        check="Check that the device belongs to this cloud project, and that the person is the uid of a user.",
        make=_add(change) if adds else _remove(change),
        replaces=whatever,
        find_out="Look at the device in Tuya's console, or try its video talk as this person; Tuya lists no persons.",
        land=lambda conn, facts, at: store(conn, account, device_id, person_id, at, run_id),
    )


def _add(change: Change) -> Make:
    async def make(client: TuyaClient) -> Facts:
        await calls.add_person(client, change.device_id, change.person_id)
        return {}

    return make


def _remove(change: Change) -> Make:
    async def make(client: TuyaClient) -> Facts:
        try:
            await calls.remove_person(client, change.device_id, change.person_id)
        except NotFound as error:
            return {"note": f"Tuya does not know the person there: {error.msg or error.code}"}
        return {}

    return make
