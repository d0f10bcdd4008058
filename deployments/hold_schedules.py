"""Pauses the schedules of an account whose quota is used up, and resumes them when the month turns."""

from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import DeploymentSchedule, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.logging import get_run_logger
from prefect.states import Completed
from prefect.variables import Variable

from flows.parameters import AccountName, Described

CALLS = "calls"
"""Tag of the deployments whose schedules make calls that the quota counts."""

Action = Annotated[
    Literal["pause", "resume"],
    Described("pause: the schedules of the account that make calls. resume: those that this flow has paused"),
]


@flow(name="hold_schedules", flow_run_name="{action} schedules {account}", persist_result=False)
async def hold_schedules(account: AccountName = None, action: Action = "resume") -> State[Any]:
    """Pauses the schedules of an account that make calls, or resumes those that it paused itself.

    What a person paused is neither touched nor resumed. An automation starts it with `pause` when Tuya says that the
    quota is used up; its own schedule starts it with `resume` when a month begins.
    """
    key = f"tuyahouse_held_{account}".replace("-", "_")
    held = list(await Variable.aget(key, default=[]) or [])
    async with get_client() as client:
        if action == "pause":
            held += [one for one in await _pause(client, str(account)) if one not in held]
            await Variable.aset(key, held, overwrite=True)
            message = f"Paused until the month turns: {_names(held)}." if held else "No schedule was left to pause."
        else:
            await _resume(client, str(account), held)
            await Variable.aset(key, [], overwrite=True)
            message = f"Resumed: {_names(held)}." if held else "Good: no schedule was paused because of the quota."
    get_run_logger().info(message)
    return Completed(message=message)


def _names(held: list[dict[str, str]]) -> str:
    return ", ".join(one["deployment"] for one in held)


async def _deployments(client: PrefectClient, account: str) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while page := await client.read_deployments(offset=len(found), limit=200):
        found += page
    return [one for one in found if {"tuyahouse", CALLS, account} <= set(one.tags)]


async def _pause(client: PrefectClient, account: str) -> list[dict[str, str]]:
    """Pause every active schedule of the account that makes calls; which they were."""
    paused = []
    for one in await _deployments(client, account):
        for schedule in one.schedules:
            if schedule.active:
                await client.update_deployment_schedule(one.id, schedule.id, active=False)
                paused.append({"deployment": one.name, "schedule": _key(schedule)})
    return paused


async def _resume(client: PrefectClient, account: str, held: list[dict[str, str]]) -> None:
    for one in await _deployments(client, account):
        for schedule in one.schedules:
            if {"deployment": one.name, "schedule": _key(schedule)} in held:
                await client.update_deployment_schedule(one.id, schedule.id, active=True)


def _key(schedule: DeploymentSchedule) -> str:
    """What stays the same when it is deployed again."""
    return schedule.slug or str(schedule.id)
