"""The steps of sync_sn_flows: plan once, then ask and land chunk by chunk."""

import asyncio
from functools import partial

from prefect.runtime import flow_run

from tasks.run.artifacts import publish_table, shown
from tasks.run.meter import metered
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tuyahouse.outcome import Outcome
from tuyahouse.sync.serial_numbers import came_to, plan, staged
from tuyahouse.sync.serial_numbers.chunk import sync_chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.warehouse.ledgers.runs import Run
from tuyahouse.warehouse.warehouse import Warehouse


@retried_task("plan")
async def plan_sn_flows(run: Run, wanted: plan.Wanted) -> plan.Planned:
    """Choose the serial numbers to ask and store them as chunks of the run, all or nothing."""
    resources = open_resources(run.account)
    return await asyncio.to_thread(
        plan.plan_run, resources.warehouse, resources.settings, resources.account, run, wanted, run.present()
    )


@retried_task("pass counts")
async def count_passes(run: Run, wanted: plan.Wanted) -> list[str]:
    """Ask the pass counts that the next stage of the run needs; nothing for a run that was given what to ask."""
    resources = open_resources(run.account)
    if not await asyncio.to_thread(plan.is_staged, resources.warehouse, run, wanted, resources.account):
        return []
    client = partial(resources.tuya, run.run_id)
    return await staged.count_passes(client, resources.warehouse, resources.account, run, run.present())


@retried_task("plan further")
async def plan_further(run: Run, wanted: plan.Wanted) -> plan.Planned:
    """Store the chunks of the run's next stage; none once all was asked, and the counts were judged."""
    resources = open_resources(run.account)
    return await asyncio.to_thread(
        plan.plan_further, resources.warehouse, resources.settings, resources.account, run, wanted, run.present()
    )


@retried_task("chunk {chunk}")
async def ask_sn_flows(run: Run, chunk: int) -> Outcome:
    """Ask one chunk and land it in one transaction; what a stop leaves unasked stays in the chunk.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    resources = open_resources(run.account)
    lines = _craft_lines(resources.warehouse, run, str(flow_run.id))
    async with metered(resources, run.run_id, chunk) as (client, on_key):
        return await sync_chunk(client, lines, chunk, workers=resources.workers, on_key=on_key)


@retried_task("missing craft lines")
async def fetch_missing_lines(run: Run) -> str:
    """Ask the craft lines that a stop left unasked, and those that were refused earlier. Returns what is wrong, or "".

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    resources = open_resources(run.account)
    lines = _craft_lines(resources.warehouse, run, str(flow_run.id))
    if missing := await asyncio.to_thread(lines.missing):
        async with resources.tuya(run.run_id) as client:
            await lines.fetch(client, missing)
    return await asyncio.to_thread(lines.refusals)


@retried_task("what it came to")
async def sum_up(run: Run) -> str:
    """What a run of what is due came to, by its strategy: in words, and as a table; "" for one that was given keys."""
    resources = open_resources(run.account)
    found = await asyncio.to_thread(came_to.sum_up, resources.warehouse, resources.account, run, run.present())
    if found is None:
        return ""
    words = came_to.in_words(found)
    await publish_table((run.flow, run.account, "strategy"), came_to.as_rows(found), shown(words))
    return words


_lines: dict[tuple[str, str], CraftLines] = {}


def _craft_lines(warehouse: Warehouse, run: Run, start: str) -> CraftLines:
    """One for all chunks of one start of a run in this process, so that two chunks do not ask the same line."""
    key = run.run_id, start
    if key not in _lines:
        for old in list(_lines)[:-7]:
            del _lines[old]
        _lines[key] = CraftLines(warehouse, run)
    return _lines[key]
