"""What Prometheus gets from ``tuyahouse metrics``, and what the rules and the dashboard make of it."""

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PROGRAM
from tests.monitoring.conftest import NOW, ROOT, Prometheus, fill
from tests.support.postgres import OwnPostgres
from tuyahouse.monitoring.warehouse_health import METRICS
from tuyahouse.warehouse.warehouse import Warehouse

DASHBOARD = ROOT / "deployments" / "grafana" / "tuyahouse.json"
ALERTS = ROOT / "deployments" / "prometheus" / "alerts.yaml"


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text: str) -> dict[str, float]:
    """Series → value."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


def test_metrics_tell_the_state_of_runs_data_and_budget(warehouse: Warehouse, serve_metrics) -> None:
    fill(warehouse)
    _, url = serve_metrics()
    code, text = get(f"{url}/metrics")
    assert code == 200
    now = NOW.timestamp()
    assert samples(text) == {
        "tuyahouse_warehouse_up": 1,
        'tuyahouse_run_success_timestamp_seconds{account="demo",flow="nightly_sync"}': now - 29 * 3600,
        'tuyahouse_run_started_timestamp_seconds{account="demo",flow="nightly_sync"}': now - 6 * 3600,
        'tuyahouse_run_status{account="demo",flow="nightly_sync",status="failed"}': 1,
        'tuyahouse_run_calls{account="demo",flow="nightly_sync"}': 7,
        'tuyahouse_serial_numbers{account="demo",state="new"}': 2,
        'tuyahouse_serial_numbers{account="demo",state="open"}': 1,
        'tuyahouse_serial_number_oldest_open_timestamp_seconds{account="demo"}': now - 2 * 86400,
        'tuyahouse_dead_letters_open{account="demo",kind="sn_flows",reason="unusable_answer"}': 1,
        'tuyahouse_calls_this_month{account="demo"}': 12,
        'tuyahouse_calls_left_this_month{account="demo"}': 88,
        'tuyahouse_message_gaps_open{account="demo"}': 1,
        'tuyahouse_messages_read_until_timestamp_seconds{account="demo"}': now - 90 * 60,
    }


def test_an_account_without_runs_has_no_metrics_of_runs(warehouse: Warehouse, serve_metrics) -> None:
    _, url = serve_metrics()
    assert samples(get(f"{url}/metrics")[1]) == {
        "tuyahouse_warehouse_up": 1,
        'tuyahouse_calls_this_month{account="demo"}': 0,
        'tuyahouse_calls_left_this_month{account="demo"}': 100,
        'tuyahouse_message_gaps_open{account="demo"}': 0,
    }


def test_a_warehouse_that_is_away_makes_the_health_red_with_the_reason_and_comes_back_by_itself(
    own_postgres: OwnPostgres, environment: dict[str, str], serve_metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment["TUYAHOUSE_WAREHOUSE_URL"] = own_postgres.create_database()
    Warehouse.open(environment["TUYAHOUSE_WAREHOUSE_URL"]).close()
    own_postgres.stop()
    process, url = serve_metrics()
    code, text = get(f"{url}/health")
    assert code == 503
    assert "cannot be reached" in json.loads(text)["problem"]
    assert samples(get(f"{url}/metrics")[1]) == {"tuyahouse_warehouse_up": 0}
    own_postgres.start()
    end = time.monotonic() + 60
    while get(f"{url}/health")[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert samples(get(f"{url}/metrics")[1])["tuyahouse_warehouse_up"] == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_port_in_use_and_an_unknown_account_get_a_sentence(serve_metrics, environment: dict[str, str]) -> None:
    _, url = serve_metrics()
    port = url.rpartition(":")[2]
    for options, words in (
        (("--port", port), f"Port {port} of 127.0.0.1 cannot be served: Address already in use. Name another --port."),
        (("--account", "nobody"), "nobody"),
    ):
        refused = subprocess.run([PROGRAM, "metrics", *options], env=environment, capture_output=True, text=True)
        assert refused.returncode == 1
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr


def test_every_query_of_the_dashboard_and_every_rule_finds_what_it_asks_for(
    warehouse: Warehouse, serve_metrics, prometheus: Callable[[str], Prometheus]
) -> None:
    fill(warehouse)
    server = prometheus(serve_metrics()[1])
    end = time.monotonic() + 60
    while not server.query("tuyahouse_warehouse_up == 1"):
        assert time.monotonic() < end
        time.sleep(0.2)
    for expression in dashboard_queries():
        assert server.query(expression), expression
    red = {"TuyahouseNightMissing", "TuyahouseRunRed", "TuyahouseDeadLetters", "TuyahouseMessagesBehind"}
    while server.firing() != {*red, "TuyahouseMessageGap"}:
        assert time.monotonic() < end, server.firing()
        time.sleep(0.2)


def dashboard_queries() -> list[str]:
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"].replace("$account", ".*") for panel in panels for target in panel["targets"]]


def test_the_dashboard_and_the_rules_name_only_metrics_that_there_are() -> None:
    known = {f"tuyahouse_{name}" for name in METRICS} | {"tuyahouse_warehouse_up"}
    for file in (DASHBOARD, ALERTS):
        named = set(re.findall(r"tuyahouse_[a-z_]+", file.read_text()))
        assert named <= known, file.name
    dashboard = set(re.findall(r"tuyahouse_[a-z_]+", DASHBOARD.read_text()))
    assert known - dashboard == {"tuyahouse_warehouse_up", "tuyahouse_run_started_timestamp_seconds"}


def test_promtool_accepts_rules_and_configuration(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("Prometheus is not on this machine")
    checked = subprocess.run(
        ["promtool", "check", "config", ALERTS.parent / "prometheus.yaml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
