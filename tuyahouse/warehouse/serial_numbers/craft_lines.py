"""Craft lines of work orders and their nodes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, func, select

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import among, if_past
from tuyahouse.warehouse.tables import craft_line, craft_line_node, ops_run, serial_number

_LINE = ("account", "order_code", "craft_line_code", "name", "type", "last_node", "extra", "asked_at")
_NODE = ("account", "order_code", "node", "sort", "programs", "description", "extra")
_RUNS = ("first_run", "last_run")


class Node(Protocol):
    """One node of a craft line; ``programs`` comma-separated."""

    @property
    def code(self) -> str: ...
    @property
    def sort(self) -> int | None: ...
    @property
    def programs(self) -> str | None: ...
    @property
    def desc(self) -> str | None: ...
    @property
    def extra(self) -> dict[str, Any] | None: ...


class Line(Protocol):
    """A work order's craft line."""

    @property
    def code(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def type(self) -> str | None: ...
    @property
    def last_node(self) -> str | None: ...
    @property
    def extra(self) -> dict[str, Any] | None: ...
    @property
    def nodes(self) -> Sequence[Node]: ...


def write(
    conn: Connection,
    account: str,
    lines: Sequence[tuple[str, Line]],
    run_id: str,
    at: datetime,
    asked_at: Mapping[str, datetime],
) -> writer.Written:
    """Write (work order, craft line) pairs with their nodes; nodes a line no longer has get ``at`` as ``gone_at``.

    ``asked_at`` holds the time of asking of orders that were not asked at ``at``.
    """
    runs = (run_id, run_id)
    rows = [
        (account, order, line.code, line.name, line.type, line.last_node, line.extra, asked_at.get(order, at), *runs)
        for order, line in lines
    ]
    nodes = [
        (account, order, node.code, node.sort, node.programs, node.desc, node.extra, *runs)
        for order, line in lines
        for node in line.nodes
    ]
    written = writer.upsert(conn, craft_line, (*_LINE, *_RUNS), rows, first=("first_run",), stamp=("last_run",))
    return written + writer.replace_set(
        conn,
        craft_line_node,
        (*_NODE, *_RUNS),
        nodes,
        scope=("account", "order_code"),
        scopes=[(account, order) for order, _ in lines],
        gone="gone_at",
        at=at,
        first=("first_run",),
        stamp=("last_run",),
        gone_stamp={"last_run": run_id},
    )


def hold(conn: Connection, account: str, orders: Collection[str]) -> dict[str, datetime | None]:
    """When the lines of these orders were asked, locked against changes by others until the transaction ends."""
    columns = craft_line.c
    wanted = select(columns.order_code, if_past(conn, columns.asked_at)).where(columns.account == account)
    wanted = wanted.where(among(conn, columns.order_code, orders)).order_by(columns.order_code)
    return {row[0]: row[1] for row in conn.execute(wanted.with_for_update(key_share=True))}


def unknown_orders(conn: Connection, account: str) -> int:
    """How many work orders of registered serial numbers have no craft line yet."""
    lines = select(craft_line.c.order_code).where(craft_line.c.account == account)
    orders = func.count(serial_number.c.order_code.distinct())
    wanted = select(orders).where(serial_number.c.account == account, serial_number.c.order_code.not_in(lines))
    return int(conn.execute(wanted).scalar_one())


def missing(conn: Connection, account: str, run_id: str) -> list[str]:
    """Work orders without a craft line, of units with steps that were asked since the run began; sorted."""
    units, lines = serial_number.c, select(craft_line.c.order_code).where(craft_line.c.account == account)
    begun = select(ops_run.c.started_at).where(ops_run.c.run_id == run_id).scalar_subquery()
    wanted = select(units.order_code).distinct().where(units.account == account, units.last_asked_at >= begun)
    lacks_line = units.craft_line_code.is_not(None), units.order_code.is_not(None), units.order_code.not_in(lines)
    return list(conn.execute(wanted.where(*lacks_line).order_by(units.order_code)).scalars())


def orders_of_run(conn: Connection, account: str, run_id: str) -> list[str]:
    """Work orders of units with steps that were asked since the run began; sorted."""
    units = serial_number.c
    begun = select(ops_run.c.started_at).where(ops_run.c.run_id == run_id).scalar_subquery()
    wanted = select(units.order_code).distinct().where(units.account == account, units.last_asked_at >= begun)
    there = units.craft_line_code.is_not(None), units.order_code.is_not(None)
    return list(conn.execute(wanted.where(*there).order_by(units.order_code)).scalars())


def last_nodes(database: Database, account: str, orders: Collection[str]) -> dict[str, str | None]:
    """Work order → last node of its craft line, for those orders whose line is stored."""
    columns = craft_line.c
    wanted = select(columns.order_code, columns.last_node).where(columns.account == account)
    with database.read() as conn:
        rows = conn.execute(wanted.where(among(conn, columns.order_code, orders)))
        return {row.order_code: row.last_node for row in rows}


class HeldLine(NamedTuple):
    """The nodes of a stored craft line, and when it was asked."""

    asked_at: datetime | None
    nodes: frozenset[str]


def held_lines(database: Database, account: str, orders: Collection[str]) -> dict[str, HeldLine]:
    """Work order → its stored craft line, for those that have one."""
    lines, nodes = craft_line.c, craft_line_node.c
    asked = select(lines.order_code, lines.asked_at).where(lines.account == account)
    live = select(nodes.order_code, nodes.node).where(nodes.account == account, nodes.gone_at.is_(None))
    with database.read() as conn:
        found = {
            row.order_code: row.asked_at for row in conn.execute(asked.where(among(conn, lines.order_code, orders)))
        }
        by_order: dict[str, set[str]] = {order: set() for order in found}
        for order, node in conn.execute(live.where(among(conn, nodes.order_code, list(found)))):
            by_order[order].add(node)
    return {order: HeldLine(at, frozenset(by_order[order])) for order, at in found.items()}
