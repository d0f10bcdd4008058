"""Answers that cannot be read are kept in their dead letters: a page, broken JSON, one that is too long."""

from collections.abc import Callable

import pytest

from tests.flows.nights import environment_of, rows
from tests.flows.operator import Operator
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.tables import ops_dead_letter
from tuyahouse.warehouse.warehouse import Warehouse

DEMO = "TUYAHOUSE_ACCOUNTS__DEMO__"
SNS = [f"YZCB04ZZR0000{n}" for n in range(1, 5)]
Start = Callable[..., tuple[int, str]]


@pytest.fixture
def start(tuya: Sandbox, operator: Operator, warehouse: Warehouse, warehouse_url: str, secret_key: str) -> Start:
    """Start a flow; the first one is done, so that a login is stored."""
    few = {f"{DEMO}MAX_ANSWER_MB": "1", f"{DEMO}ATTEMPTS": "1", f"{DEMO}PROJECT_IDS": "north-hall"}
    env = environment_of(tuya, warehouse_url, secret_key) | few
    code, printed = operator.run("sync_sn_flows", env, sns=["YZCB04ZZR00009"], run_key="login")
    assert code == 0, printed
    return lambda name, **parameters: operator.run(name, env, **parameters)


def received(warehouse: Warehouse, kind: str) -> dict[str, tuple[str, bytes | None]]:
    """Key → message and bytes of each dead letter of a kind."""
    letters = rows(warehouse, ops_dead_letter, "kind", "key", "message", "raw")
    return {key: (message, raw) for of, key, message, raw in letters if of == kind}


def test_broken_json_and_a_page_are_kept_as_they_came(start: Start, warehouse: Warehouse, tuya: Sandbox) -> None:
    tuya.control("faults", {"broken_body": 1})
    start("sync_sn_flows", sns=SNS, run_key="n")
    letters = received(warehouse, "sn_flows")
    assert sorted(letters) == SNS
    for message, raw in letters.values():
        if "HTML instead of JSON" in message:
            assert raw == b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
        elif "cut off or broken" in message:
            assert raw == b'{"result":[{"craftLineCode":"j2'
        else:
            assert "an empty body" in message and raw is None
    assert len({raw for _, raw in letters.values()} - {None}) == 2, "both kinds came"


def test_the_beginning_of_an_answer_that_is_too_long_is_kept(start: Start, warehouse: Warehouse, tuya: Sandbox) -> None:
    tuya.control("options", {"oversized_mb": 1.5})
    tuya.control("faults", {"oversized": 1})
    start("sync_sn_flows", sns=SNS, run_key="n")
    start("sync_devices", run_key="d")
    letters = received(warehouse, "sn_flows")
    assert sorted(letters) == SNS
    for message, raw in [*letters.values(), *received(warehouse, "devices").values()]:
        assert "has more than 1 MB (1,5" in message and f"{DEMO}MAX_ANSWER_MB" in message
        assert raw and raw.startswith(b'{"result":') and len(raw) < 70_000
        assert b"\n[cut here: 65,536 of 1,5" in raw[-60:]
    assert received(warehouse, "devices")
