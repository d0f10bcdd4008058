"""The steps of sync_sn_flows: plan once, then ask and land chunk by chunk."""

import asyncio
from datetime import UTC, datetime
from functools import lru_cache

from prefect.runtime import flow_run

from tasks.run.meter import metered
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tuyahouse.outcome import Outcome
from tuyahouse.sync.serial_numbers import plan
from tuyahouse.sync.serial_numbers.chunk import sync_chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.warehouse.warehouse import Warehouse


@retried_task("plan")
async def plan_sn_flows(account: str, run_id: str, wanted: plan.Wanted) -> plan.Planned:
    """Choose the serial numbers to ask and store them as chunks of the run, all or nothing."""
    resources = open_resources(account)
    return await asyncio.to_thread(
        plan.plan_run, resources.warehouse, resources.settings, resources.account, run_id, wanted, datetime.now(UTC)
    )


@retried_task("chunk {chunk}")
async def ask_sn_flows(account: str, run_id: str, chunk: int) -> Outcome:
    """Ask one chunk and land it in one transaction; what a stop leaves unasked stays in the chunk.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    resources = open_resources(account)
    lines = _craft_lines(resources.warehouse, resources.account.name, run_id, str(flow_run.id))
    async with metered(resources, run_id, chunk) as (client, on_key):
        return await sync_chunk(client, lines, chunk, workers=resources.workers, on_key=on_key)


@retried_task("missing craft lines")
async def fetch_missing_lines(account: str, run_id: str) -> int:
    """Ask the craft lines that a stop left unasked, and those that were refused at an earlier start.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    resources = open_resources(account)
    lines = _craft_lines(resources.warehouse, resources.account.name, run_id, str(flow_run.id))
    missing = await asyncio.to_thread(lines.missing)
    if not missing:
        return 0
    async with resources.tuya(run_id) as client:
        return await lines.fetch(client, missing, datetime.now(UTC))


@lru_cache(maxsize=8)
def _craft_lines(warehouse: Warehouse, account: str, run_id: str, start: str) -> CraftLines:
    """One for all chunks of one start of a run in this process, so that two chunks do not ask the same line."""
    return CraftLines(warehouse, account, run_id)
