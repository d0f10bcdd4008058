"""The steps of the flows that write to devices: their persons, their functions, commands."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.access import open_door, unless_away
from tasks.run.retries import retried_task
from tuyahouse.sync.access import commands, functions, persons
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.access.persons import Change
from tuyahouse.warehouse.ledgers import runs


@retried_task("persons")
async def change_persons(run: runs.Run, change: Change | None, path: str | None, dry_run: bool) -> IntentResults:
    """Add persons to devices and remove them: the one that is given, or all of a file.

    Raises:
        SourceError: the file cannot be used, or breaks off; nothing was written.
    """
    changes = [change] if change else await asyncio.to_thread(list, persons.read_changes(path or ""))
    async with open_door(run, dry_run) as door:
        return unless_away(await persons.change_persons(door, changes))


@retried_task("functions")
async def set_functions(run: runs.Run, device_id: str, codes: Sequence[str], dry_run: bool) -> IntentResults:
    """Set the enabled functions of a device."""
    async with open_door(run, dry_run) as door:
        return unless_away(await functions.set_functions(door, device_id, codes))


@retried_task("command")
async def send_one_command(
    run: runs.Run, action: str, device_id: str, person_id: str, arguments: Mapping[str, Any], dry_run: bool
) -> IntentResults:
    """Send a command to a device."""
    async with open_door(run, dry_run) as door:
        return unless_away(await commands.send_command(door, action, device_id, person_id, arguments))
