"""Everything that is due tonight, for one account."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.parameters import AccountName, Now, RunKey, Strategy
from flows.reconcile_commands import reconcile_commands
from flows.sync_accounts import sync_accounts
from flows.sync_devices import sync_devices
from flows.sync_sn_flows import sync_sn_flows
from tasks.checks import authenticate, check
from tasks.marts import refresh_marts
from tasks.run.flow import REFUSED, RunRed, flow, why
from tasks.run.run import STOPPED, Running, default_run_key, final_state, running
from tasks.run.waiting import until_free
from tuyahouse.sync import night
from tuyahouse.warehouse.ledgers import runs

PARTS: dict[str, Any] = {
    "sync_sn_flows": sync_sn_flows,
    "sync_devices": sync_devices,
    "sync_accounts": sync_accounts,
    "reconcile_commands": reconcile_commands,
}


@flow(name="nightly_sync", flow_run_name="nightly {account}")
async def nightly_sync(
    account: AccountName = None, run_key: RunKey = None, now: Now = None, strategy: Strategy = None
) -> State[Any]:
    """Logs in, asks every due serial number while it reads the devices, reconciles commands, and checks the result.

    The run key is made from the date: started again on the same day, the run continues where it stopped. If a part
    fails, the others are still done, and the run is red. The run is also red if something is due for which the account
    lacks settings. A part that another run is working on is done at the end, once that run has ended.
    """
    key = run_key or default_run_key("nightly_sync", now or flow_run.scheduled_start_time or datetime.now(UTC))
    async with running("nightly_sync", account, key, {"strategy": strategy}, now=now) as run:
        run.parts = night.PARTS
        await run.softly(_authenticate(run))
        red = await asyncio.to_thread(_what_cannot_be_asked, run)
        ended: dict[str, State[Any]] = {}
        for together in (night.SIDE_BY_SIDE, night.AFTERWARDS):
            able = [name for name in together if night.can_ask(run.resources.account, name)]
            states = await asyncio.gather(*(_part(run, name, now, strategy) for name in able))
            ended.update(zip(able, states, strict=True))
        for name in [name for name, state in ended.items() if state.name == REFUSED]:
            await until_free(run, name)
            ended[name] = await _part(run, name, now, strategy)
        red += filter(None, (_amiss(run, name, state) for name, state in ended.items()))
        await asyncio.to_thread(_adopt, run)
        await refresh_marts(run.account, now)
        run.notes += await check(run.account, "nightly_sync")
        if red:
            raise RunRed("\n".join(red))
    return final_state(run)


def _what_cannot_be_asked(run: Running) -> list[str]:
    at = run.resources
    return night.what_cannot_be_asked(at.warehouse, at.settings, at.account, run.run.present())


def _present(part: str, now: datetime | None) -> dict[str, Any]:
    """What a part takes for the present, where that matters to it."""
    return {} if part == "sync_accounts" else {"now": now}


def _adopt(run: Running) -> None:
    runs.set_parent(run.resources.warehouse, run.account, run.key, night.PARTS, run.id)


async def _authenticate(run: Running) -> None:
    run.notes += await authenticate(run.account, run.id)


async def _part(run: Running, name: str, now: datetime | None, strategy: str | None) -> State[Any]:
    chosen = {"strategy": strategy} if name == "sync_sn_flows" else {}
    state: State[Any] = await PARTS[name](run.account, run.key, **_present(name, now), **chosen, return_state=True)
    return state


def _amiss(run: Running, name: str, ended: State[Any]) -> str:
    """What is wrong with a part that has ended, if anything. The night is stopped if one of its parts is."""
    if ended.is_completed():
        run.stopped = run.stopped or (ended.message or STOPPED if ended.name == STOPPED else "")
        return ""
    return f"{name}: {why(ended.message or str(ended.name))}"
