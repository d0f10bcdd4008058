"""Delete what is past its retention."""

from typing import Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, RunKey
from tasks.run.flow import flow
from tasks.run.run import final_state, running
from tasks.upkeep import prune_old


@flow(name="prune", flow_run_name="prune {account}")
async def prune(account: AccountName = None, run_key: RunKey = None) -> State[Any]:
    """Deletes raw answers, raw messages, chunks of ended runs and resolved dead letters older than RAW_RETENTION."""
    async with running("prune", account, run_key, {}) as run:
        deleted = await prune_old(run.run)
        run.notes.append("Deleted: " + ", ".join(f"{count:,} rows of {table}" for table, count in deleted.items()))
    return final_state(run)
