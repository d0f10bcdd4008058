"""Commands to devices: sent once; the records they are given are followed to their end like all others."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuyahouse.cloud.calls import device_commands
from tuyahouse.cloud.calls.device_commands import ActionError, Command
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.sync.access.carried import Carried
from tuyahouse.sync.access.devices import Devices
from tuyahouse.sync.access.intent import End, Facts, Intent, Written
from tuyahouse.sync.access.passwords import NoPassword
from tuyahouse.sync.access.secret_values import resolved
from tuyahouse.sync.access.write import Door
from tuyahouse.warehouse.commands import records

SOURCE = "write"
"""How the number of a command was learnt that was sent from here (``command.source``)."""


async def send_command(
    door: Door, action: str, device_id: str, person_id: str, arguments: Mapping[str, Any]
) -> Carried:
    """Send a command to a device; the record numbers that Tuya answers enter ``command``."""
    carried = Carried()
    person = f" for the person {person_id}" if person_id else ""
    what = f"send {action} to the device {device_id}{person}"
    try:
        asked = device_commands.command(action, device_id, person_id, arguments)
        command = asked if door.dry_run else asked._replace(body=resolved(asked.body))
    except (ActionError, NoPassword) as error:
        carried.add(Written(what, End.INVALID, str(error)))
        return carried
    with carried.until_stopped():
        if refusal := await Devices(door).refusal(device_id):
            carried.add(Written(what, End.INVALID, refusal))
        else:
            carried.add(_numbered(await door.write(_intent(door, asked, command, what))))
    return carried


def _numbered(written: Written) -> Written:
    """With the record numbers in its words."""
    numbers = ", ".join(written.facts.get("command_sns", ()))
    words = " ".join(filter(None, (written.words, f"Record number: {numbers}." if numbers else "")))
    return replace(written, words=words)


def _intent(door: Door, asked: Command, command: Command, what: str) -> Intent:
    """``asked`` names its secrets, ``command`` holds them."""
    account, run_id, device_id = door.run.account, door.run.run_id, asked.path["device_id"]

    async def make(client: TuyaClient) -> Facts:
        return {"command_sns": await device_commands.send_command(client, command)}

    return Intent(
        call=command.action.endpoint,
        target=f"{asked.action.name} {' '.join(asked.path.values())}",  # another command leaves this one in doubt
        what=what,
        request={**asked.path, "body": asked.body},
        make=make,
        find_out="Look at the device. Tuya lists no command records; a message with the result brings its number.",
        land=lambda conn, facts, at: records.add(
            conn, account, [(sn, device_id) for sn in facts["command_sns"]], SOURCE, at, run_id
        ),
    )
