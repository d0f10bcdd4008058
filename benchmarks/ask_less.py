"""Calls of thirty nights by strategy: ``make bench-ask-less``, or with ``[NIGHTS [ORDERS [UNITS]]]`` as arguments.

No HTTP: the planner and the landing code of a run work against the reference factory in this process. The first night
is the same for all: everything is new. The table leaves out the nights that learn.
Each row is made by a process of its own, two at a time.
"""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import table
from tests.support.direct_nights import Night, Nights
from tuyahouse.sync.serial_numbers.definitions import NIGHTS
from tuyahouse.warehouse.warehouse import Warehouse

LEARNT = NIGHTS + 2
"""The first night asks all, two compare the counts, and the next one learns what counting saves."""
LIE_FROM = 10.0
RANDOM = (("unit_order", "random"),)
LYING = (("pass_counts", "lie"), ("lie_from", LIE_FROM))


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table."""

    name: str
    strategy: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    since: int = LEARNT
    """The first night that counts."""
    against: str = ""
    """The row whose calls its own are compared with."""


ALL, ORACLE, BY_COUNTS = "ask all open", "oracle (asks just those that moved)", "pass_counts"
CASES = (
    Case(ALL, "all"),
    Case(ORACLE),
    Case(BY_COUNTS, "pass_counts", against=ORACLE),
    Case(f"random order: {ALL}", "all", RANDOM),
    Case(f"random order: {BY_COUNTS}", "pass_counts", RANDOM, against=f"random order: {ALL}"),
    Case(f"counts that lie from night {LIE_FROM:.0f} on: {BY_COUNTS}", "pass_counts", LYING, int(LIE_FROM) + 2),
)


def nights(case: Case, count: int, orders: int, units: int) -> list[Night]:
    """The nights of one case, in a warehouse of its own."""
    with tempfile.TemporaryDirectory() as home:
        warehouse = Warehouse.open(f"sqlite:///{Path(home) / 'warehouse.db'}", "a-key-of-the-benchmarks-alone")
        at_once = max(orders // 10, 3)
        factory = Nights(warehouse, orders=orders, order_units=units, orders_at_once=at_once, **dict(case.options))
        told = [factory.run(day, oracle=case.strategy is None, strategy=case.strategy) for day in range(count)]
        warehouse.close()
    return told


def row(case: Case, told: Sequence[Night], other: Sequence[Night]) -> list[str]:
    counted = told[case.since :] or told[-1:]
    calls, moved = sum(one.calls for one in counted), sum(one.moved - one.boards for one in counted)
    found = sum(one.found - one.boards_found for one in counted)
    boards, boards_found = sum(one.boards for one in counted), sum(one.boards_found for one in counted)
    known = case.strategy is not None
    return [
        case.name,
        f"{calls / len(counted):,.0f}",
        f"{calls / sum(one.calls for one in other[case.since :]):.2f}" if other else "",
        f"{found / max(moved, 1):.2%} of {moved:,}",
        f"{boards_found / max(boards, 1):.1%}",
        _days(sorted(one.median for one in counted)[len(counted) // 2]) if known else "",
        _days(max(one.worst for one in counted)) if known else "",
    ]


def _days(age: timedelta) -> str:
    return f"{age / timedelta(days=1):.1f} d"


def fell_back(told: Sequence[Night]) -> list[int]:
    """The nights in which the account fell back to asking by age."""
    return [night for night, one in enumerate(told) if any("contradicted" in note for note in one.notes)]


def main(arguments: Sequence[str] = ()) -> None:
    count, orders, units = [*map(int, arguments), *(30, 60, 100)[len(arguments) :]]
    with ProcessPoolExecutor(2) as pool:
        under_way = {case.name: pool.submit(nights, case, count, orders, units) for case in CASES}
        told = {name: one.result() for name, one in under_way.items()}
    head = ["", "calls a night", "×", "moved, found the same night", "boards gone on, found", "median", "worst"]
    table(
        f"{count} nights, {orders} orders of {units:,} units",
        [head, *(row(case, told[case.name], told.get(case.against, ())) for case in CASES)],
    )
    print(f"×: against the oracle, and in random order against asking all. {_falls(told)}")


def _falls(told: dict[str, list[Night]]) -> str:
    named = {case.name: fell_back(told[case.name]) for case in CASES if case.strategy == "pass_counts"}
    return "Fell back: " + "; ".join(f"{name}: {', '.join(map(str, at)) or 'never'}" for name, at in named.items())


if __name__ == "__main__":
    main(sys.argv[1:])
