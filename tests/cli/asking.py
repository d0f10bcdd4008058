"""A small run of ``sync_sn_flows`` without Prefect, so that there is something to look at."""

from datetime import UTC, datetime

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import Account, Settings
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.serial_numbers import chunk
from tuyahouse.sync.serial_numbers.plan import Wanted, plan_run
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.serial_numbers import craft_lines, registry
from tuyahouse.warehouse.warehouse import Warehouse


async def ask(account: Account, url: str, sns: list[str], run_key: str = "tonight") -> None:
    """Ask these serial numbers in one run and land what Tuya says."""
    warehouse = Warehouse.open(url)
    now = datetime.now(UTC)
    with warehouse.begin() as conn:
        registry.add(conn, account.name, map(registry.Unit, sns), "test", now)
    run = runs.start_run(warehouse, account.name, "sync_sn_flows", run_key, {})
    plan_run(warehouse, Settings(), account, run, Wanted(sns=sns), now)
    keys = run_chunks.load_chunk(warehouse, run.run_id, 0)
    known, asked = registry.known(warehouse, account.name, keys), Asked()
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        await chunk.ask_steps(client, known, keys, asked, workers=4)
        nodes = craft_lines.last_nodes(warehouse, account.name, chunk.named_nodes(asked).nodes)
        chunk.land_chunk(warehouse, run, 0, asked, known, nodes, calls=client.calls, now=lambda: now)
    runs.finish_run(warehouse, run.run_id, "balanced")
    warehouse.close()
