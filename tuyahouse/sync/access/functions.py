"""The enabled functions (data points) of a device: checked against its pool, set, and read back."""

from collections.abc import Sequence

from tuyahouse.cloud.calls import device_functions as calls
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.codes import NO_DEVICE
from tuyahouse.cloud.errors import TuyaError, UnusableAnswer
from tuyahouse.sync.access.advice import advise
from tuyahouse.sync.access.intent import End, Facts, Intent, Written, whatever
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.write import Door, stops
from tuyahouse.sync.intake.rows import first_of
from tuyahouse.warehouse.access import functions

NAMED = 50
"""Functions of a pool that are named where one is not in it."""


async def set_functions(door: Door, device_id: str, codes: Sequence[str]) -> IntentResults:
    """Enable these functions of a device, and no others; nothing is written if one of them is not in its pool."""
    results = IntentResults()
    wanted = list(dict.fromkeys(codes))
    what = f"enable {', '.join(wanted)} on the device {device_id}, and no other function"
    with results.until_stopped():
        refused = await _refusal(door, device_id, wanted, what)
        results.add(refused or await door.write(_intent(door, device_id, wanted, what)))
    return results


async def _refusal(door: Door, device_id: str, wanted: Sequence[str], what: str) -> Written | None:
    """Why it is not to be written, by the pool of the device."""
    try:
        pool = [each.function_code for each in await calls.get_function_pool(door.client, device_id)]
    except TuyaError as error:
        if stops(error):
            raise
        advise(error, NO_DEVICE)
        return Written(what, End.REFUSED, f"Not written, because the function pool cannot be read: {error}")
    missing = [code for code in wanted if code not in pool]
    if not missing:
        return None
    has = f"It has {first_of(pool, NAMED)}." if pool else "It is empty."
    return Written(what, End.INVALID, f"The function pool of the device does not have {', '.join(missing)}. {has}")


def _intent(door: Door, device_id: str, wanted: Sequence[str], what: str) -> Intent:
    account, run_id = door.run.account, door.run.run_id

    async def read_back(client: TuyaClient) -> Facts | None:
        enabled = [each.function_code for each in await calls.get_functions(client, device_id)]
        return {"enabled": enabled} if set(enabled) == set(wanted) else None

    async def make(client: TuyaClient) -> Facts:
        await calls.set_functions(client, device_id, wanted)
        try:
            facts = await read_back(client)
        except TuyaError as error:
            raise _not_proved(f"Tuya confirmed it, but it could not be read back: {error}") from error
        if facts is None:
            raise _not_proved("Tuya confirmed it, but the device has other functions enabled")
        return facts

    return Intent(
        call=calls.SET_FUNCTIONS,
        target=f"functions of device {device_id}",
        what=what,
        request={"device_id": device_id, "function_code_list": sorted(wanted)},
        check=NO_DEVICE,
        make=make,
        read_back=read_back,
        replaces=whatever,
        land=lambda conn, facts, at: functions.store_enabled(conn, account, device_id, wanted, run_id),
    )


def _not_proved(what: str) -> UnusableAnswer:
    """The error for a write that Tuya confirmed and that cannot be seen; the next run reads back again."""
    error = UnusableAnswer(what)
    error.remedy = ""
    return error
