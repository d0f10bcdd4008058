"""The table of states in docs/runs.md: each way a run can end is produced and compared with its row."""

import re
import signal
import time
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from tests.flows.nights import environment_of, register
from tests.flows.operator import Operator
from tests.flows.processes import ROOT, pause, start_flow, wait_until
from tests.support.analyst import Analyst
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.cli.program import app
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.tables import ops_run
from tuyahouse.warehouse.warehouse import Warehouse

DEMO = "TUYAHOUSE_ACCOUNTS__DEMO__"
SLOW = {f"{DEMO}CALLS_PER_SECOND": "4"}
KNOWN = [f"YZCB04ZZR{number:05}" for number in range(1, 41)]


def table() -> dict[str, list[str]]:
    """The rows by how the run ends, without the marks of code."""
    text = (ROOT / "docs" / "runs.md").read_text()
    section = text.partition("## How a run ends")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    return {row[0].strip(): [cell.strip().strip("`") for cell in row[1:]] for row in rows}


@dataclass
class Place:
    """Where a run of sync_sn_flows is started and what it leaves."""

    operator: Operator
    prefect: PrefectServer
    tuya: Sandbox
    warehouse: Warehouse
    env: dict[str, str]
    lock: locks.Lock | None = None

    def run(self, **changes: str) -> int:
        return self.operator.run("sync_sn_flows", self.env | changes, run_key="n")[0]

    def stopped_by(self, number: int) -> int:
        process = start_flow("sync_sn_flows", self.env | SLOW | self.prefect.env, run_key="n")
        wait_until(lambda: len(self.tuya.control("asked")) >= 3, process)
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode

    def stopped_at_once(self) -> int:
        """By a second Ctrl-C, while what was answered cannot be landed."""
        process = start_flow("sync_sn_flows", self.env | SLOW | self.prefect.env, run_key="n")
        wait_until(lambda: len(self.tuya.control("asked")) >= 3, process)
        analyst = Analyst(self.env["TUYAHOUSE_WAREHOUSE_URL"], "flow_step")
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        analyst.close()
        return process.returncode

    def at_work(self) -> int:
        """Started once more while it is under way; it is until :meth:`mend`."""
        runs.start_run(self.warehouse, "demo", "sync_sn_flows", "n", {})
        self.lock = locks.acquire(self.warehouse, "demo/sync_sn_flows/n", "run n", timedelta(minutes=5))
        return self.run()

    def miscounted(self) -> int:
        self.run()
        self.set_planned(len(KNOWN) + 1)
        return self.run()

    def set_planned(self, keys: int) -> None:
        with self.warehouse.begin() as conn:
            conn.execute(update(ops_run).values(planned=keys))

    def mend(self, way: str) -> None:
        """Take the cause away."""
        self.tuya.control("faults", {})
        self.tuya.control("options", {"quota": 0})
        if self.lock:
            self.lock.release()
        if way == "its counts do not add up":
            self.set_planned(len(KNOWN))

    def taken_over(self) -> int:
        """Paused until its lease is over, while another run takes its lock."""
        process = start_flow(
            "sync_sn_flows", self.env | SLOW | {"TUYAHOUSE_LOCK_LEASE": "1s"} | self.prefect.env, run_key="n"
        )
        wait_until(lambda: len(self.tuya.control("asked")) >= 3, process)
        pause(process, self.env["TUYAHOUSE_WAREHOUSE_URL"])
        wait_until(self._takes_over, process)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=120)
        return process.returncode

    def _takes_over(self) -> bool:
        with suppress(locks.LockHeld):
            locks.acquire(self.warehouse, "demo/sync_sn_flows", "run other", timedelta(minutes=5)).release()
            return True
        return False

    def held(self) -> int:
        with locks.account_lock(self.warehouse, "demo/sync_sn_flows", "run other", timedelta(minutes=5)):
            return self.run()

    def shown(self) -> str:
        """The state of the run in `tuyahouse status`; "none" where there is no run."""
        done = CliRunner().invoke(app, ["status", "-a", "demo"], env=self.env, catch_exceptions=False)
        found = re.search(r"sync_sn_flows: (\w+)$", done.stdout, re.MULTILINE)
        return found[1] if found else "none"

    def state(self) -> tuple[str, str]:
        query = {"sort": "START_TIME_DESC", "limit": 1, "flow_runs": {"name": {"like_": "sn flows demo"}}}
        (found,) = self.prefect.api("flow_runs/filter", query)
        return found["state"]["name"], found["state"]["message"] or ""

    def artifact(self, key: str, field: str) -> str:
        try:
            return str(self.prefect.newest_artifact(key)[field])
        except urllib.error.HTTPError:
            return ""


@pytest.fixture
def place(
    tuya: Sandbox, operator: Operator, prefect_server: PrefectServer, sqlite_url: str, secret_key: str, tmp_path: Path
) -> Iterator[Place]:
    warehouse = Warehouse.open(sqlite_url, secret_key)
    register(warehouse, KNOWN)
    env = environment_of(tuya, sqlite_url, secret_key, TUYAHOUSE_CHUNK_SIZE="10", **{f"{DEMO}ATTEMPTS": "2"})
    yield Place(operator, prefect_server, tuya, warehouse, env)
    warehouse.close()


def end(place: Place, way: str) -> int:
    """Produce this end; the exit code."""
    match way:
        case "balanced":
            return place.run()
        case "stopped by the budget":
            return place.run(**{f"{DEMO}MONTHLY_CALLS": "15"})
        case "refused by Tuya":
            place.tuya.control("faults", {"rights": 1})
            return place.run()
        case "its keys were refused":
            place.tuya.control("faults", {"item_error": 1})
            return place.run()
        case "stopped by a fault":
            place.tuya.control("options", {"quota": 20})
            return place.run()
        case "another run holds the lock":
            return place.held()
        case "it is under way already":
            return place.at_work()
        case "another run took over":
            return place.taken_over()
        case "a setting is wrong":
            return place.run(TUYAHOUSE_CHUNK_SIZE="-1")
        case "interrupted":
            return place.stopped_by(signal.SIGINT)
        case "interrupted twice":
            return place.stopped_at_once()
        case "its counts do not add up":
            return place.miscounted()
        case "killed":
            return place.stopped_by(signal.SIGKILL)
    raise AssertionError(f"no way to produce {way!r}")


@pytest.mark.parametrize("way", table())
def test_a_run_ends_as_the_table_says(place: Place, way: str) -> None:
    code, status, state, message, outcome, note, then = table()[way]
    before = place.artifact("sync-sn-flows-demo", "description"), place.artifact("sync-sn-flows-demo-note", "data")
    assert end(place, way) == int(code)
    assert place.shown() == status
    named, said = place.state()
    assert named == state and said.startswith("" if message == "none" else message), said
    after = place.artifact("sync-sn-flows-demo", "description"), place.artifact("sync-sn-flows-demo-note", "data")
    for expected, was, now in zip((outcome, note), before, after, strict=True):
        if expected == "as before":
            assert now == was
        else:
            begins = expected.removesuffix("` or none")
            assert now.startswith(begins) or (begins != expected and not now), now
    place.mend(way)
    assert place.run(**{f"{DEMO}CALLS_PER_SECOND": "0"}) == int(then)
    again = runs.find_run(place.warehouse, "demo", "sync_sn_flows", "n")
    assert again and (again.status, again.outcome.asked) == ("balanced", len(KNOWN))
