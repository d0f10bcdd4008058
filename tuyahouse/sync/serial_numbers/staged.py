"""One stage of counting in a run that pass counts decide about: which are needed, asking them, noting the result."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import Account
from tuyahouse.sync.serial_numbers import counting, to_count
from tuyahouse.sync.serial_numbers.ask_counts import CountsAsked, ask_counts
from tuyahouse.sync.serial_numbers.budget import for_counts, tonights_calls
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.view import View, view
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.warehouse import Warehouse

NAMED = 3
"""Counts that could not be used which a note names."""


async def count_passes(
    open_client: Callable[[], AbstractAsyncContextManager[TuyaClient]],
    warehouse: Warehouse,
    account: Account,
    run: runs.Run,
    now: datetime,
) -> list[str]:
    """Ask the pass counts that the next stage needs, and the craft lines without which nothing can be counted.

    Returns notes for the operator.

    Raises:
        TuyaError: a budget or quota is used up; what was told until then is stored.
    """
    done = CountsAsked()
    lines, seen, wanted = await asyncio.to_thread(_wanted, warehouse, account, run, now)
    if lines:
        async with open_client() as client:
            await CraftLines(warehouse, run).fetch(client, lines)
        _, seen, wanted = await asyncio.to_thread(_wanted, warehouse, account, run, now)
    if wanted.pairs:
        async with open_client() as client:
            done = await ask_counts(client, warehouse, run, wanted.pairs, workers=account.concurrency)
    return await asyncio.to_thread(_note, warehouse, run, seen, wanted, done)


def _wanted(
    warehouse: Warehouse, account: Account, run: runs.Run, now: datetime
) -> tuple[list[str], View, to_count.ToCount]:
    """The craft lines that are needed first, what the stage knows, and the counts that it needs."""
    most = for_counts(tonights_calls(warehouse, account, now))
    with warehouse.read() as conn:
        seen = view(conn, run.account, run, now)
        return to_count.lines_to_ask(seen), seen, to_count.counts_to_ask(seen, most)


def _note(warehouse: Warehouse, run: runs.Run, before: View, wanted: to_count.ToCount, done: CountsAsked) -> list[str]:
    notes = []
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = before.after_counting(source)
        if done.refused:
            to_count.refuse(conn, run.account, seen, done.refused)
            notes.append(
                f"Tuya refuses pass counts: {done.refused} Serial numbers are asked by their age instead; the counts "
                f"are tried again after {counting.REFUSED_FOR.days} days."
            )
        to_count.counted(conn, run.run_id, seen, wanted)
    if done.unusable:
        examples = "; ".join(done.unusable[:NAMED])
        notes.append(
            f"{len(done.unusable):,} pass counts could not be used, and their work orders are asked by age: {examples}."
        )
    return notes
