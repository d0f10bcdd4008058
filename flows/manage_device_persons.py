"""Add persons to devices, and remove them."""

from typing import Annotated, Any, Literal

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Described, DryRun, Id, RunKey
from tasks.access import conclude_writes
from tasks.device_writes import change_persons
from tasks.run.flow import RunRed, flow
from tasks.run.run import final_state, running
from tuyahouse.sync.access.persons import Change

Path = Annotated[
    str | None,
    Described("CSV, Excel or Parquet file with device_id, person_id and action (add or remove), as the worker sees it"),
]
DeviceId = Annotated[Id | None, Described("Device, if no file is given")]
PersonId = Annotated[Id | None, Described("Person on that device: the uid of a user")]
Action = Annotated[Literal["add", "remove"], Described("What to do with that person")]

_ONE_SOURCE = "Name either a file (path), or a device_id and a person_id."


@flow(name="manage_device_persons", flow_run_name="persons {account}")
async def manage_device_persons(
    account: AccountName = None,
    run_key: RunKey = None,
    dry_run: DryRun = True,
    path: Path = None,
    device_id: DeviceId = None,
    person_id: PersonId = None,
    action: Action = "add",
) -> State[Any]:
    """Gives persons permission on devices (for video talk) or takes it from them: one person, or those of a file.

    Rows that are not valid or are refused are reported; all others are done. By default it is a dry run; writing also
    needs ALLOW_WRITES=true in the account's settings.
    """
    asked_for = {"path": path, "device_id": device_id, "person_id": person_id, "action": action, "dry_run": dry_run}
    async with running("manage_device_persons", account, run_key, asked_for, keys=tuple(asked_for)) as run:
        if bool(path) == bool(device_id or person_id) or bool(device_id) != bool(person_id):
            raise RunRed(_ONE_SOURCE)
        change = Change(device_id, person_id, action) if device_id and person_id else None
        await conclude_writes(run, await change_persons(run.run, change, path, dry_run), dry_run)
    return final_state(run)
