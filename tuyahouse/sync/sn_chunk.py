"""One chunk of serial numbers from the plan to the commit: loaded, asked, its craft lines fetched, landed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.serial_numbers.chunk import SnAnswer, ask_chunk, land_chunk, new_orders
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines, LastNodes
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.serial_numbers import registry


async def sync_chunk(
    client: TuyaClient,
    lines: CraftLines,
    chunk: int,
    *,
    workers: int,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_key: Callable[[], None] = lambda: None,
) -> Outcome:
    """Ask the chunk of the run that ``lines`` belongs to, and land it in one transaction.

    What a stop leaves unasked stays in the chunk. A chunk that is done asks nothing.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    warehouse = lines.warehouse
    run, sns = await asyncio.to_thread(runs.load_chunk, warehouse, lines.run_id, chunk)
    known = await asyncio.to_thread(registry.known, warehouse, run.account, sns)
    asked: Asked[SnAnswer] = Asked()

    def land(last_nodes: LastNodes) -> Outcome:
        return land_chunk(warehouse, run, chunk, asked, known, last_nodes, calls=client.calls, at=now())

    try:
        await ask_chunk(client, known, sns, asked, workers=workers, on_key=on_key)
        last_nodes = await lines.last_nodes(client, new_orders(asked), now())
    except BaseException:
        # Ctrl-C or an error of our own: what was paid for is committed now, without waiting for anything.
        land(lines.known)
        raise
    outcome = await asyncio.to_thread(land, last_nodes)
    if asked.stopped_by:
        raise asked.stopped_by
    return outcome
