"""One chunk of a device run: a project's list, or details of some devices. What was answered lands in any case."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.outcome import Outcome
from tuyahouse.settings import Account
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.chunks import in_parts, land_what_came
from tuyahouse.sync.devices.details import Details, ask_details, land_details
from tuyahouse.sync.devices.links import LINK_KEY, Links, ask_links, land_link_chunk
from tuyahouse.sync.devices.listing.ledger import LIST_KEY, ListLedger, ListRead
from tuyahouse.sync.devices.listing.read import ProjectReader
from tuyahouse.warehouse.devices import inventory
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.shared.landing import shared_clock
from tuyahouse.warehouse.warehouse import Warehouse


async def list_chunk(
    client: TuyaClient,
    warehouse: Warehouse,
    account: Account,
    run: runs.Run,
    chunk: int,
    *,
    now: Callable[[], datetime] | None = None,
    on_page: Callable[[int, int | None], None] = lambda rows, total: None,
) -> ListRead | None:
    """Read the list of the chunk's project; None if that was done before.

    Raises:
        TuyaError: what cut the reading short; see :meth:`ProjectReader.read`.
    """
    clock = await asyncio.to_thread(shared_clock, warehouse, run.ahead) if now is None else now
    keys = await asyncio.to_thread(run_chunks.load_chunk, warehouse, run.run_id, chunk)
    if not keys:
        return None
    ledger = ListLedger(warehouse, run, chunk, keys[0].removeprefix(LIST_KEY), clock)
    return await ProjectReader(client, account, ledger, on_page).read()


def is_list(warehouse: Warehouse, run_id: str, chunk: int) -> bool:
    """Whether a chunk holds a list that is still to be read."""
    keys = run_chunks.load_chunk(warehouse, run_id, chunk)
    return bool(keys) and keys[0].startswith(LIST_KEY)


async def details_chunk(
    client: TuyaClient,
    warehouse: Warehouse,
    account: Account,
    run: runs.Run,
    chunk: int,
    *,
    workers: int,
    now: Callable[[], datetime] | None = None,
    on_key: Callable[[], None] = lambda: None,
) -> Outcome:
    """Ask details, functions and serial numbers of the chunk's devices and land them in one transaction.

    Details that are too large together land in several (:func:`in_parts`), with the serial numbers of their devices.

    Raises:
        TuyaError: what stopped the asking, after everything answered until then was committed.
    """
    clock = await asyncio.to_thread(shared_clock, warehouse, run.ahead) if now is None else now
    ids = await asyncio.to_thread(run_chunks.load_chunk, warehouse, run.run_id, chunk)
    if ids and ids[0].startswith(LINK_KEY):
        return await _links_chunk(client, warehouse, account, run, chunk, ids, clock)

    def sync_part(asked: Asked[Details], counted: int) -> Awaitable[Outcome]:
        return _details_part(client, warehouse, account, run, chunk, asked, counted, workers, clock, on_key)

    return await in_parts(client, sync_part)


async def _details_part(
    client: TuyaClient,
    warehouse: Warehouse,
    account: Account,
    run: runs.Run,
    chunk: int,
    asked: Asked[Details],
    counted: int,
    workers: int,
    clock: Callable[[], datetime],
    on_key: Callable[[], None],
) -> Outcome:
    """Ask the devices that the chunk has left into ``asked``, until that is full; ``counted`` calls have landed."""
    ids = await asyncio.to_thread(run_chunks.load_chunk, warehouse, run.run_id, chunk)
    known = await asyncio.to_thread(_known, warehouse, run, ids)
    links = Links()

    async def ask() -> None:
        await ask_details(client, known, ids, asked, workers=workers, on_key=on_key, now=clock)
        if not asked.stopped_by:
            answered = [device_id for device_id, _ in asked.answers]
            vendor_ids = await asyncio.to_thread(_vendor_ids, warehouse, run, answered)
            await ask_links(client, vendor_ids, links, account.has_pms)

    def land() -> Outcome:
        return land_details(warehouse, run, chunk, asked, links, calls=client.calls - counted, now=clock)

    return await land_what_came(asked, ask(), land)


def _known(warehouse: Warehouse, run: runs.Run, ids: Sequence[str]) -> dict[str, bytes | None]:
    with warehouse.read() as conn:
        return inventory.detail_hashes(conn, run.account, ids)


def _vendor_ids(warehouse: Warehouse, run: runs.Run, ids: Sequence[str]) -> dict[str, str | None]:
    with warehouse.read() as conn:
        return inventory.vendor_ids(conn, run.account, ids)


async def _links_chunk(
    client: TuyaClient,
    warehouse: Warehouse,
    account: Account,
    run: runs.Run,
    chunk: int,
    keys: Sequence[str],
    now: Callable[[], datetime],
) -> Outcome:
    """Ask the links alone of devices whose details an earlier start of the run has read."""
    ids = [key.removeprefix(LINK_KEY) for key in keys]
    links = Links()
    try:
        await ask_links(client, await asyncio.to_thread(_vendor_ids, warehouse, run, ids), links, account.has_pms)
    except BaseException:
        # Ctrl-C, or an error, stopped the asking: what was paid for is committed now, without waiting.
        land_link_chunk(warehouse, run, chunk, ids, links, calls=client.calls, at=now())
        raise
    return await asyncio.to_thread(land_link_chunk, warehouse, run, chunk, ids, links, calls=client.calls, at=now())
