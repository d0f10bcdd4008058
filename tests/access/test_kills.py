"""Every flow that writes, killed between the audit of its call and the outcome: nothing is written twice."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.access.desk import DEMO, Desk, told
from tests.flows.processes import start_flow
from tests.support.kill import kill
from tests.support.prefect import PrefectServer

KILLS = max(1, int(os.environ.get("TUYAHOUSE_TEST_KILLS", "3")) * 2 // 5)
"""Of each flow; with the fifty of ``make kill`` twenty."""

CALLS = {
    "grant_access": "POST /v1.0/industry/auth/admin",
    "manage_users": "POST /v1.0/apps/{schema}/user",
    "manage_device_persons": "POST /v1.0/expand/spaces/{device_id}/persons/{person_id}",
    "set_device_functions": "PUT /v1.0/expand/devices/{device_id}/functions",
    "send_command": "POST /v1.0/access-control/{device_id}/persons/{person_id}/actions/open",
    "issue_visual_tokens": "POST /v1.0/openapi/visual/d/user/login",
}
NEXT = {
    "grant_access": "done",
    "manage_users": "unknown",
    "manage_device_persons": "unknown",
    "set_device_functions": "done",
    "send_command": "unknown",
    "issue_visual_tokens": "done",
}
"""What the next run tells: what can be read is, tokens are fetched again, all else is reported."""


def asked(desk: Desk, number: int) -> dict[str, dict[str, Any]]:
    door = next(each for each in desk.sandbox.lines("truth/devices") if each["product_type"] == "wf_znmj")
    device, who = door["device_id"], f"person-{number}"
    visual = {"product_key": door["product_id"], "device_name": door["visual_name"]}
    return {
        "grant_access": {"username": who},
        "manage_users": {"username": who, "password_from": "env:HOME"},
        "manage_device_persons": {"device_id": device, "person_id": who},
        "set_device_functions": {"device_id": device, "function_codes": door["function_pool"][: 1 + number % 2]},
        "send_command": {"device_id": device, "action": "open_door", "person_id": who},
        "issue_visual_tokens": {"devices": [visual]},
    }


@pytest.mark.kill
@pytest.mark.parametrize("warehouse_url", ["sqlite"] if KILLS == 1 else ["sqlite", "postgresql"], indirect=True)
def test_a_flow_that_is_killed_during_its_call_writes_nothing_twice(
    desk: Desk, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    slow = {"fault_methods": ["POST", "PUT"], "slow_seconds": 280}
    env = desk.env | prefect_server.env | {f"{DEMO}TIMEOUT_SECONDS": "300"}
    for number in range(KILLS):
        for file in (tmp_path / "tokens").glob("*"):
            file.unlink()  # so that it is asked for again
        desk.sandbox.control("options", slow)
        desk.sandbox.control("faults", {"slow": 1})
        before = {name: desk.calls(call) for name, call in CALLS.items()}
        wanted = asked(desk, number)
        started = {
            name: start_flow(name, env, dry_run="false", run_key=f"killed {number} {name}", **given)
            for name, given in wanted.items()
        }
        _kill_in_their_calls(desk, before, started)
        assert desk.audit("outcome").count(("pending",)) == len(CALLS)
        desk.sandbox.control("faults", {})
        for name, given in wanted.items():
            code, printed = desk.start(name, dry_run=False, run_key=f"next {number} {name}", **given)
            assert code == (NEXT[name] == "unknown") and told(printed, NEXT[name]) == 1, printed
        twice = {name for name, call in CALLS.items() if desk.calls(call) > before[name] + 1}
        assert twice <= {"issue_visual_tokens"}
    assert all(at for (at,) in desk.audit("settled_at"))


def _kill_in_their_calls(desk: Desk, before: Mapping[str, int], started: Mapping[str, "subprocess.Popen[str]"]) -> None:
    """Each process as soon as Tuya has its call."""
    left, end = dict(started), time.monotonic() + 600
    while left:
        assert time.monotonic() < end, f"no call of {', '.join(left)}"
        for name in [name for name in left if desk.calls(CALLS[name]) > before[name]]:
            kill(left.pop(name))
        time.sleep(0.02)
