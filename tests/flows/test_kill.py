"""A night killed at any instant and begun again with the same run key ends in the warehouse of an undisturbed night."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.contents import contents
from tests.flows.nights import environment_of, night, register, settings_of, start_night, units
from tests.flows.processes import run_flow, start_flow, wait_until
from tests.support.factory import Factory
from tests.support.kill import kill
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

KILLS = int(os.environ.get("TUYAHOUSE_TEST_KILLS", "3"))
KILLS_OF_WHOLE_PROCESSES = max(1, KILLS // 10)
CHUNK, IN_FLIGHT = 20, 2
"""Serial numbers a chunk, and chunks at once."""

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def twin() -> Iterator[Factory]:
    """The same factory once more, so that the undisturbed nights neither end tokens nor count as askings."""
    running = Factory()
    yield running
    running.close()


@pytest.fixture
def undisturbed(tmp_path: Path, secret_key: str) -> Iterator[Warehouse]:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'undisturbed.db'}", secret_key)
    yield opened
    opened.close()


class Nights:
    """The same nights in two factories and two warehouses: one is disturbed, the other is not."""

    def __init__(self, disturbed: tuple[Sandbox, Warehouse], undisturbed: tuple[Sandbox, Warehouse]) -> None:
        self.sandbox, self.warehouse = disturbed
        self.twin, self.undisturbed = undisturbed
        sns = [sn for sn, _ in units(self.sandbox) if int(sn[-5:]) <= 50] + [f"GHOST-{n}" for n in range(5)]
        register(self.warehouse, sns)
        register(self.undisturbed, sns)
        self.number = 0

    async def next(self) -> tuple[str, float]:
        """A night goes by undisturbed; its run key, and how long it took."""
        self.number += 1
        for sandbox in (self.sandbox, self.twin):
            sandbox.control("day", {"day": self.number % 8})
            sandbox.control("asked", method="DELETE")
        begun = time.monotonic()
        await night(self.undisturbed, settings_of(self.twin, chunk_size=CHUNK), f"night {self.number}")
        return f"night {self.number}", time.monotonic() - begun

    def is_equal(self) -> None:
        """Row for row, and nothing was asked again but the chunks that were in flight, nor those more than once."""
        mine, theirs = contents(self.warehouse), contents(self.undisturbed)
        assert {name for name in mine if mine[name] != theirs[name]} == set()
        asked = self.sandbox.control("asked")
        refused = self.sandbox.control("stats")["refusals"].get("1010", 0)  # repeated with the token that lives
        again = sum(times - 1 for times in asked.values())
        assert again <= IN_FLIGHT * CHUNK + refused and max(asked.values()) <= 2 + refused


@pytest.fixture
def nights(factory: Factory, twin: Factory, warehouse: Warehouse, undisturbed: Warehouse) -> Nights:
    told = {"extra_fields": True}
    return Nights((factory.reset(**told), warehouse), (twin.reset(**told), undisturbed))


async def test_a_killed_night_that_is_begun_again_ends_as_if_undisturbed(
    nights: Nights, warehouse_url: str, secret_key: str
) -> None:
    chance = random.Random(3)
    env = environment_of(nights.sandbox, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE=str(CHUNK))
    for _ in range(KILLS):
        run_key, seconds = await nights.next()
        child = start_night(env, run_key)
        time.sleep(chance.uniform(0, 1.2 * seconds))
        kill(child)
        summary = await night(nights.warehouse, settings_of(nights.sandbox, chunk_size=CHUNK), run_key)
        assert summary.status == "balanced"
        nights.is_equal()


async def test_a_night_that_is_killed_again_and_again_ends_as_if_undisturbed(
    nights: Nights, warehouse_url: str, secret_key: str
) -> None:
    chance = random.Random(4)
    env = environment_of(nights.sandbox, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE=str(CHUNK))
    run_key, seconds = await nights.next()
    for _ in range(3):
        child = start_night(env, run_key)
        time.sleep(chance.uniform(0, 0.5 * seconds))
        kill(child)
    await night(nights.warehouse, settings_of(nights.sandbox, chunk_size=CHUNK), run_key)
    mine, theirs = contents(nights.warehouse), contents(nights.undisturbed)
    assert {name for name in mine if mine[name] != theirs[name]} == set()


async def test_a_whole_nightly_sync_that_is_killed_and_started_again_ends_as_if_undisturbed(
    nights: Nights, warehouse: Warehouse, warehouse_url: str, secret_key: str, prefect_server: PrefectServer
) -> None:
    chance = random.Random(5)
    env = environment_of(nights.sandbox, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE=str(CHUNK))
    env |= prefect_server.env | {"TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "60"}
    for _ in range(KILLS_OF_WHOLE_PROCESSES):
        run_key, _ = await nights.next()
        process = start_flow("nightly_sync", env, run_key=run_key)
        wait_until(lambda key=run_key: runs.find_run(warehouse, "demo", "sync_sn_flows", key) is not None, process)
        time.sleep(chance.uniform(0, 3))
        kill(process)
        code, printed = run_flow("nightly_sync", env, run_key=run_key)
        assert code == 0, printed
        nights.is_equal()
