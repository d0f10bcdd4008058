"""Plans of work orders: units and due dates, as files name them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.dialect import of_account
from tuyahouse.warehouse.tables import flow_step, serial_number, work_order


class Plan(NamedTuple):
    """What is planned of a work order; None: not said."""

    order_code: str
    planned_units: int | None
    due_at: datetime | None
    product: str | None


def write(conn: Connection, account: str, plans: Sequence[Plan], source: str) -> int:
    """Write plans; what one does not say stays as it was. Returns how many work orders are new."""
    written = writer.upsert(
        conn,
        work_order,
        ("account", *Plan._fields, "source"),
        [(account, *plan, source) for plan in plans],
        keep=("planned_units", "due_at", "product"),
        stamp=("source",),
    )
    return written.inserted


def unknown_orders(conn: Connection, account: str) -> list[str]:
    """Planned work orders without a unit, by name."""
    held = []
    for table in (serial_number, flow_step):
        mine = of_account(conn.dialect.name, table.c.account, account)
        held.append(select(1).where(mine, table.c.order_code == work_order.c.order_code).exists())
    wanted = select(work_order.c.order_code).where(work_order.c.account == account, *[~one for one in held])
    return list(conn.execute(wanted.order_by(work_order.c.order_code)).scalars())
