"""prefect.yaml and the forms that it puts before an operator."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema

from flows.catalogue import FLOWS

ROOT = Path(__file__).parent.parent.parent
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
IDS = [f"{one['entrypoint'].split(':')[1]}/{one['name']}" for one in DEPLOYMENTS]


def deployed(name: str) -> dict[str, Any]:
    return DEPLOYMENTS[IDS.index(name)]


def test_every_flow_has_a_deployment() -> None:
    assert {name.split("/")[0] for name in IDS} == set(FLOWS)


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=IDS)
def test_an_entrypoint_is_the_flow_of_that_name(one: dict[str, Any]) -> None:
    file, name = one["entrypoint"].split(":")
    assert Path(file) == Path("flows") / f"{name}.py"
    assert name in FLOWS


def test_the_page_lists_these_deployments_and_no_other() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    assert re.findall(r"^\| `(\w+/[a-z-]+)` \|", page, re.MULTILINE) == IDS


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=IDS)
def test_deploying_again_leaves_a_paused_schedule_paused(one: dict[str, Any]) -> None:
    assert all("active" not in schedule and schedule["slug"] for schedule in one["schedules"])


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=IDS)
def test_no_deployment_limits_its_runs_across_accounts(one: dict[str, Any]) -> None:
    assert "concurrency_limit" not in one


@pytest.mark.parametrize(
    ("name", "cron"),
    [
        ("nightly_sync/nightly", "15 1 * * *"),
        ("sync_devices/weekly", "45 5 * * 6"),
        ("reconcile_commands/hourly", "50 * * * *"),
        ("drain_messages/every-five-minutes", "*/5 * * * *"),
        ("prune/weekly", "30 4 * * 0"),
    ],
)
def test_what_runs_by_itself_and_when(name: str, cron: str) -> None:
    assert [schedule["cron"] for schedule in deployed(name)["schedules"]] == [cron]


def test_a_drain_ends_before_the_next_one_begins() -> None:
    assert deployed("drain_messages/every-five-minutes")["parameters"]["max_seconds"] < 5 * 60


@pytest.mark.parametrize("name", FLOWS)
def test_every_parameter_of_a_form_says_what_it_is(name: str) -> None:
    fields = parameter_schema(FLOWS[name]).model_dump()["properties"]
    assert [field for field, told in fields.items() if not told.get("description")] == []


@pytest.mark.parametrize("name", FLOWS)
def test_every_form_asks_for_the_account_first_and_takes_a_run_key(name: str) -> None:
    fields = parameter_schema(FLOWS[name]).model_dump()["properties"]
    assert fields["account"]["position"] == 0
    assert "run_key" in fields


@pytest.mark.parametrize(("account", "code", "printed"), [("plant", 0, "plant\n"), (None, 1, ""), ("", 1, "")])
def test_deploying_without_an_account_changes_no_deployment(account: str | None, code: int, printed: str) -> None:
    build = yaml.safe_load((ROOT / "prefect.yaml").read_text())["build"]
    script = build[0]["prefect.deployments.steps.run_shell_script"]["script"]
    env = {"PATH": os.defpath} | ({} if account is None else {"TUYAHOUSE_DEPLOY_ACCOUNT": account})
    done = subprocess.run(shlex.split(script), env=env, capture_output=True, text=True)
    assert (min(done.returncode, 1), done.stdout) == (code, printed)
    assert ("TUYAHOUSE_DEPLOY_ACCOUNT" in done.stderr) == bool(code)
