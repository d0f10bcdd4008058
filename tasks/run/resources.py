"""What a task opens: settings, account, warehouse, a Tuya client. Every process reads its own settings."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from pydantic import SecretStr

from tasks.run import calls
from tuyahouse import logs
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.log_files import log_to_files
from tuyahouse.settings import Account, Settings, load_settings
from tuyahouse.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings, account and warehouse of one task or flow."""

    settings: Settings
    account: Account
    warehouse: Warehouse

    @property
    def workers(self) -> int:
        """Calls in flight at once in one chunk, so that all chunks of the process together keep to the setting."""
        return max(1, self.account.concurrency // self.settings.chunks_at_once)

    @asynccontextmanager
    async def tuya(self, run_id: str) -> AsyncIterator[TuyaClient]:
        """A client whose token, pace and budget are shared through the warehouse with all other processes.

        Its calls are those of the run, whatever they are for.
        """
        client: TuyaClient | None = None
        slots = self.warehouse.slots.of_run(run_id)
        try:
            async with TuyaClient.open(self.account, self.warehouse.tokens, slots) as client:
                yield client
        finally:
            calls.add(run_id, client.calls if client else 0)


def open_resources(account: str | None) -> Resources:
    """Read the settings of this process and open its warehouse (once a process). Without a name: the only account.

    Raises:
        SettingsError: a setting is missing or wrong, or there is no such account.
        WarehouseError: the warehouse is away, read-only or at another schema.
    """
    os.umask(0o077)  # files of this process, such as results that Prefect keeps, are for its user alone
    settings = load_settings()
    logs.register_secrets(settings)
    logs.set_levels(settings.log_level)  # also where Prefect set the logging up: on a worker
    log_to_files(settings)
    found = settings.account(account)
    return Resources(settings, found, open_warehouse(settings))


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse of these settings, opened once a process."""
    key = settings.secret_key.get_secret_value() if settings.secret_key else None
    return _open(settings.warehouse_url, SecretStr(key) if key else None, settings.lock_wait)


@lru_cache(maxsize=8)
def _open(url: str, key: SecretStr | None, lock_wait: timedelta) -> Warehouse:
    return Warehouse.open(url, key, lock_wait=lock_wait)
