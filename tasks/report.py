"""The steps of build_report: the page into a file, and where it is found."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

from tasks.run.artifacts import publish_link, publish_note, shown
from tasks.run.report_place import report_key, report_link
from tasks.run.resources import Resources, open_resources
from tasks.run.retries import retried_task
from tuyahouse.report import Built, write
from tuyahouse.report.words import Language


@retried_task("report")
async def write_report(account: str, out: Path | None, language: Language | None) -> Built:
    """Build the report of the account from its marts; without ``out`` into REPORT_DIR, which is made.

    Raises:
        WarehouseError: the file cannot be written.
    """
    resources = open_resources(account)
    if out is None:
        out = await asyncio.to_thread(_own_place, resources)
    return await asyncio.to_thread(write, resources.warehouse, resources.account, out, language)


def _own_place(resources: Resources) -> Path:
    folder = Path(resources.settings.report_dir).resolve()
    with suppress(OSError):  # writing the file says why it cannot be
        folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{resources.account.name}.html"


async def publish_report(resources: Resources, built: Built) -> None:
    """Leave a link to the report, or the name of its file where no setting says how browsers find it."""
    account = resources.account.name
    title = f"The report of {account}, as of {built.as_of or 'never'}"
    if link := report_link(resources):
        await publish_link(report_key(account), link, title)
        return
    text = f"`{shown(str(built.out))}` on {shown(socket.gethostname())}. With `REPORT_URL` this is a link."
    await publish_note(report_key(account), text, shown(title))
