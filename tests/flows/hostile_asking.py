"""Asks a hostile cloud for everything that is asked of Tuya, and says how it ended and what memory it took.

Run as a module: ``python -m tests.flows.hostile_asking WAREHOUSE_URL PORT SUBJECT KEYS``. It prints a line of JSON: the
outcome, and the peak of the process in MB. A subject imports what it needs: the rest would count too.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.settings import Account
from tuyahouse.sync.serial_numbers import chunk
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.warehouse import Warehouse

KEY = "a-key-of-the-tests-and-of-nothing-else"
Ask = Callable[[TuyaClient, Warehouse, Account, runs.Run, Sequence[str]], Awaitable[Any]]


async def steps(client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]) -> Any:
    return await chunk.sync_chunk(client, CraftLines(warehouse, run), 0, workers=account.concurrency)


async def lines(client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]) -> Any:
    return await CraftLines(warehouse, run).fetch(client, list(keys))


async def counts(client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]) -> Any:
    from tuyahouse.sync.serial_numbers.ask_counts import ask_counts

    wanted = [(key, "N1") for key in keys]
    return len((await ask_counts(client, warehouse, run, wanted, workers=account.concurrency)).unusable)


async def pages(client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]) -> Any:
    from tuyahouse.sync.devices.chunks import list_chunk

    read = await list_chunk(client, warehouse, account, run, 0)
    assert read
    return read.judgement.standing if read.complete else read.judgement.note


async def details(
    client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]
) -> Any:
    from tuyahouse.sync.devices.chunks import details_chunk

    return await details_chunk(client, warehouse, account, run, 0, workers=account.concurrency)


async def records(
    client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]
) -> Any:
    from tuyahouse.sync.commands.ask import ask_chunk

    return await ask_chunk(client, warehouse, run, 0, workers=account.concurrency)


async def people(client: TuyaClient, warehouse: Warehouse, account: Account, run: runs.Run, keys: Sequence[str]) -> Any:
    from tuyahouse.sync.access.accounts import sync_list

    return await sync_list(client, warehouse, run)


SUBJECTS: dict[str, Ask] = {
    "steps": steps,
    "lines": lines,
    "counts": counts,
    "pages": pages,
    "details": details,
    "records": records,
    "people": people,
}


async def ask(url: str, port: int, subject: str, keys: Sequence[str]) -> Any:
    """How asking about these keys ended."""
    settings = {"client_id": "a" * 20, "client_secret": "b" * 32, "pms_username": "u", "pms_password": "p"}
    account = Account(name="demo", base_url=f"http://127.0.0.1:{port}", calls_per_second=0, attempts=1, **settings)
    warehouse = Warehouse.open(url, KEY)
    run = runs.start_run(warehouse, "demo", "a flow", subject, {})
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [keys])
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        try:
            return await SUBJECTS[subject](client, warehouse, account, run, keys)
        except TuyaError as error:
            return str(error)


def main(url: str, port: str, subject: str, keys: str) -> None:
    ended = asyncio.run(ask(url, int(port), subject, keys.split(",")))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(msgspec.json.encode([ended, int(peak.split()[1]) // 1024]).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
