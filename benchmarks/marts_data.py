"""A factory's steps for benchmarks of the marts, landed day by day as nights land them."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tuyahouse.warehouse.bulk.writer import insert_columns, insert_new
from tuyahouse.warehouse.tables import craft_line, craft_line_node, flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

ACCOUNT = "bench"
NODES, UNITS, AT_ONCE = 8, 1_000, 30
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
AS_OF = BEGIN + timedelta(days=60)
_COLUMNS = ("order_code", "sn", "node", "happened_at", "status")


def fill(warehouse: Warehouse, steps: int) -> int:
    """Work orders of a thousand units and eight nodes, thirty at a time; returns how many steps they have, at
    least as many as wanted.

    One first attempt in thirty fails and is repeated; the newest orders are still under way.
    """
    orders, written = steps // (UNITS * NODES) + AT_ONCE // 2, 0
    for numbers in _batches(orders):
        _register(warehouse, numbers)
        rows = [row for number in numbers for row in _steps(number, orders)]
        rows.sort(key=lambda row: row[3].date())  # a stable order: within a day by work order and unit
        for _, of_day in itertools.groupby(rows, key=lambda row: row[3].date()):
            columns = dict(zip(_COLUMNS, map(list, zip(*of_day, strict=True)), strict=True))
            with warehouse.begin() as conn:
                insert_columns(conn, flow_step, columns, same={"account": ACCOUNT, "seen_at": AS_OF})
        written += len(rows)
    return written


def _batches(orders: int) -> Iterator[range]:
    return (range(first, min(first + AT_ONCE, orders)) for first in range(0, orders, AT_ONCE))


def code_of(number: int) -> str:
    return f"W{number:04}"


def _register(warehouse: Warehouse, numbers: range) -> None:
    codes = [code_of(number) for number in numbers]
    lines = [(ACCOUNT, code, "L", f"n{NODES}") for code in codes]
    nodes = [(ACCOUNT, code, f"n{node}", node) for code in codes for node in range(1, NODES + 1)]
    units = [(ACCOUNT, f"{code}{unit:05}", code, "open", BEGIN, AS_OF) for code in codes for unit in range(UNITS)]
    with warehouse.begin() as conn:
        insert_new(conn, craft_line, ("account", "order_code", "craft_line_code", "last_node"), lines)
        insert_new(conn, craft_line_node, ("account", "order_code", "node", "sort"), nodes)
        insert_new(conn, serial_number, ("account", "sn", "order_code", "state", "added_at", "last_asked_at"), units)


def _steps(number: int, orders: int) -> Iterator[tuple[str, str, str, datetime, bool]]:
    code, last = code_of(number), number >= orders - min(AT_ONCE, orders // 4)
    for unit in range(UNITS):
        at = BEGIN + timedelta(hours=number % 1_000, minutes=3 * unit)
        for node in range(1, (unit % NODES if last else NODES) + 1):
            at += timedelta(minutes=20 + (unit * node) % 90, milliseconds=unit)
            failed = (unit + 7 * node) % 30 == 0
            yield code, f"{code}{unit:05}", f"n{node}", at, not failed
            if failed:
                at += timedelta(minutes=11)
                yield code, f"{code}{unit:05}", f"n{node}", at, True
