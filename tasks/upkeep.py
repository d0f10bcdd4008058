"""The steps of replay, redrive_dead_letters and prune."""

import asyncio
from datetime import UTC, datetime

from prefect import task

from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tasks.run.threads import in_batches
from tuyahouse.outcome import Outcome
from tuyahouse.sync.replay import replay
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.terminal import progress
from tuyahouse.warehouse.ledgers import retention
from tuyahouse.warehouse.ledgers.runs import Run
from tuyahouse.warehouse.shared.landing import landing


@task(persist_result=False, task_run_name="replay")
async def replay_answers(run: Run) -> Outcome:
    """Rebuild the core from the stored answers in one transaction, without a call."""
    warehouse = open_resources(run.account).warehouse
    with progress.of("replay"):
        return await in_batches(lambda on_answers: replay(warehouse, run, datetime.now(UTC), on_answers))


@retried_task("craft lines")
async def redrive_craft_lines(run: Run) -> str:
    """Ask again the craft lines that are dead letters. Returns what is wrong, or "".

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    resources = open_resources(run.account)
    async with resources.tuya(run.run_id) as client:
        return await CraftLines(resources.warehouse, run).redrive(client)


@retried_task("prune")
async def prune_old(run: Run) -> dict[str, int]:
    """Delete what is past the retention; returns the number of rows by table."""
    resources = open_resources(run.account)
    before = datetime.now(UTC) - resources.settings.raw_retention

    def prune() -> dict[str, int]:
        # A landing, so that no replay loses the answers that it is reading.
        with landing(resources.warehouse, run) as conn:
            return retention.prune(conn, resources.account.name, before)

    return await asyncio.to_thread(prune)
