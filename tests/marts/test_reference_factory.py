"""Thirty nights of the reference factory, whose truth is known: every mart equals what plain Python says of it.

Boards move into assembly orders, units are reset between two nights, a node drifts, orders begin and end. The truth is
asked of the factory itself, night by night: what a unit showed then is known for good, what it shows no more is erased.

``TUYAHOUSE_TEST_FACTORY=60x200`` takes so many work orders of so many units (``make nights``).
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from tests.flows.nights import night, settings_of
from tests.marts import truth
from tests.marts.second import Step, World, compute
from tests.support.sandbox import Sandbox, start_sandbox
from tuyahouse import frames
from tuyahouse.sandbox.control import truth as sandbox_truth
from tuyahouse.sandbox.days import instant
from tuyahouse.sandbox.factory.hours import SHIFTS
from tuyahouse.sandbox.factory.reference import ReferenceFactory
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World as SandboxWorld
from tuyahouse.sync import marts
from tuyahouse.sync.serial_numbers import register
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.marts import KEPT, MARTS
from tuyahouse.warehouse.warehouse import Warehouse

ORDERS, UNITS = map(int, os.environ.get("TUYAHOUSE_TEST_FACTORY", "8x8").split("x"))
NIGHTS, LOOKED_AT_EVERY = 30, 5
OPTIONS = Options(factory="reference", orders=ORDERS, order_units=UNITS, orders_at_once=max(3, ORDERS // 10))


@dataclass
class Known:
    """What was ever seen of the factory: (unit, node, time) → step, as the nights went."""

    factory: SandboxWorld
    steps: dict[tuple[str, str, datetime], Step] = field(default_factory=dict)
    registry: dict[str, str] = field(default_factory=dict)

    def tonight(self, day: int) -> list[tuple[str, str]]:
        """Look at the factory at the end of that day; returns the units that are new, with their work orders."""
        now = instant(day)
        shown = {
            (each["sn"], each["node"], datetime.fromtimestamp(each["time_ms"] / 1000, UTC)): each
            for each in sandbox_truth.steps(self.factory, day)
        }
        for key, each in shown.items():
            sn, node, at = key
            self.steps[key] = Step(each["order_code"], sn, node, at, each["status"], None)
        for key in self.steps.keys() - shown.keys():
            if self.steps[key].gone_at is None:
                self.steps[key] = self.steps[key]._replace(gone_at=now)
        states = {each["sn"]: each["order_code"] for each in sandbox_truth.serial_number_states(self.factory, day)}
        new = [(sn, order) for sn, order in self.factory.factory.serial_numbers(day) if sn not in self.registry]
        self.registry = states
        return new

    def world(self) -> World:
        factory = self.factory.factory
        assert isinstance(factory, ReferenceFactory)
        lines = {order.code: [node.code for node in order.craft_line.nodes] for order in factory.orders}
        used = {step.order for step in self.steps.values()} | set(self.registry.values())
        shifts = tuple((name, time.fromisoformat(at)) for name, _, at in (s.partition("=") for s in SHIFTS.split(",")))
        return World(
            list(self.steps.values()), {o: lines[o] for o in used}, dict(self.registry), "Asia/Shanghai", shifts
        )


@pytest.fixture(scope="module")
def reference() -> Iterator[Sandbox]:
    chosen = ("factory", "orders", "order_units", "orders_at_once")
    given = [part for name in chosen for part in ("--set", f"{name}={getattr(OPTIONS, name)}")]
    sandbox = start_sandbox(*given)
    yield sandbox
    sandbox.stop()


async def test_in_thirty_nights_every_mart_is_the_truth(reference: Sandbox, warehouse: Warehouse) -> None:
    settings = settings_of(
        reference, factory_time_zone="Asia/Shanghai", factory_shifts=SHIFTS, stuck_after=timedelta(hours=60)
    )
    account = settings.account("demo")
    known = Known(SandboxWorld(OPTIONS))
    plan = truth.plan_of(known.factory.factory.orders, UNITS)
    with warehouse.begin() as conn:
        conn.execute(insert(tables.work_order), [{"account": "demo", **row} for row in plan])
    line_of = {order.code: order.craft_line.code for order in known.factory.factory.orders}
    nights, seen_states, seen_progress = [], set(), set()
    for day in range(NIGHTS):
        now = instant(day)
        nights.append(now)
        new = known.tonight(day)
        register.register(warehouse, "demo", (register.entry("test", sn, order) for sn, order in new), "test")
        reference.control("day", {"day": day})
        await night(warehouse, settings, f"night {day}", now=now)
        marts.refresh(warehouse, account, now)
        if day % LOOKED_AT_EVERY and day < NIGHTS - 1:
            continue
        world = compute(known.world(), "failed")
        assert kept_differences(warehouse, world, nights) == {}, day
        for name, expected in truth.views(world, line_of, plan, now, timedelta(hours=60)).items():
            found = truth.rows_of(frames.read(name, warehouse=warehouse, account="demo"), expected)
            assert found == expected, (day, name)
        seen_states |= {row[0] for row in world.tables["mart_unit"].values()}
        seen_progress |= set(frames.read("mart_order", warehouse=warehouse)["progress"])
        assert marts.refresh(warehouse, account, now).written == 0
    assert {"waiting", "open", "finished"} <= seen_states
    assert {"finished", "overdue"} <= seen_progress
    assert any(step.gone_at for step in known.steps.values()), "no unit was reset between two nights"
    assert len({row.order for row in known.steps.values()}) > len(known.factory.factory._with_units) / 2
    rebuilt = marts.rebuild(warehouse, account)
    assert (rebuilt.orders, rebuilt.written) == (len(world.lines), 0)


def kept_differences(warehouse: Warehouse, world: World, nights: list[datetime]) -> dict[str, list[Any]]:
    """Kept marts of work orders that differ from the second opinion; of ``gone_at`` the night counts."""
    found = {}
    for mart in KEPT:
        if mart.name not in world.tables:
            continue
        names = [name for name in mart.columns if name not in mart.grain]
        frame = frames.read(mart.name, warehouse=warehouse, account="demo")
        have = {}
        for row in truth.plain(frame):
            values = tuple(row[name] for name in names)
            if mart.name == "mart_unit" and row["gone_at"]:
                at = nights[bisect_right(nights, row["gone_at"]) - 1]
                values = tuple(at if name == "gone_at" else row[name] for name in names)
            have[tuple(row[name] for name in mart.grain[1:])] = values
        wanted = world.tables[mart.name]
        wrong = {key for key in have.keys() | wanted.keys() if have.get(key) != wanted.get(key)}
        if wrong:
            found[mart.name] = [(key, have.get(key), wanted.get(key)) for key in sorted(wrong, key=repr)[:3]]
    return found


def test_the_second_opinion_knows_every_mart_of_work_orders() -> None:
    of_orders = {name for name, mart in MARTS.items() if {"order_code", "craft_line_code"} & set(mart.grain)}
    told = {mart.name for mart in KEPT if mart.grain[1] == "order_code"} | set(truth.VIEWS)
    assert of_orders - told == {"mart_control", "mart_false_evidence", "mart_pass_count", "mart_quality"}
