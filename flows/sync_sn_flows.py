"""Ask Tuya for the process steps of serial numbers and land them."""

from dataclasses import asdict
from typing import Annotated, Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Described, Limit, Now, RunKey, SomeOf
from tasks.marts import refresh_marts
from tasks.run.flow import flow
from tasks.run.run import final_state, running
from tasks.sn_flows import ask_sn_flows, fetch_missing_lines, plan_sn_flows
from tuyahouse.sync.serial_numbers.plan import Wanted

SerialNumbers = Annotated[
    list[str] | None, SomeOf("all that are due"), Described("Only these serial numbers, due or not")
]
WorkOrders = Annotated[
    list[str] | None,
    SomeOf("all that are due"),
    Described("Only the serial numbers of these work orders, due or not; with sns: both"),
]


@flow(name="sync_sn_flows", flow_run_name="sn flows {account}")
async def sync_sn_flows(
    account: AccountName = None,
    run_key: RunKey = None,
    sns: SerialNumbers = None,
    work_orders: WorkOrders = None,
    limit: Limit = None,
    now: Now = None,
) -> State[Any]:
    """Asks the process steps of the serial numbers that are due, of given ones, or of work orders.

    It makes one call a serial number, paced and within the budget. Every chunk is committed as a whole; a run that was
    stopped continues if it is started again with the same run key. A run of given ones runs beside all others.
    """
    wanted = Wanted(sns=sns, work_orders=work_orders, limit=limit)
    async with running("sync_sn_flows", account, run_key, asdict(wanted), keys=("sns", "work_orders"), now=now) as run:
        run.plan(await plan_sn_flows(run.run, wanted))
        await run.each_chunk(ask_sn_flows)
        await run.softly(run.requires(fetch_missing_lines(run.run)))
        await refresh_marts(run.account, now)
    return final_state(run)
