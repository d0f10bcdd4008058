"""The steps of reconcile_commands: learn and plan, ask chunk by chunk, decide every command."""

import asyncio

from tasks.devices import ROWS
from tasks.run.artifacts import publish_table, shown
from tasks.run.meter import metered
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tasks.run.run import Running
from tuyahouse.outcome import Outcome
from tuyahouse.sync.commands import plan
from tuyahouse.sync.commands.ask import ask_chunk
from tuyahouse.sync.commands.reconcile import reconcile, rules_of
from tuyahouse.sync.messages import close_gaps
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.ledgers.runs import Run


@retried_task("plan")
async def plan_commands(run: Run, command_sns: list[str] | None, limit: int | None) -> plan.Planned:
    """Learn new record numbers and choose the open commands to ask, within the budget."""
    resources = open_resources(run.account)
    return await asyncio.to_thread(
        plan.plan_asking,
        resources.warehouse,
        resources.account,
        run,
        resources.settings.commands,
        command_sns=command_sns,
        limit=limit,
        chunk_size=resources.settings.chunk_size,
        now=run.present(),
    )


@retried_task("chunk {chunk}")
async def ask_commands(run: Run, chunk: int) -> Outcome:
    """Ask one chunk of command records and land what the API says."""
    resources = open_resources(run.account)
    async with metered(resources, run.run_id, chunk) as (client, on_key):
        return await ask_chunk(client, resources.warehouse, run, chunk, workers=resources.workers, on_key=on_key)


@retried_task("decide")
async def decide_commands(run: Run) -> int:
    """Compare what API and messages report of every command; returns how many verdicts changed."""
    resources = open_resources(run.account)
    now, rules = run.present(), rules_of(resources.settings.commands)
    changed = await asyncio.to_thread(reconcile, resources.warehouse, run, rules, now=now)
    await asyncio.to_thread(close_gaps.close_answered_gaps, resources.warehouse, resources.account, now)
    return changed


async def publish_verdicts(run: Running) -> None:
    """Publish how many commands have which verdict, and the newest that need attention."""
    counts, rows = await asyncio.to_thread(_verdicts, run)
    totals = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "none yet"
    await publish_table(
        ("commands", run.account),
        rows,
        f"**Commands of {shown(run.account)}**: {totals}. Up to {ROWS} that are stuck or in conflict; "
        "all are in `command`.",
    )


def _verdicts(run: Running) -> tuple[dict[str, int], list[dict[str, str]]]:
    with run.resources.warehouse.read() as conn:
        counts: dict[str, int] = {}
        for (verdict, _), count in sorted(records.verdicts(conn, run.account).items()):
            counts[verdict] = counts.get(verdict, 0) + count
        return counts, records.needing_a_look(conn, run.account, ROWS)
