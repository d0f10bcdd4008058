"""Twenty seconds at 50 starts a second, by one process and by three. ``python -m benchmarks.pace``

Each process asks as fast as it may; pace and token are shared through a PostgreSQL warehouse. A start is the moment
at which a request is handed to the connection; arrivals at the server are printed beside it.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Sequence

import httpx

from benchmarks.account import PATTERN, environment
from benchmarks.measure import table, tuya
from tests.support.postgres import OwnPostgres
from tuyahouse.cloud.calls.pms import SN_FLOWS
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.settings import load_settings
from tuyahouse.warehouse.warehouse import Warehouse

RATE, SECONDS = 50, 20


def busiest_second(starts: Sequence[float]) -> int:
    """The most starts that any window of one second holds, wherever it begins."""
    ordered = sorted(starts)
    return max((index - bisect_left(ordered, start - 1.0 + 1e-9) + 1 for index, start in enumerate(ordered)), default=0)


class Recording(httpx.AsyncBaseTransport):
    """A transport that notes when each request for a serial number starts."""

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.starts: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/sn/flows/get"):
            self.starts.append(time.time())
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def ask_from(begin: float) -> list[float]:
    """What one process does: log in, then ask with eight workers from ``begin`` on; returns its starts."""
    settings = load_settings()
    assert settings.secret_key is not None
    end = begin + SECONDS
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key.get_secret_value())
    transport = Recording()

    async def work() -> None:
        while time.time() < end:
            await client.call(SN_FLOWS, body={"sn": PATTERN.format(1)})

    async with TuyaClient.open(
        settings.account("bench"), warehouse.tokens, warehouse.slots, transport=transport
    ) as client:
        await client.call(SN_FLOWS, body={"sn": PATTERN.format(1)})
        await asyncio.sleep(begin - time.time())
        await asyncio.gather(*(work() for _ in range(8)))
    await transport.aclose()
    warehouse.close()
    return [start for start in transport.starts if begin <= start < end]


def starts_of(processes: int, env: dict[str, str]) -> list[float]:
    """All starts of that many processes, which ask for ``SECONDS``."""
    begin = time.time() + 8  # all of them have loaded their modules and logged in by then
    command = [sys.executable, "-m", "benchmarks.pace", str(begin)]
    children = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    printed = [child.communicate()[0] for child in children]
    return [start for text in printed for start in json.loads(text)]


def main() -> None:
    rows = [["", "starts", "of 50/s", "busiest second", "busiest second as it arrives"]]
    postgres = OwnPostgres()
    with tuya() as base_url:
        for processes in (1, 3):
            env = environment(base_url, postgres.create_database(), CALLS_PER_SECOND=str(RATE))
            Warehouse.open(env["TUYAHOUSE_WAREHOUSE_URL"], env["TUYAHOUSE_SECRET_KEY"]).close()
            urllib.request.urlopen(f"{base_url}/bench/starts").read()
            starts = starts_of(processes, {**os.environ, **env})
            arrived = json.loads(urllib.request.urlopen(f"{base_url}/bench/starts").read())
            rows.append(
                [
                    f"{processes} process{'es' if processes > 1 else ''}",
                    str(len(starts)),
                    f"{len(starts) / (RATE * SECONDS):.1%}",
                    str(busiest_second(starts)),
                    str(busiest_second(arrived)),
                ]
            )
    postgres.close()
    table(f"Pace: {SECONDS} s at {RATE} starts a second", rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(ask_from(float(sys.argv[1])))))
    else:
        main()
