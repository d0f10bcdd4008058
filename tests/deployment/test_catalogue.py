"""prefect.yaml, what it becomes for accounts, and the forms that it puts before an operator."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema

from deployments.definitions import expand, with_kept_schedules
from deployments.steps import describe_account, placeholders
from flows import parameters
from flows.catalogue import FLOWS
from tuyahouse.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
DEFINITIONS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
NAMES = [one["name"] for one in DEFINITIONS]
FACTORY = {"region": "eu", "client_id": "i", "client_secret": "a-secret-of-nothing"}
ANNEX = {**FACTORY, "client_id": "j", "messages_read_by": "schedule", "factory_time_zone": "Asia/Shanghai"}


def deployments(**accounts: dict[str, str]) -> dict[str, dict[str, Any]]:
    settings = load_settings(accounts=accounts)
    made_for = [(each, placeholders(settings, each, "/srv/tuyahouse")) for each in settings.accounts.values()]
    return {one["name"]: one for one in expand(DEFINITIONS, made_for)}


OF_SCHEDULES = "deployments/hold_schedules.py:hold_schedules"
"""The one flow that is about deployments and not about Tuya."""


def test_every_flow_has_a_deployment() -> None:
    assert {f"flows/{name}.py:{name}" for name in FLOWS} | {OF_SCHEDULES} == {one["entrypoint"] for one in DEFINITIONS}


def test_no_two_deployments_share_a_name() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("one", DEFINITIONS, ids=NAMES)
def test_every_deployment_describes_itself_and_has_tags_and_a_version(one: dict[str, Any]) -> None:
    assert one["description"] and one["version"]
    assert len({"night", "scheduled", "on-demand"} & set(one["tags"])) == 1


def test_the_page_lists_these_deployments_and_no_other() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    written = [name.replace("{{ account.name }}", "ACCOUNT") for name in NAMES]
    assert re.findall(r"^\| `([a-zA-Z-]+)` \| `\w+` \|", page, re.MULTILINE) == written


@pytest.mark.parametrize("one", DEFINITIONS, ids=NAMES)
def test_deploying_again_leaves_a_paused_schedule_paused(one: dict[str, Any]) -> None:
    schedules = [*one["schedules"], *(one.get("schedules_where", {}).get("messages_by_schedule", []))]
    assert all("active" not in schedule and schedule["slug"] for schedule in schedules)


def test_a_limit_of_runs_counts_the_runs_of_one_account() -> None:
    limited = {one["name"] for one in DEFINITIONS if "concurrency_limit" in one}
    assert limited == {one["name"] for one in DEFINITIONS if one.get("each_account")} | {"build-report"}


def test_reports_are_written_one_after_the_other_so_that_none_of_two_is_refused() -> None:
    (report,) = [one for one in DEFINITIONS if one["name"] == "build-report"]
    assert report["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_what_runs_by_itself_runs_for_each_account_in_its_time_zone() -> None:
    made = deployments(factory=FACTORY, annex=ANNEX)
    runs = {
        name: [(timing["cron"], timing["timezone"]) for timing in one["schedules"]]
        for name, one in made.items()
        if one["schedules"]
    }
    assert runs == {
        "nightly-factory": [("15 1 * * *", "UTC")],
        "nightly-annex": [("15 1 * * *", "Asia/Shanghai")],
        "hourly-commands-factory": [("50 * * * *", "UTC")],
        "hourly-commands-annex": [("50 * * * *", "Asia/Shanghai")],
        "drain-messages-annex": [("*/5 * * * *", "Asia/Shanghai")],
        "weekly-devices-factory": [("45 5 * * 6", "UTC")],
        "weekly-devices-annex": [("45 5 * * 6", "Asia/Shanghai")],
        "weekly-prune-factory": [("30 4 * * 0", "UTC")],
        "weekly-prune-annex": [("30 4 * * 0", "Asia/Shanghai")],
        "hold-schedules-factory": [("5 0 1 * *", "UTC")],
        "hold-schedules-annex": [("5 0 1 * *", "UTC")],
    }


def test_schedules_have_a_time_zone_of_their_own() -> None:
    made = deployments(annex={**ANNEX, "schedule_time_zone": "Europe/Berlin"})
    assert made["nightly-annex"]["schedules"][0]["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize("read_by", ["nobody", "service"])
def test_messages_that_are_read_otherwise_have_no_schedule(read_by: str) -> None:
    one = deployments(factory={**FACTORY, "messages_read_by": read_by})["drain-messages-factory"]
    assert (one["schedules"], one["not_scheduled"]) == ([], ["every-five-minutes"])


def test_what_a_person_starts_is_deployed_once_for_all_accounts() -> None:
    both, one = deployments(factory=FACTORY, annex=ANNEX), deployments(factory=FACTORY)
    assert both["ask-serial-numbers"]["parameters"] == {}
    assert one["ask-serial-numbers"]["parameters"] == {"account": "factory"}
    assert both["nightly-annex"]["parameters"] == {"account": "annex"}


def test_a_drain_ends_before_the_next_one_begins() -> None:
    assert deployments(annex=ANNEX)["drain-messages-annex"]["parameters"]["max_seconds"] < 5 * 60


def test_a_schedule_that_was_added_by_hand_is_kept_and_what_is_paused_stays_paused() -> None:
    (night,) = (one for name, one in deployments(factory=FACTORY).items() if name == "nightly-factory")
    by_hand = {"cron": "0 12 * * *", "timezone": "UTC", "day_or": True}
    existing = [
        {"slug": "nightly", "active": False, "schedule": {"cron": "15 1 * * *", "timezone": "UTC"}, "parameters": {}},
        {"slug": None, "active": True, "schedule": by_hand, "parameters": {"run_key": "noon"}},
    ]
    kept = with_kept_schedules(night, existing)["schedules"]
    assert [(one["slug"], one["cron"], one.get("active")) for one in kept] == [
        ("nightly", "15 1 * * *", False),
        ("by-hand-2", "0 12 * * *", True),
    ]
    assert kept[1]["parameters"] == {"run_key": "noon"}
    assert with_kept_schedules(night, existing[:1]) == night


@pytest.mark.parametrize("name", FLOWS)
def test_every_parameter_of_a_form_says_what_it_is(name: str) -> None:
    fields = parameter_schema(FLOWS[name]).model_dump()["properties"]
    assert [field for field, told in fields.items() if not told.get("description")] == []


@pytest.mark.parametrize("name", FLOWS)
def test_every_form_asks_for_the_account_first_and_takes_a_run_key(name: str) -> None:
    fields = parameter_schema(FLOWS[name]).model_dump()["properties"]
    assert fields["account"]["position"] == 0
    assert "run_key" in fields


@pytest.mark.parametrize("name", FLOWS)
def test_every_form_offers_the_accounts_that_are_configured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "_configured_accounts", lambda: ("annex", "factory"))
    account = parameter_schema(FLOWS[name]).model_dump()["properties"]["account"]
    assert (account["type"], account["enum"]) == ("string", ["annex", "factory"])


def test_an_account_that_does_not_exist_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for field, value in FACTORY.items():
        monkeypatch.setenv(f"TUYAHOUSE_ACCOUNTS__FACTORY__{field.upper()}", value)
    with pytest.raises(SystemExit, match=r"Nothing was deployed\. There is no account 'plant' \(there are: factory\)"):
        describe_account("plant")
    assert describe_account()["name"] == "factory"
