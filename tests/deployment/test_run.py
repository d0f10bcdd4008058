"""Deployed, started through the API and carried out by a worker: what an operator does, against a real server."""

import json
import sqlite3
import time
import urllib.error
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from flows.catalogue import FLOWS
from tests.deployment.conftest import ROOT, SERIAL_NUMBERS, Site
from tests.intake.test_query_url import WITH_A_PASSWORD
from tests.support.secrets import leaks_in_files, leaks_in_text, secrets_of
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture(scope="module")
def asked(site: Site) -> dict[str, Any]:
    """A run of sync_sn_flows over all serial numbers, ended."""
    numbers = f"YZCB04ZZR00001..YZCB04ZZR{SERIAL_NUMBERS:05}"
    registered = site.ended(site.start("register-serial-numbers", pattern=numbers))
    assert registered["state_type"] == "COMPLETED", registered["state"]["message"]
    return site.ended(site.start("ask-serial-numbers", run_key="first"))


def eventually(true: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it becomes true: Prefect hands logs over a moment later."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.5)
    return true()


def log_of(site: Site, run: dict[str, Any]) -> str:
    lines = site.prefect.api("logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"})
    return "\n".join(f"{line['name']}: {line['message']}" for line in lines)


def test_deploying_deploys_every_flow(site: Site) -> None:
    flows = {flow["id"]: flow["name"] for flow in site.prefect.api("flows/filter", {})}
    deployments = site.prefect.api("deployments/filter", {})
    assert {flows[one["flow_id"]] for one in deployments} == {*FLOWS, "hold_schedules"}


def test_a_deployment_runs_from_the_directory_it_was_deployed_from(site: Site) -> None:
    (step,) = site.deployment("replay-stored-answers")["pull_steps"]
    assert step == {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}


def test_what_has_a_schedule_gets_runs(site: Site) -> None:
    scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    assert eventually(lambda: site.prefect.api("flow_runs/count", scheduled) > 0, 120)


def test_a_run_started_through_the_api_asks_and_lands(site: Site, asked: dict[str, Any]) -> None:
    assert asked["state_type"] == "COMPLETED"
    assert asked["state"]["message"].startswith(f"Good: {SERIAL_NUMBERS} asked, ")
    assert asked["state"]["message"].endswith(" Run key: first")
    with closing(sqlite3.connect(site.warehouse)) as warehouse:
        told = warehouse.execute(
            "SELECT status, asked, answered + empty FROM ops_run WHERE run_key = 'first'"
        ).fetchall()
        (steps,) = warehouse.execute("SELECT count(*) FROM flow_step").fetchone()
    assert told == [("balanced", SERIAL_NUMBERS, SERIAL_NUMBERS)]
    assert steps > 0


def test_a_retry_from_the_ui_goes_on_with_the_same_run(site: Site, asked: dict[str, Any]) -> None:
    run = site.start("ask-serial-numbers", limit=1)
    first = site.ended(run)
    site.retry(run)
    again = site.ended(run)
    assert again["run_count"] == 2
    keys = [run["state"]["message"].partition("Run key: ")[2] for run in (first, again)]
    assert keys[0] == keys[1] != ""


def test_the_run_leaves_its_counts_as_a_table(site: Site, asked: dict[str, Any]) -> None:
    left = site.prefect.api("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [asked["id"]]}}})
    artifacts = {one["key"]: one for one in left}
    assert set(artifacts) == {"sync-sn-flows-demo", "sync-sn-flows-demo-strategy"}
    artifact = artifacts["sync-sn-flows-demo"]
    assert artifact["type"] == "table"
    counts = {row["count"]: row["value"] for row in json.loads(artifact["data"])}
    assert counts["asked"] == SERIAL_NUMBERS
    assert artifact["description"].startswith(f"**Good: {SERIAL_NUMBERS} asked, ")


def test_a_night_leaves_the_counts_of_its_parts_side_by_side(site: Site) -> None:
    night = site.ended(site.start("nightly-demo", run_key="nightly/counts"))
    assert night["state_type"] == "COMPLETED", night["state"]["message"]
    rows = {row.pop("count"): row for row in json.loads(site.prefect.newest_artifact("nightly-sync-demo")["data"])}
    assert set(rows["asked"]) - {"nightly_sync"} == {"sync_sn_flows", "sync_devices", "reconcile_commands"}
    assert rows["asked"]["sync_devices"] > 0


def test_what_the_library_logs_is_on_the_page_of_the_run(site: Site, asked: dict[str, Any]) -> None:
    assert eventually(lambda: "sync_sn_flows of demo: balanced" in log_of(site, asked))
    assert "tuyahouse.run: sync_sn_flows of demo, run key first: starts" in log_of(site, asked)


def test_no_secret_of_the_account_is_at_the_server(site: Site, asked: dict[str, Any]) -> None:
    secrets = secrets_of(site.sandbox)
    assert len(secrets) > 3
    assert leaks_in_files(secrets, site.prefect.home) == []
    assert leaks_in_text(secrets, log_of(site, asked)) == []


@pytest.mark.parametrize("url", WITH_A_PASSWORD)
def test_a_url_with_a_password_is_refused_before_it_is_stored(site: Site, url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        site.start("register-serial-numbers", query_url=url, query="SELECT 1")
    assert refused.value.code == 409
    assert leaks_in_files(["in-the-clear-1"], site.prefect.home) == []


def test_a_number_beyond_its_bounds_is_refused(site: Site) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        site.start("ask-serial-numbers", limit=0)
    assert refused.value.code == 409


def test_nights_of_two_accounts_leave_each_other_alone(site: Site, asked: dict[str, Any]) -> None:
    runs = [site.start(f"nightly-{name}", account=name, run_key="nightly/both") for name in ("demo", "annex")]
    states = [site.ended(run)["state"] for run in runs]
    assert [(state["type"], state["message"][:5]) for state in states] == [("COMPLETED", "Good:")] * 2, states


def test_where_several_accounts_are_configured_a_form_without_one_is_refused_with_their_names(site: Site) -> None:
    ended = site.ended(site.start("replay-stored-answers", account=None))
    assert ended["state"]["name"] == "Refused"
    assert ended["state"]["message"].startswith("Red: Several accounts are configured: annex, demo. Name one of them.")
    assert site.prefect.newest_artifact("replay-note")["data"].startswith("# Red: replay of no account did not begin")


def test_a_second_night_of_the_same_account_is_refused_with_words(site: Site, asked: dict[str, Any]) -> None:
    warehouse = Warehouse.open(f"sqlite:///{site.warehouse}")
    lock = locks.acquire(warehouse, "demo/nightly_sync", "run nightly/one", timedelta(minutes=10))
    ended = site.ended(site.start("nightly-demo", run_key="nightly/two"))
    lock.release()
    warehouse.close()
    assert ended["state"]["name"] == "Refused"
    assert ended["state"]["message"].startswith("Red: demo/nightly_sync is being worked on by run nightly/one since")


def test_a_run_that_is_cancelled_in_the_ui_is_interrupted_and_its_run_key_goes_on(
    site: Site, asked: dict[str, Any]
) -> None:
    site.sandbox.control("options", {"slow_seconds": 5})
    site.sandbox.control("faults", {"slow": 1})
    before = site.sandbox.control("stats")["calls"]
    sns = [f"YZCB04ZZR{number:05}" for number in range(1, SERIAL_NUMBERS + 1)]
    run = site.start("ask-serial-numbers", sns=sns, run_key="cancelled")
    site.wait_until(lambda: site.sandbox.control("stats")["calls"] > before)
    site.prefect.api(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    cancelled = site.ended(run)
    site.sandbox.control("faults", {})
    assert cancelled["state_type"] == "CANCELLED", cancelled["state"]
    with closing(sqlite3.connect(site.warehouse)) as warehouse:
        assert warehouse.execute("SELECT status FROM ops_run WHERE run_key = 'cancelled'").fetchall() == [
            ("interrupted",)
        ]
        assert warehouse.execute("SELECT name FROM ops_lock").fetchall() == []
    again = site.ended(site.start("ask-serial-numbers", run_key="cancelled"))
    assert again["state_type"] == "COMPLETED", again["state"]
    assert f"{SERIAL_NUMBERS} asked" in again["state"]["message"], again["state"]


def test_a_red_night_that_is_retried_in_the_ui_after_mending_asks_what_was_refused_and_is_green(site: Site) -> None:
    site.sandbox.control("faults", {"rights": 1})
    run = site.start("nightly-demo")
    red = site.ended(run)["state"]
    assert red["type"] == "FAILED" and "1106" in red["message"], red
    site.sandbox.control("faults", {})
    site.retry(run)
    green = site.ended(run)
    assert (green["state"]["type"], green["run_count"]) == ("COMPLETED", 2), green["state"]
    key = green["state"]["message"].partition("Run key: ")[2]
    assert f"run_key={key}" in red["message"]
    with closing(sqlite3.connect(site.warehouse)) as warehouse:
        found = warehouse.execute("SELECT flow, status, asked FROM ops_run WHERE run_key = ?", [key]).fetchall()
        (devices,) = warehouse.execute("SELECT count(*) FROM device WHERE account = 'demo'").fetchone()
    assert {flow: status for flow, status, _ in found} == dict.fromkeys(
        ("nightly_sync", "sync_sn_flows", "sync_devices", "reconcile_commands"), "balanced"
    )
    assert devices > 0 and {flow: asked for flow, _, asked in found}["sync_devices"] >= 2, "both lists"


def test_a_run_on_an_account_that_another_run_works_on_says_which_and_until_when(
    site: Site, asked: dict[str, Any]
) -> None:
    warehouse = Warehouse.open(f"sqlite:///{site.warehouse}")
    lock = locks.acquire(warehouse, "demo/sync_sn_flows", "run before", timedelta(minutes=10))
    ended = site.ended(site.start("ask-serial-numbers", run_key="second"))
    lock.release()
    warehouse.close()
    assert ended["state_type"] == "FAILED"
    assert ended["state"]["name"] == "Refused"
    assert ended["state"]["message"].startswith("Red: demo/sync_sn_flows is being worked on by run before since")
    note = site.prefect.newest_artifact("sync-sn-flows-demo-note")["data"]
    assert note.startswith("# Red: sync_sn_flows of demo did not begin")
    assert "is being worked on by run before" in note
