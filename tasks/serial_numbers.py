"""The step of sync_serial_numbers: read one source into the registry."""

import asyncio
import os
from functools import partial

from pydantic import SecretStr

from tasks.run.artifacts import publish_table, shown
from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tasks.run.threads import in_batches
from tuyahouse.sync.intake.take_in import IntakeOutcome
from tuyahouse.sync.serial_numbers import register as serial_numbers
from tuyahouse.sync.serial_numbers.register import KIND, SourceError
from tuyahouse.terminal import progress
from tuyahouse.warehouse.ledgers import run_chunks
from tuyahouse.warehouse.ledgers.runs import Run
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse


@retried_task("register")
async def register_serial_numbers(
    run: Run,
    path: str | None,
    pattern: str | None,
    query_url: SecretStr | None,
    query: str | None,
    work_order: str | None,
    sheet: str | None = None,
    column: str | None = None,
) -> IntakeOutcome:
    """Register the serial numbers of the one source that is named, and count its rows into the run.

    Raises:
        SourceError: none or several sources, or one that cannot be read.
    """
    resources = open_resources(run.account)
    rows, name = serial_numbers.source(path, pattern, _url(query_url), query, sheet=sheet, column=column)
    # Batches need no fence: they add what is not there and fill what is empty, so that a late one changes nothing.
    with progress.of("serial numbers"):
        register = partial(serial_numbers.register, resources.warehouse, resources.account.name, rows, name, work_order)
        taken = await in_batches(lambda on_rows: register(on_rows=on_rows))
    await asyncio.to_thread(_count, resources.warehouse, run, taken)
    return taken


def _count(warehouse: Warehouse, run: Run, taken: IntakeOutcome) -> None:
    with landing(warehouse, run) as conn:
        # A corrected source is read anew: only what it holds now counts.
        run_chunks.replace_chunk(conn, run.run_id, 0, taken.as_run())


def _url(given: SecretStr | None) -> str | None:
    """The query's URL. ``env:NAME`` stands for a variable of this worker, which keeps passwords out of Prefect."""
    text = given.get_secret_value() if given else None
    if not text or not text.startswith("env:"):
        return text
    name = text.removeprefix("env:")
    if name not in os.environ:
        raise SourceError(f"query_url names the variable {name}, which is not set on this worker.")
    return os.environ[name]


REFUSALS_IN_NOTE = 5
"""Refused rows that the note of a run names; its artifact has more, ops_dead_letter has all."""


async def publish_intake(account: str, taken: IntakeOutcome) -> str:
    """Leave the refused rows as a table artifact; returns the counts in one sentence, and some refused rows."""
    summary = (
        f"{taken.read:,} rows read: {taken.added:,} serial numbers added, {taken.known:,} known, "
        f"{taken.duplicates:,} twice, {taken.blank:,} blank, {taken.refused_count:,} refused."
    )
    if taken.normalised:
        summary += f" {taken.normalised:,} held other than plain characters and were normalised."
    summary += "".join(f" {note}" for note in taken.notes)
    if taken.refused_count:
        summary += f" Each refused row is in ops_dead_letter (kind {KIND}) with its reason; the first:"
        summary += "".join(f"\n- {one.place}: {one.value!r}: {one.reason}" for one in taken.refused[:REFUSALS_IN_NOTE])
    rows = [{"where": refusal.place, "value": refusal.value, "why": refusal.reason} for refusal in taken.refused]
    await publish_table(("serial-numbers", account), rows, shown(summary))
    return summary
