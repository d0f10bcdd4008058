"""A refresh that is killed anywhere, with landings in between: what it leaves is finished by the next one."""

import os
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from tests.marts.example import ACCOUNT
from tests.marts.second import World, compute, generate
from tests.marts.test_second_opinion import AS_OF, differences, fill, rules
from tests.support.kill import kill, start
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.marts.refresh import rebuild, refresh
from tuyahouse.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.kill
KILLS = int(os.environ.get("TUYAHOUSE_TEST_KILLS", "2"))
WORK = """
    import sys
    from tests.marts.second import generate
    from tests.marts.test_second_opinion import ACCOUNT, AS_OF, rules
    from tuyahouse.warehouse.marts.refresh import rebuild, refresh
    from tuyahouse.warehouse.warehouse import Warehouse

    work = {"refresh": refresh, "rebuild": rebuild}[sys.argv[2]]
    warehouse = Warehouse.open(sys.argv[1])
    world = generate(1, 1)
    print("ready", flush=True)
    while True:
        work(warehouse, ACCOUNT, rules(world, "failed"), AS_OF, batch=200)
"""


def land(warehouse: Warehouse, world: World, dice: random.Random, number: int) -> None:
    """Reset some units and give them a new step, as an answer of Tuya's does, in one transaction with the mark."""
    at = datetime(2026, 4, 18, tzinfo=UTC) + timedelta(minutes=10 * number)
    chosen = {step.sn for step in dice.sample(world.steps, 20)}
    new = [step._replace(at=at, node="n1", status=True, gone_at=None) for step in world.steps if step.sn in chosen]
    added = list({(step.sn, step.order): step for step in new}.values())
    world.steps = [
        step._replace(gone_at=step.gone_at or at) if step.sn in chosen else step for step in world.steps
    ] + list({(step.sn, step.node, step.at): step for step in added}.values())
    rows = [
        {"account": ACCOUNT, "sn": s.sn, "order_code": s.order, "node": s.node, "happened_at": s.at, "status": True}
        for s in {(step.sn, step.node, step.at): step for step in added}.values()
    ]
    with warehouse.begin() as conn:
        for sn in sorted(chosen):
            gone = tables.flow_step.update().where(tables.flow_step.c.sn == sn, tables.flow_step.c.gone_at.is_(None))
            conn.execute(gone.values(gone_at=at))
        conn.execute(insert(tables.flow_step), rows)
        marks.mark_units(conn, ACCOUNT, sorted(chosen), f"landing {number}")


def marked(warehouse: Warehouse) -> int:
    with warehouse.read() as conn:
        count: int = conn.execute(text("SELECT COUNT(*) FROM ops_mart_dirty")).scalar_one()
    return count


def test_refreshes_and_rebuilds_that_are_killed_with_landings_in_between_end_as_one_that_is_not(
    warehouse: Warehouse, warehouse_url: str
) -> None:
    dice, world = random.Random(4), generate(9, 2_500)
    fill(warehouse, world)
    left = []
    for number in range(KILLS):
        process = start(WORK, warehouse_url, "rebuild" if number % 2 else "refresh")
        land(warehouse, world, dice, 2 * number)
        time.sleep(dice.random())
        land(warehouse, world, dice, 2 * number + 1)
        kill(process)
        left.append(marked(warehouse))
    assert any(left), "no kill left anything to do"
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    assert differences(warehouse, compute(world, "failed")) == {}
    assert marked(warehouse) == 0
    assert rebuild(warehouse, ACCOUNT, rules(world, "failed"), AS_OF).written == 0


def test_a_mark_that_comes_while_a_refresh_works_is_kept_for_the_next_one(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuyahouse.warehouse.marts import refresh as module

    world = generate(2, 300)
    fill(warehouse, world)
    refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    order = world.steps[0].order
    with warehouse.begin() as conn:
        marks.mark_orders(conn, ACCOUNT, [order], "one")
    usual = module._marked_orders

    def with_a_landing(conn, *given):
        found = usual(conn, *given)
        if found.orders and warehouse.dialect == "postgresql":
            with warehouse.begin() as other:
                marks.mark_orders(other, ACCOUNT, [order], "two")
            monkeypatch.setattr(module, "_marked_orders", usual)
        return found

    monkeypatch.setattr(module, "_marked_orders", with_a_landing)
    done = refresh(warehouse, ACCOUNT, rules(world, "failed"), AS_OF)
    assert done.orders == (2 if warehouse.dialect == "postgresql" else 1), "the mark that came was worked off by itself"
