"""Where the warehouse's own counts come from: an index, never a scan of all steps or of the whole registry."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from tuyahouse.warehouse.bulk.writer import insert_columns, insert_new
from tuyahouse.warehouse.serial_numbers import order_units, plans, registry
from tuyahouse.warehouse.tables import craft_line_node, flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

ACCOUNT, NOW = "demo", datetime(2026, 11, 21, tzinfo=UTC)
ORDERS, UNITS, NODES = 300, 60, ("n1", "n2", "n3")
ORDER = "W042"
SCANS = tuple(f"{scan} {table}" for scan in ("SCAN", "Seq Scan on") for table in ("flow_step", "serial_number"))
TIMES = order_units.Times(NOW, NOW, NOW, NOW, NOW)


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """A registry large enough that a database prefers an index where there is one."""
    units = [(f"W{order:03}", f"W{order:03}{unit:03}") for order in range(ORDERS) for unit in range(UNITS)]
    steps = [(sn, node, NOW, order) for order, sn in units for node in NODES]
    columns = dict(zip(("sn", "node", "happened_at", "order_code"), map(list, zip(*steps, strict=True)), strict=True))
    nodes = [(ACCOUNT, f"W{order:03}", node, sort) for order in range(ORDERS) for sort, node in enumerate(NODES)]
    registered = [(ACCOUNT, sn, order, "open", NOW) for order, sn in units]
    with warehouse.begin() as conn:
        insert_new(conn, craft_line_node, ("account", "order_code", "node", "sort"), nodes)
        insert_new(conn, serial_number, ("account", "sn", "order_code", "state", "added_at"), registered)
        insert_columns(conn, flow_step, columns, same={"account": ACCOUNT, "status": True, "seen_at": NOW})
    if warehouse.dialect == "postgresql":
        with warehouse.begin() as conn:
            conn.execute(text("ANALYZE"))  # as autovacuum would have by then; nobody does it for a SQLite file
    return warehouse


QUERIES: dict[str, Callable[[Connection], object]] = {
    "passed": lambda conn: order_units.passed(conn, ACCOUNT, ORDER, {"n1": (NOW, NOW)}, failures=False),
    "nodes_passed": lambda conn: order_units.nodes_passed(conn, ACCOUNT, ORDER, ["n3"]),
    "waiting_units": lambda conn: order_units.waiting_units(conn, ACCOUNT, ORDER),
    "finished_units": lambda conn: order_units.finished_units(conn, ACCOUNT, ORDER),
    "first_in_turn": lambda conn: order_units.first_in_turn(
        conn, ACCOUNT, ORDER, {None: 2, 0: None}, NOW, timedelta(hours=60), 0.5, failures=True
    ),
    "feeders": lambda conn: order_units.feeders(conn, ACCOUNT, ORDER),
    "unasked_since": lambda conn: order_units.unasked_since(conn, ACCOUNT, [ORDER], NOW),
    "candidates": lambda conn: list(registry.candidates(conn, ACCOUNT, orders=[ORDER])),
    "unknown_orders": lambda conn: plans.unknown_orders(conn, ACCOUNT),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_work_order_is_counted_from_an_index_and_all_steps_are_never_scanned(filled: Warehouse, name: str) -> None:
    with filled.read() as conn:
        lines = plan_of(conn, QUERIES[name])
        assert any("ix_flow_step_order_code" in line or "ix_serial_number_order_code" in line for line in lines), lines
        assert not [line for line in lines if line.lstrip(" ->").startswith(SCANS)], lines


def test_the_plan_of_a_scan_would_be_noticed(filled: Warehouse) -> None:
    with filled.read() as conn:
        lines = explained(conn, "SELECT count(status) FROM flow_step", ())
    assert [line for line in lines if line.lstrip(" ->").startswith(SCANS)]


def test_orders_that_counts_decide_about_are_left_out_by_one_look_into_a_hash_each(filled: Warehouse) -> None:
    """A list of a thousand orders would be gone through for each of a million units."""
    with filled.read() as conn:
        lines = plan_of(conn, lambda conn: list(order_units.timed(conn, ACCOUNT, TIMES, [ORDER])))
        wanted = "LIST SUBQUERY" if conn.dialect.name == "sqlite" else "hashed SubPlan"
        assert any(wanted in line for line in lines), lines


def plan_of(conn: Connection, ask: Callable[[Connection], object]) -> list[str]:
    """The plan of the one query that is asked, a line a step."""
    asked: list[tuple[str, Any]] = []
    event.listen(conn, "before_cursor_execute", lambda c, cur, sql, values, ctx, many: asked.append((sql, values)))
    ask(conn)
    [(sql, values)] = [one for one in asked if "flow_step" in one[0] or "serial_number" in one[0]]
    return explained(conn, sql, values)


def explained(conn: Connection, sql: str, values: Any) -> list[str]:
    if conn.dialect.name == "sqlite":
        return [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    return [row[0] for row in conn.exec_driver_sql(f"EXPLAIN {sql}", values)]
