"""Every fault does what its name says, and which calls it hits repeats itself."""

import http.client
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.callers import FLOWS, HttpCaller, InProcessCaller, signed_headers
from tests.support.sandbox import Sandbox
from tuyahouse.sandbox.app import ENDPOINTS
from tuyahouse.sandbox.http.gateway import Gateway
from tuyahouse.sandbox.http.routes import Call
from tuyahouse.sandbox.world.faults import FaultError, parse_fault
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


def logged_in(**options: Any) -> InProcessCaller:
    asking = InProcessCaller(World(Options(**options)))
    asking.login()
    return asking


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("busy", {500, 1111}),
        ("throttle", {1110}),
        ("region", {28841107}),
        ("ip", {1114}),
        ("rights", {1106}),
        ("subscription", {28841101}),
        ("quota", {28841004}),
        ("item_error", {"THE_PARAM_ILLEGAL"}),
        ("token_death", {1010}),
    ],
)
def test_a_fault_answers_with_its_codes(fault: str, codes: set[int | str]) -> None:
    asking = logged_in()
    asking.world.set_faults({fault: 1})
    assert {asking.flows()["code"] for _ in range(20)} == codes


def test_in_a_wrong_region_a_token_is_granted_and_all_else_refused() -> None:
    asking = InProcessCaller(World(faults={"region": 1}))
    assert asking.grant()["success"] is True
    assert asking.login_token()["code"] == 28841107


def test_a_wrong_shape_is_json_but_no_list_of_steps() -> None:
    asking = logged_in()
    asking.world.set_faults({"shape": 1})
    results = [asking.flows()["result"] for _ in range(30)]
    assert not any(isinstance(r, list) and r and all(isinstance(step, dict) for step in r) for r in results)
    assert len({type(r) for r in results}) > 1


def test_an_odd_value_is_another_one_each_time_and_spares_the_login() -> None:
    asking = InProcessCaller(World(faults={"odd_value": 1}))
    assert asking.login()["success"] is True
    data = b'{"sn": "YZCB04ZZR00001"}'
    head = signed_headers("POST", FLOWS, data, asking.pms, t=asking.world.now_ms())
    headers = {name.lower().encode(): value.encode() for name, value in head.items()}
    gateway = Gateway(asking.world, ENDPOINTS)
    bodies = [gateway.answer(Call("POST", FLOWS, "", data, headers)).body for _ in range(60)]
    assert len({re.sub(rb'"t(id)?":"?\w+', b"", body) for body in bodies}) > 20
    assert any(not _is_text(body) for body in bodies)


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_an_item_error_spares_the_login() -> None:
    asking = InProcessCaller(World(faults={"item_error": 1}))
    assert asking.login()["success"] is True


def test_the_clock_fault_shifts_the_clock_by_seconds() -> None:
    world = World(faults={"clock": 600}, clock=lambda: 1_790_000_000)
    assert InProcessCaller(world).grant(t=1_790_000_000_000)["code"] == 1013
    assert InProcessCaller(world).grant(t=1_790_000_600_000)["t"] == 1_790_000_600_000


def test_the_same_seed_hits_the_same_calls_in_any_order() -> None:
    sns = [f"YZCB04ZZR{number:05d}" for number in range(1, 200)]
    assert _hit(sns) == _hit(sns[::-1])


def test_a_rate_is_the_share_of_calls_that_are_hit() -> None:
    assert 70 <= len(_hit([f"YZCB04ZZR{n:05d}" for n in range(1, 1001)])) <= 130


def _hit(sns: list[str]) -> set[str]:
    asking = logged_in()
    asking.world.set_faults({"busy": 0.1})
    return {sn for sn in sns if "code" in asking.flows(sn)}


def test_an_unknown_fault_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(FaultError, match="There are: busy, slow, cut"):
        parse_fault("bussy=0.1")


def test_a_rate_above_one_is_refused() -> None:
    with pytest.raises(FaultError, match="between 0 and 1"):
        parse_fault("busy=15")


@pytest.fixture
def running(sandboxes: Callable[..., Sandbox]) -> tuple[Sandbox, HttpCaller]:
    sandbox = sandboxes("--slow-seconds", "0.3")
    asking = HttpCaller(sandbox.url)
    asking.login()
    return sandbox, asking


def raw(asking: HttpCaller) -> tuple[int, bytes]:
    body = b'{"sn":"YZCB04ZZR00001"}'
    return asking.raw("POST", FLOWS, body, signed_headers("POST", FLOWS, body, asking.pms))


def test_what_happens_to_the_answer_on_its_way(running: tuple[Sandbox, HttpCaller]) -> None:
    sandbox, asking = running
    sandbox.control("faults", {"cut": 1})
    with pytest.raises(http.client.IncompleteRead):
        raw(asking)
    sandbox.control("faults", {"error5xx": 1})
    assert {raw(asking)[0] for _ in range(20)} == {502, 503}
    sandbox.control("faults", {"too_many": 1})
    assert raw(asking)[0] == 429
    sandbox.control("faults", {"broken_body": 1})
    assert {raw(asking)[0] for _ in range(10)} == {200}
    assert any(b"<html>" in raw(asking)[1] for _ in range(10))
    sandbox.control("faults", {"slow": 1})
    before = time.monotonic()
    assert raw(asking)[0] == 200
    assert time.monotonic() - before >= 0.3


def test_faults_may_strike_calls_of_some_methods_only() -> None:
    asking = InProcessCaller(World(Options(fault_methods=("POST",)), {"busy": 1}))
    assert asking.grant()["success"] is True
    assert asking.login_token()["code"] in (500, 1111)
    asking.world.change({"fault_methods": []})
    assert asking.grant()["code"] in (500, 1111)
