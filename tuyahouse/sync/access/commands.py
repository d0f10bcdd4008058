"""Commands to devices: sent once; the records they are given are followed to their end like all others."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tuyahouse.cloud.calls import device_commands
from tuyahouse.cloud.calls.device_commands import Action, ActionError, Command
from tuyahouse.cloud.calls.results import folded
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.sync.access.devices import Devices, Seen
from tuyahouse.sync.access.intent import End, Facts, Intent, Request, Written, canonical
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.passwords import NoPassword
from tuyahouse.sync.access.secret_values import resolved
from tuyahouse.sync.access.write import Door
from tuyahouse.sync.intake.rows import first_of
from tuyahouse.warehouse.commands import records

SOURCE = "write"
"""The ``command.source`` of commands that tuyahouse sent."""

NAMED = 50
"""Record numbers of a command that its row of the run names; ``command`` has all."""


async def send_command(
    door: Door, action: str, device_id: str, person_id: str, arguments: Mapping[str, Any]
) -> IntentResults:
    """Send a command to a device; the record numbers that Tuya answers enter ``command``."""
    results = IntentResults()
    person = f" for the person {person_id}" if person_id else ""
    what = f"send {action} to the device {device_id}{person}"
    try:
        asked = device_commands.command(action, device_id, person_id, arguments)
        command = asked._replace(body=resolved(asked.body))
    except (ActionError, NoPassword) as error:
        results.add(Written(what, End.INVALID, str(error)))
        return results
    with results.until_stopped():
        seen = await Devices(door).seen(device_id)
        if seen.refusal:
            results.add(Written(what, End.INVALID, seen.refusal))
        else:
            written = await door.write(_intent(door, asked, command, what))
            results.add(_foreseen(written, action, seen) if written.end is End.PLANNED else _numbered(written))
    return results


def _foreseen(written: Written, action: str, seen: Seen) -> Written:
    """What a dry run cannot know, in words: Tuya does not say which commands a device takes."""
    kind = f" of the product type {seen.product_type}" if seen.product_type else ""
    offline = "The device is offline now." if seen.online is False else ""
    unsure = f"Whether a device{kind} can do {action}, Tuya says only when it is sent."
    return replace(written, words=" ".join(filter(None, (written.words, offline, unsure))))


def _numbered(written: Written) -> Written:
    """With the record numbers in its words."""
    numbers = written.facts.get("command_sns", ())
    named = f"Record number: {first_of(numbers, NAMED)}." if numbers else ""
    words = " ".join(filter(None, (written.words, named)))
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
        check=(
            f"Check the arguments of {command.action.name}, and that the device belongs to this cloud project and "
            "can do it."
        ),
        make=make,
        touches=_of_same_items(command.action, asked.body),
        find_out="Look at the device. Tuya lists no command records; a message with the result brings its number.",
        land=lambda conn, facts, at: records.add(
            conn, account, [(sn, device_id) for sn in facts["command_sns"]], SOURCE, at, run_id
        ),
    )


_NAMES_OF_AN_ITEM = frozenset({"personid", "cardno", "qrcode"})


def _of_same_items(action: Action, body: Mapping[str, Any] | None) -> Callable[[Request], bool] | None:
    """Whether an earlier request names one of the same items, for an action that is one command an item."""
    if not action.many:
        return None
    wanted = _items(action, body)
    return lambda earlier: not wanted.isdisjoint(_items(action, earlier.get("body")))


def _items(action: Action, body: Mapping[str, Any] | None) -> set[bytes]:
    return {_name(item) for item in (body or {}).get(action.many, ())}


def _name(item: Any) -> bytes:
    """What an item is about: a person, a card, a code; the whole item if it names none."""
    fields = folded(item) if isinstance(item, dict) else {}
    return canonical({name: fields[name] for name in _NAMES_OF_AN_ITEM & fields.keys()} or item)
