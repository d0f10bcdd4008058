"""Links from devices to serial numbers: what was found in a chunk, and its place in the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tuyahouse.sync.asking import Letter
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.devices import inventory
from tuyahouse.warehouse.ledgers import raw_blocks, runs
from tuyahouse.warehouse.tables import device_serial_number


@dataclass(frozen=True, slots=True)
class Link:
    """A source says that a device was made under a serial number."""

    device_id: str
    sn: str
    source: str


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """An answer as sent, and the links that rest on it. ``key`` is what was asked: a device, or several with commas."""

    kind: str
    key: str
    body: bytes
    links: list[Link]


@dataclass(slots=True)
class Links:
    """Which serial numbers were found for the devices of a chunk, and what stood in the way."""

    answers: list[LinkAnswer] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    @property
    def found(self) -> list[Link]:
        return [link for answer in self.answers for link in answer.links]


def keep_new_answers(conn: Any, account: str, answers: Sequence[LinkAnswer], block: str, at: datetime) -> None:
    """Keep the answers as sent that bring a link which nobody knew."""
    known = inventory.known_links(conn, account, {link.device_id for answer in answers for link in answer.links})
    kept: dict[str, list[tuple[str, bytes]]] = {}
    for answer in answers:
        if any((link.device_id, link.sn, link.source) not in known for link in answer.links):
            kept.setdefault(answer.kind, []).append((answer.key, answer.body))
    for kind, bodies in kept.items():
        raw_blocks.store(conn, account, kind, block, bodies, at)


def write_links(conn: Any, run: runs.Run, links: Sequence[Link], at: datetime) -> int:
    """Add the links that nobody knew; returns how many."""
    columns = ("account", "device_id", "sn", "source", "seen_at", "first_run", "last_run")
    rows = [(run.account, link.device_id, link.sn, link.source, at, run.run_id, run.run_id) for link in links]
    return insert_new(conn, device_serial_number, columns, rows)
