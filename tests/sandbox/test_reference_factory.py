"""The reference factory: many orders in queues and shifts, worked out when they are asked for, the same every time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.sandbox.callers import InProcessCaller
from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.days import day_at, instant, instant_ms
from tuyahouse.sandbox.factory.hours import wall_ms
from tuyahouse.sandbox.factory.reference import ReferenceFactory
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

PASS_AMOUNT = "/v1.0/pms/production/station/pass/amount"
HOUR = 3_600_000


def small(seed: int = 1, *, random_order: bool = False) -> ReferenceFactory:
    return ReferenceFactory(seed, orders=12, units=40, at_once=4, random_order=random_order)


def asking(**options: object) -> InProcessCaller:
    chosen = {"factory": "reference", "orders": 12, "order_units": 40, "orders_at_once": 4, "day": 3.0} | options
    caller = InProcessCaller(World(Options(**chosen)))  # type: ignore[arg-type]
    caller.login()
    return caller


def test_the_whole_factory_is_there_at_once_and_works_out_an_order_when_it_is_asked_for() -> None:
    factory = ReferenceFactory(1, orders=300, units=1000, at_once=30)
    assert (len(factory.orders), factory.count, factory._made) == (300, 275_000, {})
    factory.passages(factory.serial_number(0), 0)
    assert list(factory._made) == [0]


def test_the_same_seed_tells_the_same_story_in_any_order_of_asking() -> None:
    one, other = small(), small()
    sns = [sn for sn, _ in one.serial_numbers()]
    told = {sn: one.passages(sn, 9) for sn in sns}
    assert {sn: other.passages(sn, 9) for sn in reversed(sns)} == told
    assert {sn: small(2).passages(sn, 9) for sn in sns[:40]} != {sn: told[sn] for sn in sns[:40]}


def test_work_is_done_in_the_hours_of_the_shifts_alone() -> None:
    factory = small()
    times = [step.time_ms for sn, _ in factory.serial_numbers() for step in factory.steps(sn, 30)]
    local = [datetime.fromtimestamp(time / 1000, UTC) + timedelta(hours=8) for time in times]
    assert {at.weekday() for at in local} == {0, 1, 2, 3, 4, 5}
    assert all(6 <= at.hour < (14 if at.weekday() == 5 else 22) for at in local)


@pytest.mark.parametrize(
    ("work_hours", "local"),
    [(0, "2026-11-02T06:00"), (16, "2026-11-03T06:00"), (80, "2026-11-07T06:00"), (88, "2026-11-09T06:00"),
     (-1, "2026-10-31T13:00")],
)  # fmt: skip
def test_working_time_goes_on_where_the_shifts_do(work_hours: int, local: str) -> None:
    expected = datetime.fromisoformat(local).replace(tzinfo=UTC) - timedelta(hours=8)
    assert wall_ms(work_hours * HOUR) == expected.timestamp() * 1000


def test_boards_move_into_an_assembly_order_and_show_the_steps_of_both() -> None:
    factory = small()
    board, assembly = next((factory.orders[b], factory.orders[a]) for b, a in factory.feeds.items())
    moved = [factory.passages(f"{board.code}{n:05d}", 40) for n in range(1, 41)]
    both = [passages for passages in moved if len(passages) == 2]
    assert len(both) >= 30
    assert all([order.code for order, _ in passages] == [board.code, assembly.code] for passages in both)
    assert all(first[-1].time_ms < second[0].time_ms for (_, first), (_, second) in both)
    assert assembly.craft_line.type == "production"
    assert factory.pass_counts(assembly, 40)[0] == sum(any(s.passed and s.node == 0 for s in p[1][1]) for p in both)


def test_some_fail_and_are_repeated_and_some_are_reset() -> None:
    factory = ReferenceFactory(1, orders=8, units=100, at_once=2)
    sns = [sn for sn, _ in factory.serial_numbers()]
    steps = [factory.steps(sn, 60) for sn in sns]
    failed = sum(not step.passed for unit in steps for step in unit)
    assert 0.02 < failed / sum(map(len, steps)) < 0.06
    days = [[set(factory.steps(sn, day)) for sn in sns] for day in range(-8, 20)]
    pairs = [pair for one, later in pairwise(days) for pair in zip(one, later, strict=True)]
    assert any(before - after for before, after in pairs)


def test_units_pass_in_the_order_of_their_arrival_or_at_random() -> None:
    def disorder(factory: ReferenceFactory) -> float:
        order = next(one for one in factory.orders if one.position not in factory.feeds)
        last = len(order.craft_line.nodes) - 1
        done = [
            next((s.time_ms for s in factory.steps(f"{order.code}{n:05d}", 60) if s.node == last and s.passed), 0)
            for n in range(1, 41)
        ]
        pairs = [(a, b) for i, a in enumerate(done) for b in done[i + 1 :] if a and b]
        return sum(a > b for a, b in pairs) / len(pairs)

    assert disorder(small()) < 0.2 < disorder(small(random_order=True))


def count(caller: InProcessCaller, order: str, node: str) -> object:
    answer = caller.ask("POST", PASS_AMOUNT, {"orderCode": order, "stationCode": node}, caller.pms)
    return answer["result"] if answer["success"] else answer["code"]


def test_pass_amounts_agree_with_the_answers_of_all_units() -> None:
    caller = asking()
    factory = caller.world.factory
    order = max(factory.orders, key=lambda one: factory.pass_counts(one, 3)[1])
    node = order.craft_line.nodes[1].code
    passed = {
        step["sn"]
        for sn, _ in factory.serial_numbers()
        for step in caller.flows(sn)["result"]
        if (step["orderCode"], step["node"], step["status"]) == (order.code, node, True)
    }
    assert count(caller, order.code, node) == len(passed) > 0


def test_pass_amounts_can_count_failures_lag_lie_or_be_refused() -> None:
    caller = asking()
    world = caller.world
    order = next(o for o in world.factory.orders if 0 < world.factory.pass_counts(o, 3)[0] < 40)
    node, now, hour = order.craft_line.nodes[0].code, 3.0, 1 / 24
    hours = [now + n * hour for n in range(48)]
    moved = next(
        at for at in hours if world.factory.pass_counts(order, at)[0] > world.factory.pass_counts(order, now)[0]
    )
    world.change({"day": moved})
    true = {at: world.factory.pass_counts(order, at)[0] for at in (now, moved - hour, moved)}
    told = {}
    for how in ("true", "lag", "lie", "failures", "refused"):
        world.change({"pass_counts": how, "lie_from": now})
        told[how] = count(caller, order.code, node)
    assert (told["true"], told["lag"], told["lie"]) == (true[moved], true[moved - hour], true[now])
    assert told["failures"] == world.factory.pass_counts(order, moved, failures=True)[0] >= true[moved]
    assert told["refused"] == 1106


def test_a_file_of_serial_numbers_holds_the_orders_that_have_begun() -> None:
    world = asking().world
    lines = list(truth.serial_numbers_csv(world))[1:]
    begun = {o.code for o in world.factory.orders if world.factory.begins_ms(o) <= instant_ms(3)}
    assert {line.strip().split(",")[1] for line in lines} == begun - {
        world.factory.orders[later].code for later in world.factory.feeds.values()
    }


def test_the_truth_names_the_order_in_which_each_step_was_made() -> None:
    world = asking(day=40.0).world
    steps = list(truth.steps(world, 40))
    assert {step["order_code"] for step in steps} == {order.code for order in world.factory.orders}
    states = {unit["order_code"] for unit in truth.serial_number_states(world, 40)}
    assert states >= {world.factory.orders[later].code for later in world.factory.feeds.values()}


def test_a_run_and_the_sandbox_can_share_a_present() -> None:
    assert instant(0).isoformat() == "2026-11-02T00:00:00+00:00"
    assert day_at("2026-11-03T12:00Z") == 1.5
    assert day_at(instant(7.25).isoformat()) == 7.25
