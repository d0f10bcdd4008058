"""Ask Tuya for the process steps of serial numbers and land them."""

from dataclasses import asdict
from typing import Annotated, Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Described, Limit, Now, RunKey, SomeOf, Strategy
from tasks.marts import refresh_marts
from tasks.run.flow import flow
from tasks.run.run import Running, final_state, running
from tasks.sn_flows import ask_sn_flows, count_passes, fetch_missing_lines, plan_further, plan_sn_flows, sum_up
from tuyahouse.sync.serial_numbers.plan import Wanted

SerialNumbers = Annotated[
    list[str] | None,
    SomeOf("all that are due"),
    Described("Only these serial numbers, due or not; those that Tuya knows are registered"),
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
    strategy: Strategy = None,
) -> State[Any]:
    """Asks for the process steps of serial numbers: those that are due, given ones, or those of work orders.

    It makes one call a serial number, paced and within the budget. Every chunk is committed as a whole. A run that was
    stopped continues if it is started again with the same run key. A run of given ones runs beside all others.
    """
    wanted = Wanted(sns=sns, work_orders=work_orders, limit=limit, strategy=strategy)
    async with running("sync_sn_flows", account, run_key, asdict(wanted), keys=("sns", "work_orders"), now=now) as run:
        named = sns is not None or work_orders is not None
        if not named:
            await run.softly(_count(run, wanted))
        planned = await plan_sn_flows(run.run, wanted)
        run.plan(planned)
        staged = planned.staged
        await run.each_chunk(ask_sn_flows)
        while staged and not run.stopped:
            await run.softly(_count(run, wanted))
            planned = await plan_further(run.run, wanted)
            run.plan(planned)
            if not planned.keys:
                break
            await run.each_chunk(ask_sn_flows)
        run.stopped = run.stopped or planned.unpaid
        await run.softly(run.requires(fetch_missing_lines(run.run)))
        run.came_to = await sum_up(run.run)
        await refresh_marts(run.account, now)
    return final_state(run)


async def _count(run: Running, wanted: Wanted) -> None:
    run.notes += await count_passes(run.run, wanted)
