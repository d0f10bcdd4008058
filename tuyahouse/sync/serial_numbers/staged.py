"""One stage of counting in a run that pass counts decide about: which are needed, asking them, noting the result."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import Account
from tuyahouse.sync.serial_numbers import counting, stages
from tuyahouse.sync.serial_numbers.ask_counts import CountsAsked, ask_counts
from tuyahouse.sync.serial_numbers.budget import for_counts, tonights_calls
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.stages import ToCount
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
    if orders := await asyncio.to_thread(_without_line, warehouse, run, now):
        async with open_client() as client:
            await CraftLines(warehouse, run).fetch(client, orders)
    wanted = await asyncio.to_thread(_wanted, warehouse, account, run, now)
    if wanted.pairs:
        async with open_client() as client:
            done = await ask_counts(client, warehouse, run, wanted.pairs, workers=account.concurrency)
    return await asyncio.to_thread(_note, warehouse, run, now, wanted, done)


def _without_line(warehouse: Warehouse, run: runs.Run, now: datetime) -> list[str]:
    with warehouse.read() as conn:
        return stages.lines_to_ask(stages.view(conn, run.account, run, now))


def _wanted(warehouse: Warehouse, account: Account, run: runs.Run, now: datetime) -> ToCount:
    most = for_counts(tonights_calls(warehouse, account, now))
    with warehouse.read() as conn:
        return stages.counts_to_ask(stages.view(conn, run.account, run, now), most)


def _note(warehouse: Warehouse, run: runs.Run, now: datetime, wanted: ToCount, done: CountsAsked) -> list[str]:
    notes = []
    with warehouse.read() as source, landing(warehouse, run) as conn:
        seen = stages.view(source, run.account, run, now)
        if done.refused:
            stages.refuse(conn, run.account, seen, done.refused)
            notes.append(
                f"Tuya refuses pass counts: {done.refused} Serial numbers are asked by their age instead; the counts "
                f"are tried again after {counting.REFUSED_FOR.days} days."
            )
        stages.counted(conn, run.run_id, seen, wanted)
    if done.unusable:
        examples = "; ".join(done.unusable[:NAMED])
        notes.append(
            f"{len(done.unusable):,} pass counts could not be used, and their work orders are asked by age: {examples}."
        )
    return notes
