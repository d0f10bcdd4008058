"""A night of several stages (count, plan, ask, plan again) killed at any instant and started again with its run key
ends as an undisturbed one: in the same warehouse, having asked again at most the chunks that were in flight."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.contents import contents
from tests.flows.nights import begun_units, register
from tests.flows.processes import run_flow, start_flow, wait_until
from tests.support.direct_nights import Nights
from tests.support.kill import kill
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox, start_sandbox
from tuyahouse.sandbox.days import instant
from tuyahouse.sync.serial_numbers.ask_counts import BATCH
from tuyahouse.sync.serial_numbers.progress import progress_of
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import ops_count_trust, station_pass_count
from tuyahouse.warehouse.warehouse import Warehouse

KILLS = max(int(os.environ.get("TUYAHOUSE_TEST_KILLS", "3")) * 3 // 5, 2)
CHUNK, IN_FLIGHT = 20, 2
FACTORY = {"factory": "reference", "orders": 60, "order_units": 40, "orders_at_once": 6}
LEARNT = 3
"""Nights in which the counts prove true; they are asked without HTTP."""
COUNTED = "asked?endpoint=POST%20/v1.0/pms/production/station/pass/amount"

pytestmark = pytest.mark.kill


class Side:
    """A factory, a warehouse that knows it, and how a flow reaches both."""

    def __init__(self, learnt: Path, file: Path, server: PrefectServer, secret_key: str) -> None:
        shutil.copy(learnt, file)
        self.sandbox: Sandbox = start_sandbox(
            *(part for name in FACTORY for part in ("--set", f"{name}={FACTORY[name]}"))
        )
        self.warehouse = Warehouse.open(f"sqlite:///{file}", secret_key)
        self.env = server.env | self.sandbox.environment(
            TUYAHOUSE_WAREHOUSE_URL=f"sqlite:///{file}",
            TUYAHOUSE_SECRET_KEY=secret_key,
            TUYAHOUSE_CHUNK_SIZE=str(CHUNK),
            TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND="150",
            TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS="",
        )

    def next(self, day: int) -> None:
        """A day goes by: more work orders begin, and their units are registered."""
        self.sandbox.control("day", {"day": day})
        self.sandbox.control("asked", method="DELETE")
        register(self.warehouse, begun_units(self.sandbox))

    def counts(self) -> int:
        return sum(self.sandbox.control(COUNTED).values())

    def close(self) -> None:
        self.warehouse.close()
        self.sandbox.stop()


@pytest.fixture
def sides(tmp_path: Path, prefect_server: PrefectServer, secret_key: str) -> Iterator[tuple[Side, Side]]:
    """The same factory and the same warehouse twice: in it the counts are trusted."""
    learnt = tmp_path / "learnt.db"
    warehouse = Warehouse.open(f"sqlite:///{learnt}", secret_key)
    nights = Nights(warehouse, **FACTORY)
    for day in range(LEARNT):
        nights.run(day)
    warehouse.close()
    both = [Side(learnt, tmp_path / name, prefect_server, secret_key) for name in ("killed.db", "undisturbed.db")]
    yield both[0], both[1]
    for one in both:
        one.close()


def begun(warehouse: Warehouse, run_key: str) -> Callable[[], bool]:
    return lambda: runs.find_run(warehouse, "demo", "sync_sn_flows", run_key) is not None


def test_a_run_of_several_stages_that_is_killed_ends_as_an_undisturbed_one(sides: tuple[Side, Side]) -> None:
    chance, (mine, theirs) = random.Random(6), sides
    stages = []
    for day in range(LEARNT, LEARNT + KILLS):
        given = {"run_key": f"night {day}", "now": instant(day).isoformat()}
        for side in sides:
            side.next(day)
        process = start_flow("sync_sn_flows", theirs.env, **given)
        wait_until(begun(theirs.warehouse, given["run_key"]), process)
        started = time.monotonic()
        printed, _ = process.communicate(timeout=240)
        assert process.returncode == 0, printed
        seconds = time.monotonic() - started
        process = start_flow("sync_sn_flows", mine.env, **given)
        wait_until(begun(mine.warehouse, given["run_key"]), process)
        time.sleep(chance.uniform(0, 0.9 * seconds))
        kill(process)
        code, printed = run_flow("sync_sn_flows", mine.env, **given)
        assert code == 0, printed
        left = [contents(side.warehouse, (station_pass_count, ops_count_trust)) for side in sides]
        assert {name for name in left[0] if left[0][name] != left[1][name]} == set(), day
        asked = mine.sandbox.control("asked")
        assert sum(times - 1 for times in asked.values()) <= IN_FLIGHT * CHUNK and max(asked.values()) <= 2
        assert asked.keys() == theirs.sandbox.control("asked").keys()
        assert 0 < theirs.counts() <= mine.counts() <= theirs.counts() + BATCH
        with mine.warehouse.read() as conn:
            progress = progress_of(conn, runs.run_id_of("demo", "sync_sn_flows", given["run_key"]))
        stages.append(progress.stage)
        run = runs.find_run(mine.warehouse, "demo", "sync_sn_flows", given["run_key"])
        assert run and sum(progress.reasons.values()) == run.outcome.asked, "each is told with its reason, once"
    assert max(stages) > 2
