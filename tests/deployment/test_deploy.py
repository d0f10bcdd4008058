"""Deploying again doubles nothing, resumes nothing and switches nothing."""

import subprocess
import sys
from typing import Any

import pytest

from tests.deployment.conftest import ROOT, Site, deploy


def told(site: Site) -> dict[str, Any]:
    """What an operator may have changed, and what must not double."""
    found = site.prefect.api("deployments/filter", {})
    return {
        one["name"]: {
            "id": one["id"],
            "parameters": one["parameters"],
            "paused": one["paused"],
            "schedules": sorted((each["schedule"]["cron"], each["active"]) for each in one["schedules"]),
        }
        for one in found
    }


def schedule_of(site: Site, name: str) -> str:
    (schedule,) = site.deployment(name)["schedules"]
    return f"deployments/{site.deployment(name)['id']}/schedules/{schedule['id']}"


@pytest.fixture(scope="module")
def changed(site: Site) -> dict[str, Any]:
    """The deployments after an operator paused both nights and gave one of them a second schedule."""
    site.prefect.api(schedule_of(site, "nightly-demo"), {"active": False}, method="PATCH")
    site.prefect.api(schedule_of(site, "nightly-annex"), {"active": False}, method="PATCH")
    noon = [{"active": True, "schedule": {"cron": "0 12 * * *", "timezone": "UTC"}}]
    site.prefect.api(f"deployments/{site.deployment('nightly-annex')['id']}/schedules", noon)
    return told(site)


def test_deploying_again_leaves_what_an_operator_changed(site: Site, changed: dict[str, Any]) -> None:
    printed = deploy(site.env)
    assert told(site) == changed
    assert changed["nightly-demo"]["schedules"] == [("15 1 * * *", False)]
    assert changed["nightly-annex"]["schedules"] == [("0 12 * * *", True), ("15 1 * * *", False)]
    assert "0 new" in printed and "15 1 * * * Asia/Shanghai (paused)" in printed


def test_prefects_own_command_deploys_the_same_for_one_account(site: Site, changed: dict[str, Any]) -> None:
    env = {**site.env, "TUYAHOUSE_DEPLOY_ACCOUNT": "demo"}
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", "nightly-{{ account.name }}"]
    done = subprocess.run([*command, "--name", "ask-serial-numbers"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(site) == changed


def test_messages_that_a_service_reads_from_now_on_lose_their_schedule_and_it_is_said(site: Site) -> None:
    by_schedule = {**site.env, "TUYAHOUSE_ACCOUNTS__ANNEX__MESSAGES_READ_BY": "schedule"}
    only = ("--only", "drain-messages-annex")
    deploy(by_schedule, *only)
    assert [one["slug"] for one in site.deployment("drain-messages-annex")["schedules"]] == ["every-five-minutes"]
    printed = deploy({**site.env, "TUYAHOUSE_ACCOUNTS__ANNEX__MESSAGES_READ_BY": "service"}, *only)
    assert site.deployment("drain-messages-annex")["schedules"] == []
    assert "drain-messages-annex lost its schedule every-five-minutes" in printed


@pytest.mark.parametrize(
    ("module", "words", "extra"),
    [
        ("deployments.deploy", ["plant"], {}),
        ("prefect", ["--no-prompt", "deploy", "--all"], {"TUYAHOUSE_DEPLOY_ACCOUNT": "plant"}),
    ],
)
def test_an_account_that_does_not_exist_is_refused_in_a_sentence_and_nothing_is_deployed(
    site: Site, module: str, words: list[str], extra: dict[str, str]
) -> None:
    before = told(site)
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=ROOT, env={**site.env, **extra}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was deployed. There is no account 'plant' (there are: annex, demo).")
    assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stdout
    assert told(site) == before


def test_a_server_that_is_away_is_said_in_a_sentence(site: Site) -> None:
    env = {**site.env, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    done = subprocess.run(
        [sys.executable, "-m", "deployments.deploy"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Nothing was deployed. Prefect's server at http://127.0.0.1:9/api does not answer.")


def test_a_form_takes_only_accounts_that_are_configured(site: Site) -> None:
    account = site.deployment("ask-serial-numbers")["parameter_openapi_schema"]["properties"]["account"]
    assert account["enum"] == ["annex", "demo"]
    with pytest.raises(OSError, match="409"):
        site.start("ask-serial-numbers", account="plant")


def test_a_run_is_named_after_what_it_does_its_account_and_its_date_unless_a_person_named_it(site: Site) -> None:
    unnamed = site.ended(site.start("replay-stored-answers", account="annex"))
    typed = site.ended(site.start("replay-stored-answers", account="annex", run_name="For the audit"))
    assert unnamed["name"] == f"replay annex {unnamed['start_time'][:10]}"
    assert typed["name"] == "For the audit"
