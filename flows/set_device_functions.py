"""Set the enabled functions (data points) of a device."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State

from flows.parameters import AccountName, Described, DryRun, Id, Ids, RunKey
from tasks.access import conclude_writes
from tasks.device_writes import set_functions
from tasks.run.flow import flow
from tasks.run.run import final_state, running

DeviceId = Annotated[Id, Described("Device whose functions are set")]
FunctionCodes = Annotated[
    Ids, Described("Codes of all functions to enable; the others of the device's pool are switched off")
]


@flow(name="set_device_functions", flow_run_name="functions {account}")
async def set_device_functions(
    account: AccountName = None,
    *,
    device_id: DeviceId,
    function_codes: FunctionCodes,
    run_key: RunKey = None,
    dry_run: DryRun = True,
) -> State[Any]:
    """Enables exactly these functions of a device. Checks them against its function pool before, reads them back after.

    By default it is a dry run; writing also needs ALLOW_WRITES=true in the account's settings.
    """
    asked_for = {"device_id": device_id, "function_codes": function_codes, "dry_run": dry_run}
    async with running("set_device_functions", account, run_key, asked_for, keys=tuple(asked_for)) as run:
        await conclude_writes(run, await set_functions(run.run, device_id, function_codes, dry_run), dry_run)
    return final_state(run)
