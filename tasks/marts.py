"""The last step of a run: bring the marts for analysts up to what it landed."""

import asyncio
from datetime import datetime

from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tuyahouse.sync import marts
from tuyahouse.warehouse.marts.refresh import Refreshed


@retried_task("marts")
async def refresh_marts(account: str, as_of: datetime | None = None) -> Refreshed:
    """Work off the marks that landings left. ``as_of`` is the present of the run, see :func:`marts.refresh`."""
    resources = open_resources(account)
    return await asyncio.to_thread(marts.refresh, resources.warehouse, resources.account, as_of)
