"""Rebuild rows from stored answers."""

from typing import Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, RunKey
from tasks.marts import refresh_marts
from tasks.run.flow import flow
from tasks.run.run import final_state, running
from tasks.upkeep import replay_answers


@flow(name="replay", flow_run_name="replay {account}")
async def replay(account: AccountName = None, run_key: RunKey = None) -> State[Any]:
    """Rebuilds craft lines, process steps, states, functions of devices and their serial numbers without a call.

    It reads the stored answers again, after a change in how answers become rows. It changes all or nothing; what has no
    stored answer stays as it is. The device inventory, its history and commands are left alone: messages contribute
    to them.
    """
    async with running("replay", account, run_key, {}) as run:
        await replay_answers(run.run)
        await refresh_marts(run.account)
    return final_state(run)
