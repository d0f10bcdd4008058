"""All that a night leaves in a warehouse, to compare two of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from tests.flows.nights import rows
from tests.warehouse.answers import stored_answers
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import (
    craft_line,
    craft_line_node,
    flow_step,
    ops_chunk,
    ops_dead_letter,
    ops_drift,
    serial_number,
)
from tuyahouse.warehouse.warehouse import Warehouse

CORE = (serial_number, flow_step, craft_line, craft_line_node, ops_dead_letter)
BY_TUYAS_CLOCK = {"happened_at"}
COUNTS = ("planned", "asked", "answered", "empty", "failed", "rejected", "inserted", "updated", "unchanged")


class Envelope(msgspec.Struct):
    result: msgspec.Raw


def contents(warehouse: Warehouse, more: Iterable[Any] = ()) -> dict[str, Any]:
    """Everything a night leaves, and these tables too. Of times by our own clock only whether there is one: they differ
    between nights."""
    found = {}
    for table in (*CORE, *more):
        own = [isinstance(c.name, str) and c.name not in BY_TUYAS_CLOCK for c in table.c]
        found[table.name] = [
            tuple(
                "a time" if hide and isinstance(cell, datetime) else cell for cell, hide in zip(row, own, strict=True)
            )
            for row in rows(warehouse, table)
        ]
    found["chunks"] = sorted(rows(warehouse, ops_chunk, "run_id", "chunk", *COUNTS[:2]))
    found["drift"] = rows(warehouse, ops_drift, "kind", "field", "answers")  # the sample is that of whoever came first
    return found | {"raw": raw(warehouse), "runs": summed(warehouse)}


def raw(warehouse: Warehouse) -> dict[str, list[bytes]]:
    """Every stored answer of every key, in order; without the envelope, which holds the time of the call."""
    answers: dict[str, list[bytes]] = {}
    with warehouse.read() as conn:
        for kind in ("sn_flows", "craft_line"):
            for key, body in stored_answers(conn, "demo", kind):
                answers.setdefault(f"{kind} {key}", []).append(bytes(msgspec.json.decode(body, type=Envelope).result))
    return answers


def summed(warehouse: Warehouse) -> list[Any]:
    found = [run for run in runs.recent_runs(warehouse, limit=1000) if run.flow == "sync_sn_flows"]
    return sorted((run.run_key, run.status, *[getattr(run.outcome, name) for name in COUNTS[1:]]) for run in found)
