"""Kept marts against a second implementation in plain Python, on ten thousand generated steps."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from tests.marts.example import ACCOUNT, held
from tests.marts.second import Step, World, compute, generate
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.marts import KEPT, MARTS
from tuyahouse.warehouse.marts.refresh import Rules, refresh
from tuyahouse.warehouse.warehouse import Warehouse

AS_OF = datetime(2026, 4, 20, 3, tzinfo=UTC)


def fill(warehouse: Warehouse, world: World) -> None:
    steps = [
        {
            "order_code": step.order,
            "sn": step.sn,
            "node": step.node,
            "happened_at": step.at,
            "status": step.status,
            "gone_at": step.gone_at,
        }
        for step in world.steps
    ]
    rows: dict[Any, list[dict[str, Any]]] = {
        tables.flow_step: steps,
        tables.serial_number: [
            {"sn": sn, "order_code": order, "state": "open", "added_at": AS_OF} for sn, order in world.registry.items()
        ],
        tables.craft_line: [
            {"order_code": order, "craft_line_code": f"L{len(nodes)}", "last_node": nodes[-1]}
            for order, nodes in world.lines.items()
        ],
        tables.craft_line_node: [
            {"order_code": order, "node": node, "sort": sort}
            for order, nodes in world.lines.items()
            for sort, node in enumerate(nodes, 1)
        ],
    }
    with warehouse.begin() as conn:
        for table, items in ((table, items) for table, items in rows.items() if items):
            conn.execute(insert(table), [{"account": ACCOUNT, **item} for item in items])


def rules(world: World, false_means: str) -> Rules:
    return Rules(world.zone, world.shifts, false_means, 24)


def kept(warehouse: Warehouse, name: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    key = [column for column in MARTS[name].grain if column != "account"]
    values = [column for column in MARTS[name].columns if column not in MARTS[name].grain]
    return {
        tuple(row[column] for column in key): tuple(row[column] for column in values) for row in held(warehouse, name)
    }


def differences(warehouse: Warehouse, world: World) -> dict[str, list[Any]]:
    found = {}
    for name, wanted in world.tables.items():
        have = kept(warehouse, name)
        wrong = [
            (key, have.get(key), wanted.get(key))
            for key in have.keys() | wanted.keys()
            if have.get(key) != wanted.get(key)
        ]
        if wrong:
            found[name] = sorted(map(repr, wrong))[:3]
    return found


def test_kept_marts_are_what_plain_python_says_for_both_meanings_of_false(warehouse: Warehouse) -> None:
    world = generate(7)
    assert len(world.steps) >= 10_000
    fill(warehouse, world)
    for false_means in ("failed", "open"):
        refresh(warehouse, ACCOUNT, rules(world, false_means), AS_OF, batch=3_000)
        assert differences(warehouse, compute(world, false_means)) == {}
        assert set(world.tables) == {mart.name for mart in KEPT if mart.grain[1] == "order_code"}
    states = {row[0] for row in world.tables["mart_unit"].values()}
    assert states == {"waiting", "open", "finished", "left", "forgotten"}


@pytest.mark.parametrize("spread", [0.3, 0.8, 1.5])
def test_percentiles_of_the_histogram_are_near_the_exact_ones(warehouse: Warehouse, spread: float) -> None:
    dice = random.Random(spread)
    times = [dice.lognormvariate(9, spread) for _ in range(3_000)]
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    steps = [
        Step("W", f"U{number}", node, begin + timedelta(milliseconds=int(1000 * seconds)), True, None)
        for number, after in enumerate(times)
        for node, seconds in (("n1", 0.0), ("n2", after))
    ]
    world = World(steps, {"W": ["n1", "n2"]}, {})
    fill(warehouse, world)
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    [row] = held(warehouse, "mart_interval")
    times.sort()
    assert row["units"] == 3_000
    assert row["mean_h"] == pytest.approx(sum(times) / 3_000 / 3600, abs=0.001)
    assert row["median_h"] == pytest.approx(times[1_499] / 3600, rel=0.03)
    assert row["p90_h"] == pytest.approx(times[2_699] / 3600, rel=0.06)


def everything(warehouse: Warehouse) -> dict[str, list[str]]:
    return {mart.name: sorted(map(repr, held(warehouse, mart.name))) for mart in KEPT}


def test_a_second_refresh_writes_no_row(warehouse: Warehouse) -> None:
    world = generate(3, 1_500)
    fill(warehouse, world)
    first = refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    assert first.orders == len(world.lines) and first.written > 1000
    with warehouse.begin() as conn:
        conn.execute(text("INSERT INTO ops_mart_dirty SELECT account, order_code, 'again' FROM mart_order_state"))
    before = everything(warehouse), held(warehouse, "mart_freshness", ["as_of", "refreshed_at"])
    again = refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    assert (again.orders, again.written) == (len(world.lines), 0)
    assert (everything(warehouse), held(warehouse, "mart_freshness", ["as_of", "refreshed_at"])) == before


def test_a_row_whose_steps_are_no_longer_there_goes_with_the_refresh(warehouse: Warehouse) -> None:
    world = generate(3, 400)
    fill(warehouse, world)
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    gone = world.steps[0].order
    with warehouse.begin() as conn:
        for table in ("flow_step", "serial_number"):
            conn.execute(text(f"DELETE FROM {table} WHERE order_code = :order"), {"order": gone})
        conn.execute(text("INSERT INTO ops_mart_dirty VALUES ('f', :order, 'x')"), {"order": gone})
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    left = World(
        [step for step in world.steps if step.order != gone],
        world.lines,
        {s: o for s, o in world.registry.items() if o != gone},
    )
    assert differences(warehouse, compute(left, "failed")) == {}


def test_changed_shifts_compute_everything_anew(warehouse: Warehouse) -> None:
    world = generate(5, 600)
    fill(warehouse, world)
    refresh(warehouse, ACCOUNT, Rules(), AS_OF)
    assert {row["shift"] for row in held(warehouse, "mart_station_day")} <= {"day", "none"}
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    assert differences(warehouse, compute(world, "failed")) == {}


@pytest.mark.parametrize("when", ["2031-01-01", "1970-01-01"])
def test_a_step_of_another_age_falls_on_its_own_date_and_in_no_shift(warehouse: Warehouse, when: str) -> None:
    world = generate(5, 100)
    odd = datetime.fromisoformat(when).replace(tzinfo=UTC)
    world.steps.append(world.steps[0]._replace(at=odd, node="n1", gone_at=None))
    fill(warehouse, world)
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    rows = [row for row in held(warehouse, "mart_station_day") if row["shift"] == "none"]
    assert when in {str(row["factory_day"]) for row in rows}
