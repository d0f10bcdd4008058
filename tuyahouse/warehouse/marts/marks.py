"""Marks of what the next refresh of the marts has to work on, left by whoever changes rows that marts are made from.

A mark is inserted in the transaction of the change and deleted by the refresh that has read it. Every change has a mark
of its own, so that a refresh under way and a landing never wait for each other.
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, insert, literal, select, union

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.dialect import among
from tuyahouse.warehouse.marts.catalogue import KEPT
from tuyahouse.warehouse.tables import flow_step, ops_mart_dirty, serial_number

_COLUMNS = ("account", "order_code", "mark")
PRESENCE = "presence/"


def mark_orders(conn: Connection, account: str, orders: Iterable[str | None], mark: str) -> None:
    """Mark these work orders; None among them is passed over."""
    rows = [(account, order, mark) for order in sorted(set(filter(None, orders)))]
    writer.insert_new(conn, ops_mart_dirty, _COLUMNS, rows)


def mark_units(
    conn: Connection, account: str, sns: Collection[str], mark: str, orders: Iterable[str | None] = ()
) -> None:
    """Mark every work order that these units have steps of, gone ones too, or are registered for now.

    ``orders`` are those that they were registered for before.
    """
    if not sns:
        return
    steps, units = flow_step.c, serial_number.c
    held = union(
        select(steps.order_code).distinct().where(steps.account == account, among(conn, steps.sn, sns)),
        select(units.order_code).distinct().where(units.account == account, among(conn, units.sn, sns)),
    )
    mark_orders(conn, account, {*orders, *conn.execute(held).scalars()}, mark)


def mark_all(conn: Connection, account: str, mark: str) -> None:
    """Mark every work order that has steps, units or rows in a mart, and all days of presence."""
    found = [select(table.c.order_code).where(table.c.account == account) for table in _with_orders()]
    orders = union(*found).subquery("orders")
    marked = select(literal(account), orders.c.order_code, literal(mark)).where(orders.c.order_code.is_not(None))
    conn.execute(insert(ops_mart_dirty).from_select(_COLUMNS, marked.where(~_is_marked(account, mark, orders))))
    writer.insert_new(conn, ops_mart_dirty, _COLUMNS, [(account, f"{PRESENCE}all", mark)])


def mark_presence(conn: Connection, account: str, days: Iterable[date], mark: str) -> None:
    """Mark days of presence (UTC dates) that are not among the newest two."""
    rows = [(account, f"{PRESENCE}{day.isoformat()}", mark) for day in sorted(set(days))]
    writer.insert_new(conn, ops_mart_dirty, _COLUMNS, rows)


def _is_marked(account: str, mark: str, orders: Any) -> Any:
    dirty = ops_mart_dirty.c
    same = select(dirty.mark).where(
        dirty.account == account, dirty.order_code == orders.c.order_code, dirty.mark == mark
    )
    return same.exists()


def _with_orders() -> list[Table]:
    return [flow_step, serial_number, *[mart.table for mart in KEPT if "order_code" in mart.columns]]
