"""What a run of sync_devices or reconcile_commands leaves for the operator in the Prefect UI. Never a device's extend_data."""

import asyncio

from prefect.artifacts import acreate_table_artifact

from tasks.run.artifacts import artifact_key
from tasks.run.run import Running
from tuyahouse.sync.devices.plan import Concluded
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.devices import history, inventory

ROWS = 200
"""The newest so many are shown; the tables hold them all."""


async def publish_device_changes(run: Running, concluded: Concluded) -> None:
    """A table of what this run found changed: new, changed, vanished and unbound devices."""
    rows = await asyncio.to_thread(_changes, run)
    await acreate_table_artifact(
        key=artifact_key("devices-changed", run.run.account),
        table=rows,
        description=(
            f"**Devices of `{run.run.account}`**: {concluded.complete} of {concluded.lists} lists read completely, "
            f"{concluded.vanished} devices vanished, details of {concluded.details} are due. "
            f"Up to {ROWS} changes; all are in `device_history`."
        ),
    )


def _changes(run: Running) -> list[dict[str, str]]:
    with run.resources.warehouse.read() as conn:
        return history.changes_of_run(conn, run.run.account, run.run.run_id, ROWS)


async def publish_contradictions(run: Running) -> None:
    """A table of the devices whose sources name different serial numbers; none when there is none."""
    count, rows = await asyncio.to_thread(_contradictions, run)
    if count:
        await acreate_table_artifact(
            key=artifact_key("devices-contradicting", run.run.account),
            table=rows,
            description=(
                f"**Devices of `{run.run.account}`** of which the sources name different serial numbers: {count}. "
                f"Up to {ROWS}, the newest first; all are in `device_serial_number`."
            ),
        )


def _contradictions(run: Running) -> tuple[int, list[dict[str, str]]]:
    with run.resources.warehouse.read() as conn:
        return inventory.contradictions(conn, run.run.account, ROWS)


async def publish_verdicts(run: Running) -> None:
    """How many commands have which verdict, and the newest that need a look."""
    counts, rows = await asyncio.to_thread(_verdicts, run)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "none yet"
    await acreate_table_artifact(
        key=artifact_key("commands", run.run.account),
        table=rows,
        description=f"**Commands of `{run.run.account}`**: {told}. Up to {ROWS} that are stuck or in conflict; all are in `command`.",
    )


def _verdicts(run: Running) -> tuple[dict[str, int], list[dict[str, str]]]:
    with run.resources.warehouse.read() as conn:
        counts: dict[str, int] = {}
        for (verdict, _), count in sorted(records.verdicts(conn, run.run.account).items()):
            counts[verdict] = counts.get(verdict, 0) + count
        return counts, records.needing_a_look(conn, run.run.account, ROWS)
