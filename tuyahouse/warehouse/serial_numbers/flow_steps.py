"""Process steps as they are stored."""

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from tuyahouse.warehouse.database.dialect import among, of_account
from tuyahouse.warehouse.tables import flow_step

_table = flow_step.c


class Held(NamedTuple):
    """The fields of a step that a unit's state depends on."""

    node: str
    status: bool | None
    time_ms: int


def of_orders(conn: Connection, account: str, orders: Collection[str]) -> Iterator[tuple[str, str, list[Held]]]:
    """(serial number, work order of its newest step, its present steps) for units of these orders, streamed."""
    mine = of_account(conn.dialect.name, _table.account, account)
    units = select(_table.sn).where(mine, among(conn, _table.order_code, orders))
    wanted = select(_table.sn, _table.order_code, _table.node, _table.status, _table.happened_at).where(
        _table.account == account, _table.gone_at.is_(None), _table.sn.in_(units)
    )
    rows = conn.execute(wanted.order_by(_table.sn, _table.happened_at), execution_options={"yield_per": 2000})
    for sn, group in groupby(rows, key=lambda row: row.sn):
        steps = list(group)
        if (order := steps[-1].order_code) in orders:
            yield sn, order, [Held(row.node, row.status, int(row.happened_at.timestamp() * 1000)) for row in steps]


def delete_steps(conn: Connection, account: str, sns: Collection[str]) -> int:
    """Delete all steps of these serial numbers, for a replay that rewrites them; returns how many."""
    if not sns:
        return 0
    return conn.execute(delete(flow_step).where(_table.account == account, among(conn, _table.sn, sns))).rowcount
