"""A run over sixty chunks, landed as at night; run as a module it says ``ready`` and continues until it is killed."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tuyahouse.outcome import Outcome
from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.tables import flow_step
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
STEP = ("account", "sn", "node", "happened_at", "first_run", "last_run")
CHUNKS, SIZE = 60, 100


@dataclass
class Entry:
    sn: str
    order_code: str | None = "W1"


def run(warehouse: Warehouse, on_chunk: Callable[[], None] = lambda: None) -> None:
    """Begin or continue the run, and land what is open."""
    begun = runs.start_run(warehouse, "factory", "f", "k", {}, AT)
    if begun.planned is None:
        plan(warehouse, begun.run_id)
    for chunk in run_chunks.open_chunks(warehouse, begun.run_id):
        on_chunk()
        land(warehouse, begun.run_id, chunk)
    assert runs.finish_run(warehouse, begun.run_id, "balanced", at=AT).status == "balanced"


def plan(warehouse: Warehouse, run_id: str) -> None:
    with warehouse.begin() as conn:
        registry.add(conn, "factory", (Entry(f"S{n:05}") for n in range(CHUNKS * SIZE)), "pattern", AT)
        sns = [one.sn for one in registry.candidates(conn, "factory")]
        run_chunks.add_chunks(conn, run_id, (sns[n : n + SIZE] for n in range(0, len(sns), SIZE)))


def land(warehouse: Warehouse, run_id: str, chunk: int) -> None:
    sns = run_chunks.load_chunk(warehouse, run_id, chunk)
    rows = [("factory", sn, f"N{n}", AT + timedelta(hours=n), run_id, run_id) for sn in sns for n in range(5)]
    with warehouse.begin() as conn:
        written = writer.upsert(conn, flow_step, STEP, rows, first=["first_run"], stamp=["last_run"])
        raw_blocks.store(conn, "factory", "sn_flows", f"{run_id}/{chunk}", [(sn, sn.encode()) for sn in sns], AT)
        changes = [registry.Change(sn, "W1", "L1", "open", 0, sn.encode(), AT) for sn in sns]
        registry.mark_changed(conn, "factory", changes)
        dead_letters.resolve(conn, "factory", "sn_flows", sns, AT)
        outcome = Outcome(asked=len(sns), answered=len(sns), inserted=written.inserted)
        run_chunks.finish_chunk(conn, run_id, chunk, outcome, (), AT)


if __name__ == "__main__":
    print("ready", flush=True)
    run(Warehouse.open(sys.argv[1]))
    sys.stdin.read()
