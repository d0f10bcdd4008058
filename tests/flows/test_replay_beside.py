"""A replay beside a run of sync_sn_flows, each in a process of its own: no fresh step is lost."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.operator import Operator
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.tables import flow_step, serial_number
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def other(prefect_server: PrefectServer) -> Iterator[Operator]:
    started = Operator({**os.environ, **prefect_server.env})
    yield started
    started.close()


def test_a_replay_beside_a_night_loses_no_step(
    tuya: Sandbox, warehouse: Warehouse, warehouse_url: str, secret_key: str, operator: Operator, other: Operator
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 50])
    env = environment_of(tuya, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE="10")
    assert operator.run("sync_sn_flows", env, run_key="first")[0] == 0
    tuya.control("day", {"day": 6})
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(operator.run, "sync_sn_flows", env, run_key="second")
        replays = 0
        while not (asking.done() and replays):
            code, printed = other.run("replay", env, run_key=f"beside {replays}")
            assert code == 0, printed
            replays += 1
    code, printed = asking.result()
    assert code == 0, printed
    before = steps(warehouse)
    assert other.run("replay", env, run_key="afterwards")[0] == 0
    assert steps(warehouse) == before


def steps(warehouse: Warehouse) -> list[list[tuple[object, ...]]]:
    columns = ("sn", "node", "happened_at", "status", "gone_at", "first_run", "last_run")
    return [rows(warehouse, flow_step, *columns), rows(warehouse, serial_number, "sn", "state", "answer_hash")]
