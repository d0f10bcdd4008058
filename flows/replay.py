"""Rebuild process steps from stored answers."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.parameters import AccountName, RunKey
from tasks.running import final_state, running
from tasks.upkeep import replay_answers


@flow(name="replay", flow_run_name="replay {account}")
async def replay(account: AccountName, run_key: RunKey = None) -> State[Any]:
    """Rebuilds craft lines, process steps and states from the answers that are stored, without a call.

    For the day when the way from answer to row has changed. All or nothing; what has no stored answer stays as it is.
    """
    async with running("replay", account, run_key, {}) as run:
        await replay_answers(run.run.account, run.run.run_id)
    return final_state(run)
