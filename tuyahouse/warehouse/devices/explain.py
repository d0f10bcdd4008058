"""Everything the warehouse holds on one device: its row, what changed when, who says so, and the bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from tuyahouse.warehouse.ledgers import raw_blocks
from tuyahouse.warehouse.shared.origins import Fields, letters_of, messages_of, rows_of, runs_of
from tuyahouse.warehouse.tables import (
    device,
    device_binding,
    device_event,
    device_function,
    device_history,
    device_presence,
    device_serial_number,
)
from tuyahouse.warehouse.tables.devices import DEVICE_COLUMNS

NEWEST = 20
_HIDDEN = ("extend_data", "answer_hash", "detail_hash")
"""Never shown in words: the vendor's own data may hold credentials."""


@dataclass(frozen=True, slots=True)
class ExplainedDevice:
    """Rows as column → value. ``row`` is None for a device that only messages or links name."""

    device_id: str
    row: Fields | None
    changes: list[Fields]
    links: list[Fields]
    functions: list[Fields]
    presence: list[Fields]
    bindings: list[Fields]
    events: list[Fields]
    messages: list[Fields]
    runs: list[Fields]
    dead_letters: list[Fields]
    answers: list[tuple[str, raw_blocks.Found]]

    @property
    def is_known(self) -> bool:
        return any((self.row, self.links, self.presence, self.bindings, self.events, self.dead_letters, self.answers))


def explain_device(
    conn: Connection, account: str, device_id: str, asked: Sequence[tuple[str, str]] = ()
) -> ExplainedDevice:
    """Its row, history, links, functions, newest reports, the runs and messages they came from, the newest answers.

    Args:
        asked: kind and key of the raw answers that may be kept of it.
    """

    def of(table: Table, order: str = "", newest: bool = False) -> list[Fields]:
        wanted = select(table).where(table.c.account == account, table.c.device_id == device_id)
        if order:
            wanted = wanted.order_by(table.c[order].desc() if newest else table.c[order])
        return rows_of(conn, wanted.limit(NEWEST) if newest else wanted)

    found = [{name: value for name, value in row.items() if name not in _HIDDEN} for row in of(device)]
    presence, events = of(device_presence, "happened_at", True), of(device_event, "happened_at", True)
    bindings = of(device_binding, "happened_at", True)
    history, links, functions = of(device_history, "valid_from"), of(device_serial_number, "sn"), of(device_function)
    by = (*found, *history, *links, *functions)
    answers = [(kind, raw_blocks.find(conn, account, kind, key)) for kind, key in asked]
    return ExplainedDevice(
        device_id,
        next(iter(found), None),
        changes_of(history),
        links,
        functions,
        presence,
        bindings,
        events,
        messages_of(conn, account, (*presence, *events, *bindings)),
        runs_of(conn, by),
        letters_of(conn, account, "device", device_id),
        [(kind, answer) for kind, answer in answers if answer],
    )


def changes_of(history: Sequence[Fields]) -> list[Fields]:
    """What changed when: a row for each changed fact of each state, with its value before and after."""
    changes: list[Fields] = []
    for place, state in enumerate(history):
        common = {"at": state["valid_from"], "run": state["first_run"]}
        before = history[place - 1] if place else None
        names = [name for name in (state["changed_columns"] or "").split(",") if name in DEVICE_COLUMNS]
        if before is None or not names:
            changes.append(
                {**common, "what": "first seen" if before is None else "seen again", "before": "", "after": ""}
            )
        for name in names if before else ():
            shown = ("(not shown)",) * 2 if name in _HIDDEN else (before[name] if before else None, state[name])
            changes.append({**common, "what": name, "before": shown[0], "after": shown[1]})
        if state["ended_by"] in ("vanished", "unbound"):
            changes.append(
                {
                    "at": state["valid_to"],
                    "what": state["ended_by"],
                    "before": "",
                    "after": "",
                    "run": state["last_run"],
                }
            )
    return changes
