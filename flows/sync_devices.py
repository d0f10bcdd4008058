"""Read the device inventory of all projects, keep its history, and ask for the details that are due."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Described, Now, RunKey, SomeOf
from tasks.devices import (
    ask_device_details,
    close_gaps,
    conclude_devices,
    plan_device_lists,
    publish_contradictions,
    publish_device_changes,
    read_lists,
    refused_sources,
)
from tasks.run.flow import RunRed, flow
from tasks.run.run import final_state, running
from tuyahouse.sync.devices.plan import chosen_projects

ProjectIds = Annotated[
    list[str] | None,
    SomeOf("the projects of the settings"),
    Described("Only these projects; empty: those of the settings"),
]
Full = Annotated[bool, Described("Ask for details and functions of all devices, not only of new and changed ones")]


@flow(name="sync_devices", flow_run_name="devices {account}")
async def sync_devices(
    account: AccountName = None,
    run_key: RunKey = None,
    project_ids: ProjectIds = None,
    full: Full = False,
    now: Now = None,
) -> State[Any]:
    """Reads the device list of each project until it is known, finds vanished devices, and keeps the history.

    Details and functions are asked for new and changed devices, and for all devices weekly and after a gap in messages.
    The run is red if a list could not be read to its end; no device of that project is then declared vanished.
    """
    asked_for = {"project_ids": project_ids, "full": full}
    async with running("sync_devices", account, run_key, asked_for, now=now) as run:
        projects = chosen_projects(run.resources.account, project_ids)
        await plan_device_lists(run.run, projects)
        problems, errors = await read_lists(run)
        concluded = await conclude_devices(run.run, projects, full)
        run.notes += concluded.notes + [words for project, words in concluded.odd.items() if project not in problems]
        await publish_device_changes(run, concluded)
        if errors:
            raise errors[0]
        if not run.stopped:
            await run.each_chunk(ask_device_details)
            await close_gaps(run.run)
        run.notes += await refused_sources(run)
        await publish_contradictions(run)
        if problems:
            raise RunRed("\n".join(problems.values()))
    return final_state(run)
