"""Calls of thirty nights by strategy: ``make bench-ask-less``, or with ``[NIGHTS [ORDERS [UNITS]]]`` as arguments.

No HTTP: the planner and the landing code of a run work against the reference factory in this process. The first night
is the same for all: everything is new. The table leaves out the nights in which the counts still prove themselves.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import table
from tests.support.direct_nights import Night, Nights
from tuyahouse.sync.serial_numbers.definitions import NIGHTS
from tuyahouse.warehouse.warehouse import Warehouse

LEARNT = NIGHTS + 1
LIE_FROM = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table."""

    name: str
    strategy: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    since: int = LEARNT


CASES = (
    Case("ask all open", "all"),
    Case("oracle (asks just those that moved)"),
    Case("pass_counts", "pass_counts"),
    Case("random order: ask all open", "all", (("unit_order", "random"),)),
    Case("random order: pass_counts", "pass_counts", (("unit_order", "random"),)),
    Case(
        f"counts that lie from night {LIE_FROM:.0f} on: pass_counts",
        "pass_counts",
        (("pass_counts", "lie"), ("lie_from", LIE_FROM)),
        int(LIE_FROM) + 2,
    ),
)


def nights(case: Case, count: int, orders: int, units: int) -> list[Night]:
    """The nights of one case, in a warehouse of its own."""
    with tempfile.TemporaryDirectory() as home:
        warehouse = Warehouse.open(f"sqlite:///{Path(home) / 'warehouse.db'}", "a-key-of-the-benchmarks-alone")
        factory = Nights(warehouse, orders=orders, order_units=units, orders_at_once=30, **dict(case.options))
        told = [factory.run(day, oracle=case.strategy is None, strategy=case.strategy) for day in range(count)]
        warehouse.close()
    return told


def row(case: Case, told: Sequence[Night]) -> list[str]:
    counted = told[case.since :] or told[-1:]
    calls, moved = sum(one.calls for one in counted), sum(one.moved - one.boards for one in counted)
    found = sum(one.found - one.boards_found for one in counted)
    boards, boards_found = sum(one.boards for one in counted), sum(one.boards_found for one in counted)
    worst = max(one.worst for one in counted)
    return [
        case.name,
        f"{calls / len(counted):,.0f}",
        f"{found / max(moved, 1):.2%}",
        f"{boards_found / max(boards, 1):.1%}",
        "" if case.strategy is None else f"{_days(sorted(one.median for one in counted)[len(counted) // 2])}",
        "" if case.strategy is None else f"{_days(worst)}",
    ]


def _days(age: timedelta) -> str:
    return f"{age / timedelta(days=1):.1f} d"


def main(arguments: Sequence[str] = ()) -> None:
    count, orders, units = [*map(int, arguments), *(30, 300, 1000)[len(arguments) :]]
    head = ["", "calls a night", "moved, found the same night", "finished boards gone on, found", "median", "worst"]
    table(
        f"{count} nights, {orders} orders of {units:,} units",
        [head, *(row(case, nights(case, count, orders, units)) for case in CASES)],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
