"""``tuyahouse metrics`` over a warehouse with some history, and a real Prometheus that scrapes it."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from tests.cli.conftest import PROGRAM
from tests.warehouse.landing import Entry
from tuyahouse.outcome import Outcome
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.messages import gaps, ledger
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.tables import ops_run
from tuyahouse.warehouse.warehouse import Warehouse

NOW = datetime.now(UTC).replace(microsecond=0)
ROOT = Path(__file__).parents[2]


def fill(warehouse: Warehouse) -> None:
    """A good night, a red one after it, serial numbers, a dead letter, a gap, calls."""
    for key, status, hours in (("n1", "balanced", 30), ("n2", "failed", 6)):
        run = runs.start_run(warehouse, "demo", "nightly_sync", key, {}, NOW - timedelta(hours=hours))
        with warehouse.begin() as conn:
            run_chunks.finish_chunk(conn, run.run_id, 0, Outcome(asked=2, answered=2))
            conn.execute(update(ops_run).where(ops_run.c.run_id == run.run_id).values(calls=7))
        runs.finish_run(warehouse, run.run_id, status, at=NOW - timedelta(hours=hours - 1))
    with warehouse.begin() as conn:
        registry.add(conn, "demo", map(Entry, ("S1", "S2", "S3")), "pattern", NOW)
        registry.mark_changed(
            conn, "demo", [registry.Change("S1", "W1", "L1", "open", 0, b"h", NOW - timedelta(days=2))]
        )
        dead_letters.record(conn, "demo", [dead_letters.DeadLetter("sn_flows", "S2", "unusable_answer")], NOW)
        gaps.record_gap(conn, "demo", gaps.Gap(NOW - timedelta(hours=5), NOW - timedelta(hours=4), gaps.AWAY_TOO_LONG))
        ledger.advance(conn, "demo", "pulsar", NOW - timedelta(minutes=90), now=NOW)
    warehouse.slots.reserve("demo", "GET /", per_second=0, want=12, monthly_calls=100)


@pytest.fixture
def environment(warehouse_url: str, secret_key: str) -> dict[str, str]:
    """Settings of an account with a budget, and an empty warehouse on each database."""
    prefix = "TUYAHOUSE_ACCOUNTS__DEMO__"
    account = {"REGION": "eu", "CLIENT_ID": "id", "CLIENT_SECRET": "0123456789abcdef", "MONTHLY_CALLS": "100"}
    return {
        "PATH": "/usr/bin:/bin",
        "TUYAHOUSE_WAREHOUSE_URL": warehouse_url,
        "TUYAHOUSE_SECRET_KEY": secret_key,
        **{prefix + name: value for name, value in account.items()},
    }


@pytest.fixture
def serve_metrics(environment: dict[str, str]) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start ``tuyahouse metrics`` on a free port; the process and its base URL."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], str]:
        command = [PROGRAM, "metrics", "--port", "0", *options]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+?:\d+", line)
        assert found, line + (process.stderr.read() if process.stderr else "")
        return process, found[0]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[str], "Prometheus"]]:
    """Start a real Prometheus with our rules that scrapes the given URL."""
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not on this machine")
    started: list[Prometheus] = []

    def start(target: str) -> Prometheus:
        started.append(Prometheus(tmp_path, target))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Prometheus:
    """A running Prometheus; ``query`` asks it in PromQL."""

    def __init__(self, home: Path, target: str) -> None:
        rules = ROOT / "deployments" / "prometheus" / "alerts.yaml"
        configuration = (
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{rules}]\n"
            f"scrape_configs: [{{job_name: tuyahouse, static_configs: [{{targets: ['{target.removeprefix('http://')}']}}]}}]\n"
        )
        (home / "prometheus.yaml").write_text(configuration)
        self._log = (home / "prometheus.log").open("w+")
        command = ["prometheus", f"--config.file={home}/prometheus.yaml", f"--storage.tsdb.path={home}/data"]
        self._process = subprocess.Popen(
            [*command, "--web.listen-address=127.0.0.1:0"], stdout=self._log, stderr=subprocess.STDOUT
        )
        self.url = self._address()
        self._wait_until_ready()

    def _address(self) -> str:
        """Its log says where it listens."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            found = re.search(r"Listening on.*?(127\.0\.0\.1:\d+)", Path(self._log.name).read_text())
            if found:
                return f"http://{found[1]}"
            time.sleep(0.1)
        raise AssertionError(Path(self._log.name).read_text())

    def _wait_until_ready(self) -> None:
        """It listens before it has read its data; until then it answers 503."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=30).close()
                return
            except urllib.error.HTTPError:
                time.sleep(0.1)
        raise AssertionError(Path(self._log.name).read_text())

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that the expression gives now; fails for a wrong expression."""
        return list(self._api("query", query=expression)["result"])

    def firing(self) -> set[str]:
        """Names of the alerts that are pending or firing."""
        return {one["labels"]["alertname"] for one in self._api("alerts")["alerts"]}

    def _api(self, path: str, **parameters: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=30) as answer:
            body = json.loads(answer.read())
        assert body["status"] == "success", body
        return dict(body["data"])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
