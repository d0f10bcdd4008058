"""Commands progress, finish, fail, hang, and contradict their messages."""

from collections import Counter
from typing import Any

from tests.sandbox.callers import InProcessCaller
from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.field.commands import FATES
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


def world(**options: Any) -> World:
    return World(Options(**options))


def record(asking: InProcessCaller, sn: str) -> Any:
    return asking.ask("GET", f"/v1.0/expand/cmds/{sn}", None, asking.platform)


def test_a_record_says_what_is_true() -> None:
    asking = InProcessCaller(world())
    asking.grant()
    for command in list(truth.commands(asking.world, 0))[:50]:
        result = record(asking, command["command_sn"])["result"]
        assert {k: result[k] for k in ("process_status", "message", "happen_time")} == command["api"]
        assert (result["sn"], result["device_id"]) == (command["command_sn"], command["device_id"])


def test_an_unknown_record_does_not_exist_or_is_empty_as_set() -> None:
    asking = InProcessCaller(world())
    asking.grant()
    assert record(asking, "1111111111111111111")["code"] == 1000
    asking.world.change({"unknown_command": "empty"})
    assert record(asking, "1111111111111111111")["result"] == {}


def test_a_command_of_tomorrow_is_not_known_today() -> None:
    asking = InProcessCaller(world())
    asking.grant()
    tomorrow = asking.world.commands.of_day(1)[0].sn
    assert record(asking, tomorrow)["code"] == 1000
    asking.world.change({"day": 1})
    assert record(asking, tomorrow)["success"] is True


def test_a_command_goes_through_being_sent_and_sent_to_its_end() -> None:
    command = next(c for c in world().commands.of_day(0) if c.fate == "finish")
    seen = [command.record(at) for at in range(command.issued_ms - 1, command.api[-1].at_ms + 1, 100)]
    assert [stage and stage.status for stage in dict.fromkeys(seen)][:3] == [None, 1, 2]
    assert command.api[-1].status == 3


def test_every_fate_happens_about_as_often_as_it_should() -> None:
    commands = world(commands_per_day=20_000).commands.of_day(0)
    counts = Counter(c.fate for c in commands)
    assert set(counts) == set(FATES)
    assert all(abs(counts[fate] / 20_000 - share) < 0.01 for fate, share in FATES.items())


def test_what_api_and_messages_say_differs_by_fate() -> None:
    ends = {c.fate: (c.api[-1].status, c.published[-1].status if c.published else None) for c in _all_fates()}
    assert ends["finish"] == (3, 3)
    assert ends["fail"] == (4, 4)
    assert ends["hang_sent"] == (2, 2)
    assert ends["hang_sending"] == (1, None)
    assert ends["conflict"] == (3, 4)
    assert ends["lost_message"] == (3, 2)
    assert ends["regress"] == (2, 3)
    assert ends["strange"] == (9, 9)


def _all_fates() -> Any:
    return world(commands_per_day=3000).commands.of_day(0)


def test_record_numbers_are_distinct_as_text_but_not_as_floats() -> None:
    numbers = [c.sn for c in world().commands.of_day(0)]
    assert len(set(numbers)) == 100 and {len(n) for n in numbers} == {19}
    assert len({float(n) for n in numbers}) < 50
