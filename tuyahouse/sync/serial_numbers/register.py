"""Registers serial numbers from any source; nothing is dropped without a count or a dead letter."""

from collections.abc import Callable, Iterable
from datetime import datetime

from tuyahouse.sync.intake.pattern import read_pattern
from tuyahouse.sync.intake.rows import Item, Refusal, Row, SourceError, entry
from tuyahouse.sync.intake.take_in import IntakeOutcome, take_in
from tuyahouse.sync.serial_numbers.sources import read_file, read_query, source
from tuyahouse.times import utc_now
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse

__all__ = [
    "IntakeOutcome",
    "Refusal",
    "Row",
    "SourceError",
    "read_file",
    "read_pattern",
    "read_query",
    "register",
    "source",
]

KIND = "serial_number"
"""Kind of the dead letters of refused rows; their key is the source and the row."""


def register(
    warehouse: Warehouse,
    account: str,
    rows: Iterable[Item],
    source: str,
    work_order: str | None = None,
    *,
    now: Callable[[], datetime] = utc_now,
    on_rows: Callable[[int], object] = lambda count: None,
) -> IntakeOutcome:
    """Add serial numbers to the registry in batches, a transaction each, in flat memory.

    A row's own work order wins over ``work_order``. See :func:`take_in` for the rest.

    Raises:
        SourceError: the source broke off; the text says how much of it is registered.
    """
    default = _work_order(work_order)

    def add(conn: Connection, rows: list[Row], at: datetime) -> int:
        units = (registry.Unit(one.key, one.companion or default) for one in rows)
        inserted = registry.add(conn, account, units, source, at).inserted
        orders = {one.companion or default for one in rows}
        marks.mark_orders(conn, account, orders, f"registered {at.isoformat()}")
        return inserted

    return take_in(warehouse, account, rows, source, KIND, add, now=now, on_rows=on_rows)


def _work_order(text: str | None) -> str | None:
    judged = entry("--work-order", "any", text) if text else None
    if isinstance(judged, Refusal):
        raise SourceError(f"The work order {text!r} cannot be used: {judged.reason}.")
    return judged.companion if isinstance(judged, Row) else None
