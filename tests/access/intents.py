"""A Tuya that is a folder of files, and intents that write to it: for tests of the door alone.

Run as a module it is one write in a process of its own: ``python -m tests.access.intents FOLDER RUN_KEY READABLE
WHERE``, with the settings in the environment. It kills itself by SIGKILL where ``WHERE`` says so.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.settings import load_settings
from tuyahouse.sync.access.intent import Facts, Intent, Written
from tuyahouse.sync.access.write import Door
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

CALL = Endpoint("POST", "/v1.0/test/{name}", idempotent=False)
LEASE = timedelta(minutes=2)


class Folder:
    """What was written, and how often; each call is a file, so that all processes count together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        self.before: TuyaError | None = None
        self.after: BaseException | None = None

    @property
    def calls(self) -> int:
        return len(list(self.path.glob("call-*")))

    async def write(self, name: str, client: TuyaClient) -> Facts:
        if self.before:
            raise self.before
        await client.call(CALL, path={"name": name})
        (self.path / f"call-{name}-{os.urandom(8).hex()}").touch()
        await asyncio.sleep(self.seconds)
        (self.path / f"is-{name}").touch()
        if self.after:
            raise self.after
        return {"id": f"id of {name}"}

    async def read(self, name: str) -> Facts | None:
        return {"id": f"id of {name}"} if (self.path / f"is-{name}").exists() else None


def intent(folder: Folder, name: str = "alice", *, readable: bool = False, **changes: Any) -> Intent:
    """Write ``name`` into the folder."""
    wanted = Intent(
        call=CALL,
        target=f"name {name}",
        what=f"write {name}",
        request={"name": name},
        check="Check the name.",
        make=lambda client: folder.write(name, client),
        read_back=(lambda client: folder.read(name)) if readable else None,
        find_out="Look into the folder.",
    )
    return replace(wanted, **changes)


def door(
    warehouse: Warehouse, run_key: str, *, dry_run: bool = False, allowed: bool = True, timeout: float = 0.2
) -> Door:
    """The door of a run of account demo."""
    run = runs.start_run(warehouse, "demo", "test", run_key, {})
    account = SimpleNamespace(name="demo", allow_writes=allowed, timeout_seconds=timeout)
    client = cast(TuyaClient, SimpleNamespace(account=account, call=_call))
    return Door(client, warehouse, run, dry_run=dry_run, lease=LEASE)


async def _call(endpoint: Endpoint, on_start: Callable[[], None] | None = None, **options: Any) -> None:
    """As the client's: it says when the call is sent."""
    if on_start:
        on_start()


async def write(warehouse: Warehouse, run_key: str, wanted: Intent, **options: Any) -> Written:
    return await door(warehouse, run_key, **options).write(wanted)


def main(path: str, run_key: str, readable: str, where: str) -> None:
    settings = load_settings()
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key)
    folder = Folder(Path(path))

    async def make(client: TuyaClient) -> Facts:
        if where == "before the call":
            os.kill(os.getpid(), signal.SIGKILL)
        facts = await folder.write("alice", client)
        if where == "after the call":
            os.kill(os.getpid(), signal.SIGKILL)
        return facts

    asyncio.run(write(warehouse, run_key, intent(folder, readable=readable == "readable", make=make)))


if __name__ == "__main__":
    main(*sys.argv[1:])
