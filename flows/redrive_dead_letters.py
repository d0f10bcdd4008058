"""Ask again for what ended as a dead letter."""

from dataclasses import asdict
from typing import Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Limit, RunKey
from tasks.marts import refresh_marts
from tasks.messages import redrive_dead_messages
from tasks.run.flow import flow
from tasks.run.run import final_state, running
from tasks.sn_flows import ask_sn_flows, plan_sn_flows
from tasks.upkeep import redrive_craft_lines
from tuyahouse.sync.serial_numbers.plan import Wanted


@flow(name="redrive_dead_letters", flow_run_name="redrive {account}")
async def redrive_dead_letters(account: AccountName = None, run_key: RunKey = None, limit: Limit = None) -> State[Any]:
    """Asks again for serial numbers and craft lines that have an open dead letter; good answers resolve them.

    Dead messages are read again from storage. Devices and commands are asked again by their own flows; refused rows of
    a file need a corrected file.
    """
    wanted = Wanted(limit=limit, dead_letters=True)
    async with running("redrive_dead_letters", account, run_key, asdict(wanted)) as run:
        run.plan(await plan_sn_flows(run.run, wanted))
        run.notes += await redrive_dead_messages(run.account)
        await run.softly(run.requires(redrive_craft_lines(run.run)))
        await run.each_chunk(ask_sn_flows)
        await refresh_marts(run.account)
    return final_state(run)
