"""Killed at any instant, the warehouse holds whole chunks, and a second start ends as if nothing had happened."""

import random
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.support.kill import kill, start
from tests.warehouse import landing
from tuyahouse.warehouse.tables import flow_step, ops_chunk, ops_run, raw_block, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

TABLES = (flow_step, serial_number, raw_block, ops_chunk)
MAIN = "import runpy; runpy.run_module('tests.warehouse.landing', run_name='__main__')"


def contents(warehouse: Warehouse) -> dict[str, list[Any]]:
    with warehouse.read() as conn:
        found = {table.name: list(conn.execute(select(table).order_by(*table.primary_key.columns))) for table in TABLES}
        found["ops_run"] = list(conn.execute(select(*[column for column in ops_run.c if column.name != "starts"])))
    return {name: [tuple(row) for row in rows] for name, rows in found.items()}


def test_a_run_that_was_killed_again_and_again_ends_like_an_undisturbed_one(
    warehouse: Warehouse, warehouse_url: str, tmp_path: Path
) -> None:
    waits = random.Random(7)
    for _ in range(8):
        process = start(MAIN, warehouse_url)
        time.sleep(waits.uniform(0.02, 0.25))
        kill(process)
    landing.run(warehouse)
    undisturbed = Warehouse.open(f"sqlite:///{tmp_path}/undisturbed.db")
    landing.run(undisturbed)
    assert contents(warehouse) == contents(undisturbed)
    assert len(contents(warehouse)["flow_step"]) == landing.CHUNKS * landing.SIZE * 5
