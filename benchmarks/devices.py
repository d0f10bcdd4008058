"""CPU per device of one sweep of a list: tuyahouse against the shortest loop by hand. ``python -m benchmarks.devices``

Both read the same pages into the same PostgreSQL and take turns for some rounds. Of each, the run with the least CPU
counts, because other work on the machine only adds. The difference of two sizes leaves out what starting costs.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.account import environment
from benchmarks.measure import Rounds, Usage, least, rows_written, run, table
from tests.support.postgres import OwnPostgres, Postgres

SMALL, LARGE, ROUNDS = 10_000, 110_000, 8


@contextmanager
def server(count: int) -> Iterator[str]:
    """Serve a list of that many devices; yields the base URL."""
    command = [sys.executable, "-m", "benchmarks.device_server", str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


async def sweep(run_key: str) -> None:
    """What sync_devices does for one project, without its details."""
    from tuyahouse.cloud.client import TuyaClient
    from tuyahouse.memory import rare_collections
    from tuyahouse.settings import load_settings
    from tuyahouse.sync.devices.chunks import list_chunk
    from tuyahouse.sync.devices.plan import conclude, plan_lists
    from tuyahouse.times import utc_now
    from tuyahouse.warehouse.ledgers import runs
    from tuyahouse.warehouse.warehouse import Warehouse

    settings = load_settings()
    account = settings.account("bench")
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key)
    started = runs.start_run(warehouse, "bench", "sync_devices", run_key, {})
    plan_lists(warehouse, account, started, ["bench"], utc_now())
    with rare_collections():
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
            read = await list_chunk(client, warehouse, account, started, 0)
    assert read and read.complete and len(read.counts) == 1, read
    if run_key == "concluded":
        conclude(warehouse, started, ["bench"], full=False, chunk_size=1000, at=utc_now())
    warehouse.close()


def by_hand(postgres: Postgres, base_url: str) -> list[Usage]:
    """First reading and second reading of the same pages."""
    database = postgres.create_database()
    usages = [run("python", "-m", "benchmarks.hand_devices", base_url, database) for _ in range(2)]
    postgres.drop_database(database)
    return usages


def by_tuyahouse(postgres: Postgres, base_url: str, count: int) -> list[Usage]:
    """The same by tuyahouse; the second reading must write no device."""
    database = postgres.create_database()
    env = environment(base_url, database, PROJECT_IDS="bench", DEVICE_QUERY="snake")
    first = run("python", "-m", "benchmarks.devices", "first", env=env)
    written = rows_written(database, "device")
    assert written == count, f"{written} devices written of {count}"
    second = run("python", "-m", "benchmarks.devices", "second", env=env)
    assert rows_written(database, "device") == written, "the second sweep wrote devices, over unchanged pages"
    postgres.drop_database(database)
    return [first, second]


def main() -> None:
    rounds = Rounds(SMALL, LARGE)
    postgres = OwnPostgres()
    with server(SMALL) as small_url, server(LARGE) as large_url:
        for _ in range(ROUNDS):
            for url, count in ((small_url, SMALL), (large_url, LARGE)):
                rounds.note("hand", count, *by_hand(postgres, url))
                rounds.note("tuyahouse", count, *by_tuyahouse(postgres, url, count))
    postgres.close()
    report(rounds)


def report(rounds: Rounds) -> None:
    hand, ours = ([rounds.cost(name, which) for which in ("first", "second")] for name in ("hand", "tuyahouse"))
    peaks = {size: least(rounds.of("tuyahouse", "first", size)).peak_mb for size in (SMALL, LARGE)}
    table(
        f"CPU of one device in one sweep, the least of {ROUNDS} rounds",
        [
            ["", "first sweep", "unchanged sweep"],
            ["by hand", *(f"{cost:.1f} µs" for cost in hand)],
            ["tuyahouse", *(f"{cost:.1f} µs" for cost in ours)],
            ["ratio", *(f"{one / other:.2f}" for one, other in zip(ours, hand, strict=True))],
            ["peak memory", *(f"{size:,} devices: {peak:.0f} MB" for size, peak in peaks.items())],
        ],
    )


if __name__ == "__main__":
    asyncio.run(sweep(sys.argv[1])) if sys.argv[1:] else main()
