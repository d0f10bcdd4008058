"""Limits, quota and the log of what was asked."""

from collections.abc import Callable

from tests.sandbox.callers import HttpCaller, InProcessCaller
from tests.support.sandbox import Sandbox
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def test_an_endpoint_takes_so_many_calls_in_any_second() -> None:
    clock = Clock()
    asking = InProcessCaller(World(Options(calls_per_second=2), clock=clock))
    asking.login()
    first = [asking.flows().get("code") for _ in range(3)]
    clock.now += 0.9
    second = asking.flows().get("code")
    clock.now += 0.1
    assert (first, second, asking.flows().get("code")) == ([None, None, 1110], 1110, None)


def test_a_quota_that_is_used_up_ends_everything() -> None:
    asking = InProcessCaller(World(Options(quota=4)))
    asking.login()
    assert [asking.flows().get("code"), asking.flows().get("code")] == [None, 28841004]
    assert asking.grant()["code"] == 28841004


def test_a_new_month_brings_a_new_quota(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--quota", "1")
    asking = HttpCaller(sandbox.url)
    assert [asking.grant()["success"], asking.grant()["success"]] == [True, False]
    sandbox.control("quota", {"used": 0})
    assert asking.grant()["success"] is True


def test_calls_are_counted_by_serial_number(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes()
    asking = HttpCaller(sandbox.url)
    asking.login()
    for sn in ("YZCB04ZZR00001", "YZCB04ZZR00002", "YZCB04ZZR00001"):
        asking.flows(sn)
    assert sandbox.control("asked") == {"YZCB04ZZR00001": 2, "YZCB04ZZR00002": 1}
    assert sandbox.control("asked?sn=YZCB04ZZR00001") == {"YZCB04ZZR00001": 2}
    assert len(sandbox.control("starts")) == 3
    sandbox.control("asked", method="DELETE")
    assert sandbox.control("asked") == {}


def test_the_day_moves_on_by_a_control_call(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--day", "1")
    assert sandbox.control("day")["day"] == 1
    assert sandbox.control("day", {})["day"] == 2
    assert sandbox.control("day", {"day": 7.5})["day"] == 7.5


def test_options_are_changed_by_name_while_it_runs(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes()
    assert sandbox.control("options", {"token_calls": 500, "projects": ["x"]})["token_calls"] == 500
    assert sandbox.control("options")["projects"] == ["x"]


def test_the_truth_is_served_a_line_each(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--serial-numbers", "30")
    assert len(sandbox.lines("truth/serial-numbers?day=3")) == 30
    assert set(sandbox.lines("truth/steps?day=3")[0]) == {
        "sn", "node", "time_ms", "order_code", "craft_line_code", "node_desc", "request_id", "status",
    }  # fmt: skip
    assert sandbox.lines("truth/devices")[0]["device_id"].startswith("6c")
    assert sandbox.lines("truth/commands")[0]["api"]["process_status"] in (1, 2, 3, 4, 5, 9)
    assert sandbox.lines("truth/messages?day=1")[0]["message_id"] == "1:0:-1"
