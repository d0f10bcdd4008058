"""No answer with an odd value in it ends a reader: it is read, or refused as unusable in words."""

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.callers import CRAFT_LINE, InProcessCaller
from tuyahouse.cloud.calls.command_records import decode_record
from tuyahouse.cloud.calls.device_fields import decode_device, device_facts
from tuyahouse.cloud.calls.device_functions import decode_functions
from tuyahouse.cloud.calls.device_list import read_page
from tuyahouse.cloud.calls.device_origin import decode_factory_infos
from tuyahouse.cloud.calls.pms import decode_craft_line, decode_flow_steps
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.cloud.http.answer import Answer, read_answer
from tuyahouse.sandbox.world.odd_values import with_odd_value
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

COUNT = int(os.environ.get("TUYAHOUSE_TEST_FUZZ", "6000"))
DEVICES = "/v1.0/expand/devices"

READERS: dict[str, Callable[[Answer], Any]] = {
    "steps": lambda answer: decode_flow_steps(answer.result),
    "craft line": lambda answer: decode_craft_line(answer.result),
    "device list": read_page,
    "details": lambda answer: device_facts(decode_device(bytes(answer.result))),
    "functions": lambda answer: decode_functions(bytes(answer.result)),
    "factory infos": lambda answer: decode_factory_infos(bytes(answer.result)),
    "command record": lambda answer: decode_record(bytes(answer.result), "1"),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """One good answer of each kind, as the sandbox gives it."""
    world = World(Options(day=3))
    caller = InProcessCaller(world)
    caller.login()
    here = [device for device in world.field.devices if device.present(world.now_ms()) and device.vanished_ms > 1 << 60]
    device_id = here[0].device_id

    def get(target: str) -> Any:
        return caller.ask("GET", target, token=caller.platform)

    found = {
        "steps": caller.flows(),
        "craft line": caller.ask("POST", CRAFT_LINE, {}, caller.pms),
        "device list": get(f"{DEVICES}?page_no=1&page_size=5&project_id=north-hall"),
        "details": get(f"{DEVICES}/{device_id}"),
        "functions": get(f"{DEVICES}/{device_id}/functions"),
        "factory infos": get(f"/v1.0/iot-03/devices/factory-infos?device_ids={device_id}"),
        "command record": get(f"/v1.0/expand/cmds/{world.commands.sn(1)}"),
    }
    assert all(answer["success"] for answer in found.values()), found
    return found


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", READERS)
def test_every_odd_value_is_read_or_refused_in_words(answers: dict[str, Any], kind: str) -> None:
    rng, seen = random.Random(20261126), Counter[str]()
    for number in range(COUNT // len(READERS)):
        body = with_odd_value(rng, answers[kind])
        try:
            answer, _ = read_answer(200, body)
            if isinstance(answer, TuyaError):
                raise answer
            READERS[kind](answer)
            seen["read"] += 1
        except TuyaError as error:
            assert str(error)
            seen["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"{number}: {type(error).__name__} for {body[:1000]!r}") from error
    assert seen["read"] and seen["refused"], seen
