"""The factory moves on day by day and always tells the same story."""

from itertools import pairwise

from tests.sandbox.callers import CRAFT_LINE, InProcessCaller
from tuyahouse.sandbox.control.truth import serial_number_states, steps
from tuyahouse.sandbox.days import instant_ms
from tuyahouse.sandbox.factory.factory import Factory
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


def all_steps(factory: Factory, day: float) -> dict[str, list[tuple[int, int, bool]]]:
    return {sn: [tuple(step) for step in factory.steps(sn, day)] for sn, _ in factory.serial_numbers()}


def test_the_same_seed_tells_the_same_story() -> None:
    assert all_steps(Factory(7, 300), 2) == all_steps(Factory(7, 300), 2)


def test_another_seed_tells_another() -> None:
    assert all_steps(Factory(7, 300), 2) != all_steps(Factory(8, 300), 2)


def test_all_serial_numbers_are_different_and_as_many_as_asked_for() -> None:
    for count in (1, 2, 7, 1000, 60_001):
        assert len({sn for sn, _ in Factory(3, count).serial_numbers()}) == count


def test_serial_numbers_carry_their_work_order_and_begin_with_one() -> None:
    assert next(Factory(1, 10).serial_numbers()) == ("YZCB04ZZR00001", "YZCB04ZZR")


def test_work_orders_use_several_craft_lines_of_both_types() -> None:
    assert {order.craft_line.type for order in Factory(1, 100).orders} == {"pcba", "production"}


def test_nothing_is_shown_before_it_happened() -> None:
    factory = Factory(1, 500)
    assert all(step.time_ms <= instant_ms(1) for sn, _ in factory.serial_numbers() for step in factory.steps(sn, 1))


def test_a_unit_that_is_not_reset_keeps_its_steps_and_gains_some() -> None:
    factory = Factory(1, 300)
    days = [all_steps(factory, day) for day in range(4)]
    kept = [sn for sn in days[0] if all(days[d + 1][sn][: len(days[d][sn])] == days[d][sn] for d in range(3))]
    assert len(kept) >= 290
    assert sum(map(len, days[3].values())) > sum(map(len, days[0].values()))


def test_a_reset_makes_steps_disappear() -> None:
    factory = Factory(1, 3000)
    gone = [sn for sn, _ in factory.serial_numbers() if _lost(factory, sn)]
    assert gone


def _lost(factory: Factory, sn: str) -> bool:
    days = [set(factory.steps(sn, day)) for day in range(6)]
    return any(earlier - later for earlier, later in pairwise(days))


def test_failures_are_worked_on_again_at_the_same_node() -> None:
    factory = Factory(1, 300)
    nodes = [[(s.node, s.passed) for s in factory.steps(sn, 5)] for sn, _ in factory.serial_numbers()]
    assert any((node, False) in unit and (node, True) in unit for unit in nodes for node in range(4))


def test_some_units_appear_only_on_later_days_and_some_are_finished() -> None:
    states = [{s["state"] for s in serial_number_states(World(Options(serial_numbers=300)), day)} for day in (0, 9)]
    assert states[0] == {"absent", "open", "finished"}
    assert "absent" not in states[1]


def test_what_is_answered_is_what_is_true() -> None:
    asking = InProcessCaller(World(Options(serial_numbers=60, day=2)))
    asking.login()
    answered = [step for sn, _ in asking.world.factory.serial_numbers() for step in asking.flows(sn)["result"]]
    true = list(steps(asking.world, 2))
    assert [(s["sn"], s["node"], s["time"], s["status"]) for s in answered] == [
        (s["sn"], s["node"], s["time_ms"], s["status"]) for s in true
    ]


def test_an_unknown_serial_number_has_no_steps_or_is_an_error_as_set() -> None:
    asking = InProcessCaller(World())
    asking.login()
    assert asking.flows("NOBODY00001")["result"] == []
    asking.world.change({"unknown_sn": "error"})
    assert asking.flows("NOBODY00001")["code"] == "THE_SN_NOT_EXISTED"


def test_an_option_sends_times_as_text() -> None:
    asking = InProcessCaller(World(Options(time_as="text")))
    asking.login()
    assert isinstance(asking.flows()["result"][0]["time"], str)


def test_a_craft_line_lists_its_nodes_in_order() -> None:
    asking = InProcessCaller(World())
    asking.login()
    result = asking.ask("POST", CRAFT_LINE, {}, asking.pms)["result"]
    assert (result["type"], [node["sort"] for node in result["nodeList"]]) == ("pcba", [1, 2, 3, 4, 5])


def test_an_option_serves_craft_lines_by_get_alone() -> None:
    asking = InProcessCaller(World(Options(craft_line_verb="get")))
    asking.login()
    assert asking.ask("POST", CRAFT_LINE, {}, asking.pms)["code"] == 1108
    assert asking.ask("GET", CRAFT_LINE, None, asking.pms)["success"] is True


def test_the_pass_amount_is_the_number_of_units_that_passed_the_node() -> None:
    asking = InProcessCaller(World(Options(serial_numbers=90)))
    asking.login()
    body = {"orderCode": "YZCB04ZZR", "stationCode": "rfTest"}
    true = {
        s["sn"]
        for s in steps(asking.world, 0)
        if s["order_code"] == "YZCB04ZZR" and s["node"] == "rfTest" and s["status"]
    }
    assert asking.ask("POST", "/v1.0/pms/production/station/pass/amount", body, asking.pms)["result"] == len(true)
