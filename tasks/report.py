"""The one step of build_report: the page into a file."""

import asyncio
from pathlib import Path

from tasks.run.resources import open_resources
from tasks.run.retries import retried_task
from tuyahouse.report import Built, write
from tuyahouse.report.words import Language


@retried_task("report")
async def write_report(account: str, out: Path, language: Language | None) -> Built:
    """Build the report of the account from its marts.

    Raises:
        WarehouseError: the file cannot be written.
    """
    resources = open_resources(account)
    return await asyncio.to_thread(write, resources.warehouse, resources.account, out, language)
