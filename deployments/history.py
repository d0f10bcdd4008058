"""Some nights that have been, so that the UI opens with something to look at: green, red with a note, green again."""

import asyncio
import json
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun

from deployments.site import NIGHTS

_RED = 2
"""The night on which Tuya refuses the device lists."""
_LONGEST = 300.0


async def run_nights(sandbox: str, units: Path, account: str = "demo") -> None:
    """Register these serial numbers of the sandbox and run its nights through their deployments.

    Raises:
        TimeoutError: a run did not end in time.
    """
    async with get_client() as client:
        await _run(client, "sync_serial_numbers/register-serial-numbers", account=account, path=str(units))
        for night in range(1, NIGHTS + 1):
            control(sandbox, "day", {"day": night})
            control(sandbox, "faults", {"rights": 1} if night == _RED else {})
            now = _one_in_the_morning() - timedelta(days=NIGHTS - night)
            await _run(client, f"nightly_sync/nightly-{account}", account=account, now=now.isoformat())


def control(sandbox: str, path: str, body: Any) -> None:
    """Set the sandbox to a day, or its faults."""
    headers = {"Content-Type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{sandbox}/sandbox/{path}", data=data, headers=headers, method="POST")
    urllib.request.urlopen(request, timeout=30).read()


def _one_in_the_morning() -> datetime:
    """The newest 01:15 that has been, when nights run."""
    today = datetime.now(UTC).replace(hour=1, minute=15, second=0, microsecond=0)
    return today if today <= datetime.now(UTC) else today - timedelta(days=1)


async def _run(client: PrefectClient, deployment: str, **parameters: Any) -> FlowRun:
    """Start a run as the UI does, and return it when it has ended, red or green."""
    found = await client.read_deployment_by_name(deployment)
    started = await client.create_flow_run_from_deployment(UUID(str(found.id)), parameters=parameters)
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        run = await client.read_flow_run(started.id)
        if run.state and run.state.is_final():
            return run
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{deployment} did not end within {_LONGEST:.0f} s.")


if __name__ == "__main__":
    _, where, folder = sys.argv
    file = Path(folder) / "units.csv"
    file.write_bytes(urllib.request.urlopen(f"{where}/sandbox/serial-numbers.csv", timeout=30).read())
    asyncio.run(run_nights(where, file))
