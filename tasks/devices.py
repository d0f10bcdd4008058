"""The steps of sync_devices: read each project's list, conclude, ask details chunk by chunk."""

import asyncio

from tasks.run.artifacts import publish_table, shown
from tasks.run.meter import metered
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tasks.run.run import Running
from tuyahouse.cloud.errors import BudgetReached, TuyaError
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import STOPPING
from tuyahouse.sync.devices import plan
from tuyahouse.sync.devices.chunks import details_chunk, is_list, list_chunk
from tuyahouse.sync.devices.links import KIND
from tuyahouse.sync.devices.plan import Concluded
from tuyahouse.sync.messages.close_gaps import close_answered_gaps
from tuyahouse.terminal import progress
from tuyahouse.warehouse.devices import history, links
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.ledgers.runs import Run


@retried_task("plan lists")
async def plan_device_lists(run: Run, projects: list[str]) -> None:
    """Plan one chunk for each project's list."""
    resources = open_resources(run.account)
    await asyncio.to_thread(plan.plan_lists, resources.warehouse, resources.account, run, projects, run.present())


@retried_task("list {project}")
async def read_device_list(run: Run, chunk: int, project: str) -> str:
    """Sweep the list of one project until it is known; pages are landed as they come. Returns what is wrong, or "".

    Raises:
        TuyaError: what cut the reading short; nothing of the project is declared vanished then.
    """
    resources = open_resources(run.account)
    async with resources.tuya(run.run_id) as client:
        with progress.of(f"list of {project}") as tracker:

            def on_page(rows: int, total: int | None) -> None:
                tracker.total = total
                tracker.done = min(tracker.done, rows)  # another sweep starts from the beginning
                tracker.advance(rows - tracker.done)

            read = await list_chunk(client, resources.warehouse, resources.account, run, chunk, on_page=on_page)
            progress.spend(client.calls, client.failures)
    if read is None or read.complete:
        return ""
    return plan.sentence(f"Project {project} was not read completely: {read.judgement.note}")


@retried_task("conclude")
async def conclude_devices(run: Run, projects: list[str], full: bool) -> plan.Concluded:
    """Declare devices vanished, apply messages, keep the history, and plan the details that are due."""
    resources = open_resources(run.account)
    size, at = resources.settings.chunk_size, run.present()
    return await asyncio.to_thread(plan.conclude, resources.warehouse, run, projects, full=full, chunk_size=size, at=at)


@retried_task("details {chunk}")
async def ask_device_details(run: Run, chunk: int) -> Outcome:
    """Ask details, functions and serial numbers of one chunk of devices and land them in one transaction."""
    resources = open_resources(run.account)
    if await asyncio.to_thread(is_list, resources.warehouse, run.run_id, chunk):
        return Outcome()  # a list that is left for the next start of this run
    async with metered(resources, run.run_id, chunk) as (client, on_key):
        return await details_chunk(
            client, resources.warehouse, resources.account, run, chunk, workers=resources.workers, on_key=on_key
        )


@retried_task("gaps")
async def close_gaps(run: Run) -> int:
    """Close the gaps in the message stream that reading everything has answered; returns how many."""
    resources = open_resources(run.account)
    return await asyncio.to_thread(close_answered_gaps, resources.warehouse, resources.account, run.present())


async def read_lists(run: Running) -> tuple[dict[str, str], list[TuyaError]]:
    """Read all lists that are not done, one after the other.

    An error of one list does not keep the others from being read; a budget or quota ends the reading.

    Returns:
        What is wrong, by project, and the errors that cut lists short.
    """
    problems: dict[str, str] = {}
    errors: list[TuyaError] = []
    for chunk, project in (await asyncio.to_thread(plan.open_lists, run.resources.warehouse, run.id)).items():
        try:
            if words := await read_device_list(run.run, chunk, project):
                problems[project] = words
        except BudgetReached as error:
            run.stopped = str(error)
            break
        except TuyaError as error:
            errors.append(error)
            if error.action in STOPPING:
                break
    return problems, errors


async def refused_sources(run: Running) -> list[str]:
    """A note for each source of serial numbers that Tuya refuses the account."""
    return await asyncio.to_thread(_refused_sources, run)


def _refused_sources(run: Running) -> list[str]:
    with run.resources.warehouse.read() as conn:
        letters = dead_letters.open_dead_letters(conn, run.account, KIND)
        return [
            f"Tuya refuses this account {letter.key} (code {letter.code}), so it links no device to a serial number: "
            "subscribe the API and give the project, or the PMS user, the right to it in Tuya's console. "
            "Then start sync_devices with full=true."
            for letter in letters
            if letter.reason == "not_available"
        ]


ROWS = 200
"""Rows of an artifact, the newest ones; the tables hold all."""


async def publish_device_changes(run: Running, concluded: Concluded) -> None:
    """Publish a table of what this run found changed: new, changed, vanished and unbound devices."""
    rows = await asyncio.to_thread(_changes, run)
    await publish_table(
        ("devices-changed", run.account),
        rows,
        (
            f"**Devices of {shown(run.account)}**: {concluded.complete} of {concluded.lists} lists read completely, "
            f"{concluded.vanished} devices vanished, details of {concluded.details} are due. "
            f"Up to {ROWS} changes; all are in `device_history`."
        ),
    )


def _changes(run: Running) -> list[dict[str, str]]:
    with run.resources.warehouse.read() as conn:
        return history.changes_of_run(conn, run.account, run.id, ROWS)


async def publish_contradictions(run: Running) -> None:
    """Publish a table of the devices whose sources name different serial numbers, if there are any."""
    count, rows = await asyncio.to_thread(_contradictions, run)
    if count:
        await publish_table(
            ("devices-contradicting", run.account),
            rows,
            (
                f"**Devices of {shown(run.account)}** whose sources name different serial numbers: {count}. "
                f"Up to {ROWS}, the newest first; all are in `device_serial_number`."
            ),
        )


def _contradictions(run: Running) -> tuple[int, list[dict[str, str]]]:
    with run.resources.warehouse.read() as conn:
        return links.contradictions(conn, run.account, ROWS)
