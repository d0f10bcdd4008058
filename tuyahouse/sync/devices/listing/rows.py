"""From a device on a page to its rows. Values in, values out.

The list decides what it sends. A field that it does not send keeps its value, which may come from details or messages.
A device belongs to the project it was read under; if Tuya's own ``project_id`` differs, that is kept in ``extra``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tuyahouse.cloud.calls.device_fields import ABSENT, FACTS, Device, device_facts
from tuyahouse.sync.chunks import count_fields
from tuyahouse.sync.devices.masking import sample_of
from tuyahouse.warehouse.devices.history import HISTORY_FACTS
from tuyahouse.warehouse.devices.inventory import Known

SENT_FACTS = tuple(FACTS)[1:]
"""The facts of a row of a page; its project is the one whose list it is on."""
COLUMNS = ("device_id", *SENT_FACTS, "online", "online_at", "extra", "changed_at", "answer_hash")
EXTRA = COLUMNS.index("extra")
DOCUMENTED_EXTRA = frozenset({"task_id", "project_id"})
"""Documented fields that have no column."""


class News(StrEnum):
    """What a row of a page is to the warehouse."""

    NEW = "new"
    CHANGED = "changed"
    BACK = "back"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Reading:
    """The project, time and run of a reading."""

    account: str
    project_id: str
    at: datetime
    run_id: str


def news(device: Device, known: Known | None, project_id: str) -> News:
    """Whether a device on a page is new, back, changed or the same."""
    if known is None:
        return News.NEW
    if known.vanished_at is not None:
        return News.BACK
    same = known.answer_hash == device.digest and known.project_id == project_id
    return News.SAME if same else News.CHANGED


def presence(device: Device, known: Known | None, at: datetime) -> tuple[bool, datetime] | None:
    """Online state and its time, if the page has something newer and different; else None."""
    if device.online is None or (known is not None and known.online is device.online):
        return None
    if known is not None and known.online_at is not None and known.online_at >= at:
        return None
    return device.online, at


def same_of(read: Reading) -> dict[str, Any]:
    """The values that all rows of a reading share."""
    return {
        "account": read.account,
        "project_id": read.project_id,
        "source": "inventory",
        "vanished_at": None,
        "first_run": read.run_id,
        "last_run": read.run_id,
    }


def device_row(device: Device, known: Known | None, stored: Mapping[str, Any] | None, read: Reading) -> tuple[Any, ...]:
    """The row of ``device`` in the order of :data:`COLUMNS`; ``stored`` are its facts so far, None for a new one."""
    sent, extra = device_facts(device)
    facts = _merged(sent[1:], stored)
    changed_at = read.at
    if known is None:
        online = device.online
        online_at = None if online is None else read.at
    else:
        online, online_at = presence(device, known, read.at) or (known.online, known.online_at)
        if stored is not None and known.vanished_at is None and not changed_facts(stored, facts, read.project_id):
            changed_at = stored["changed_at"] or read.at
    if sent[0] not in (ABSENT, None, read.project_id):
        extra = {**(extra or {}), "project_id": sent[0]}
    return (device.device_id, *facts, online, online_at, extra, changed_at, device.digest)


def _merged(sent: tuple[Any, ...], stored: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """The facts; what was not sent keeps its stored value."""
    if ABSENT not in sent:
        return sent
    before = stored or {}
    return tuple([before.get(name) if value is ABSENT else value for name, value in zip(SENT_FACTS, sent, strict=True)])


def changed_facts(stored: Mapping[str, Any], facts: tuple[Any, ...], project_id: str) -> list[str]:
    """Names of the facts that differ from the stored ones, in the order of the table."""
    now = {"project_id": project_id, **dict(zip(SENT_FACTS, facts, strict=True))}
    return [name for name in HISTORY_FACTS if stored.get(name) != now[name]]


def drifted(rows: Iterable[tuple[Any, ...]]) -> dict[str, tuple[int, str]]:
    """Undocumented fields: in how many rows, and a sample."""
    return count_fields((row[EXTRA] or {} for row in rows), DOCUMENTED_EXTRA, sample_of)
