"""Send a command to a device."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Choice, Described, DryRun, Id, NoTypedSecrets, RunKey
from tasks.access import conclude_writes
from tasks.device_writes import send_one_command
from tasks.run.flow import flow
from tasks.run.run import final_state, running
from tuyahouse.cloud.calls.device_commands import ACTIONS

DeviceId = Annotated[Id, Described("Device that the command is sent to")]
ActionName = Annotated[str, Choice(tuple(ACTIONS)), Described("What the device should do")]
PersonId = Annotated[Id | None, Described("Person for whom it is done; needed by actions such as open_door")]
Arguments = Annotated[
    dict[str, Any] | None,
    NoTypedSecrets(),
    Described(
        "What else the action needs, e.g. card_no, area_id or armed, under the names of Tuya's documentation. Write a "
        "secret such as secret_key as env:NAME or file:NAME of the worker: Prefect keeps what is typed here"
    ),
]


@flow(name="send_command", flow_run_name="command {account}")
async def send_command(
    account: AccountName = None,
    *,
    device_id: DeviceId,
    action: ActionName,
    run_key: RunKey = None,
    dry_run: DryRun = True,
    person_id: PersonId = None,
    arguments: Arguments = None,
) -> State[Any]:
    """Sends one of the documented commands, once.

    Its records are followed by reconcile_commands and by messages until the command has ended. By default it is a dry
    run; writing also needs ALLOW_WRITES=true in the account's settings.
    """
    asked_for = {
        "device_id": device_id,
        "action": action,
        "person_id": person_id,
        "arguments": arguments,
        "dry_run": dry_run,
    }
    async with running("send_command", account, run_key, asked_for, keys=tuple(asked_for)) as run:
        sent = await send_one_command(run.run, action, device_id, person_id or "", arguments or {}, dry_run)
        await conclude_writes(run, sent, dry_run)
    return final_state(run)
