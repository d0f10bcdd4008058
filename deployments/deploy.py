"""`make deploy`: deploys prefect.yaml for every account, and says what runs when and what was left unchanged."""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from rich.console import Console
from rich.table import Table

from deployments.definitions import OURS, Definition, expand, with_kept_schedules
from deployments.forms import close_forms
from deployments.steps import placeholders
from tasks.run.prefect_watch import answers, api_url
from tuyahouse.settings import NO_ACCOUNT, Settings, SettingsError, load_settings

ROOT = Path(__file__).parent.parent
POOL = "tuyahouse"


class NotDeployed(Exception):
    """Nothing was done; the text says why and what to change."""


def main(words: Sequence[str] | None = None) -> int:
    """Deploy for the accounts named on the command line, or for all that are configured; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deployments.deploy", description=__doc__)
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="only these accounts; default: all")
    parser.add_argument("--directory", default=str(ROOT), help="where the workers have this directory; default: here")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this deployment; may be given again")
    parser.add_argument(
        "--pool-of-jobs", type=Path, metavar="FILE", help="make the pool one of Kubernetes, with this base job template"
    )
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="for Prefect's server to answer")
    given = parser.parse_args(words)
    try:
        settings = load_settings()
        await_server(given.wait)
        template = _template(given.pool_of_jobs) if given.pool_of_jobs else None
        asyncio.run(_deploy(settings, given.accounts, given.directory, given.only or [], template))
    except (SettingsError, NotDeployed) as error:
        print(f"Nothing was deployed. {error}", file=sys.stderr)
        return 1
    return 0


async def _deploy(
    settings: Settings, names: Sequence[str], directory: str, only: Sequence[str], template: dict[str, Any] | None
) -> None:
    accounts = [settings.account(name) for name in names or sorted(settings.accounts)]
    if not accounts:
        raise SettingsError(NO_ACCOUNT)
    made_for = [(account, placeholders(settings, account, directory)) for account in accounts]
    plan: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    wanted = _chosen(expand(plan["deployments"], made_for), only)
    async with get_client() as client:
        try:
            await _make_pool(client, template)
            existing = await _existing(client)
        except PrefectHTTPStatusError as error:
            raise NotDeployed(_refused(error)) from None
        wanted = [with_kept_schedules(one, existing.get(one["name"], {}).get("schedules", [])) for one in wanted]
        pull = [{"prefect.deployments.steps.set_working_directory": {"directory": directory}}]
        await asyncio.to_thread(_run_prefect, {"name": "tuyahouse", "pull": pull, "deployments": wanted})
        removed = await _remove_schedules(client, wanted, existing)
        now = await _existing(client)
        await close_forms(client, [now[one["name"]] for one in wanted])
    _say([account.name for account in accounts], wanted, existing, now)
    for name, slug in removed:
        print(f"{name} lost its schedule {slug}: this account's settings do not ask for it any more.")
    if not names and not only:
        _say_what_else_is_there(sorted(set(now) - {one["name"] for one in wanted}))


def _chosen(all_of_them: list[Definition], only: Sequence[str]) -> list[Definition]:
    there = [one["name"] for one in all_of_them]
    if missing := [name for name in only if name not in there]:
        raise NotDeployed(f"There is no {', '.join(missing)}; there are: {', '.join(there)}.")
    return [one for one in all_of_them if not only or one["name"] in only]


def await_server(seconds: float = 0) -> None:
    """Return once the server that PREFECT_API_URL names answers; raise NotDeployed if it does not within this time."""
    end = time.monotonic() + seconds
    while api_url() and not answers(api_url()) and time.monotonic() < end:
        time.sleep(1)
    if not api_url():
        raise NotDeployed("Set PREFECT_API_URL, e.g. to http://127.0.0.1:4200/api.")
    if not answers(api_url()):
        raise NotDeployed(
            f"Prefect's server at {api_url()} does not answer. Start it (prefect server start), "
            "or set PREFECT_API_URL to where it is."
        )


def _refused(error: PrefectHTTPStatusError) -> str:
    code = error.response.status_code
    hint = "Set PREFECT_API_AUTH_STRING as the server has it." if code in (401, 403) else "Is that its API?"
    return f"Prefect's server at {api_url()} answers {code}. {hint}"


def _template(file: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return read
    except (OSError, ValueError) as error:
        raise NotDeployed(f"{file} cannot be read: {error}") from None


async def _make_pool(client: PrefectClient, template: dict[str, Any] | None) -> None:
    """Create the pool if there is none: of processes, or of jobs with this template, which an existing one gets too."""
    try:
        there = await client.read_work_pool(POOL)
    except ObjectNotFound:
        pool = WorkPoolCreate(name=POOL, type="kubernetes" if template else "process", base_job_template=template or {})
        with contextlib.suppress(ObjectAlreadyExists):
            await client.create_work_pool(pool)
        return
    if template is None:
        return
    if there.type != "kubernetes":
        raise NotDeployed(f"The pool {POOL} is one of type {there.type}. Delete it (prefect work-pool delete {POOL}).")
    if there.base_job_template != template:
        await client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))


async def _existing(client: PrefectClient) -> dict[str, dict[str, Any]]:
    """Our deployments on the server, by name."""
    found: dict[str, dict[str, Any]] = {}
    while True:
        page = await client.read_deployments(offset=len(found), limit=200)
        found.update({one.name: one.model_dump(mode="json") for one in page})
        if len(page) < 200:
            return {name: one for name, one in found.items() if OURS in one["tags"]}


async def _remove_schedules(
    client: PrefectClient, wanted: Sequence[Definition], before: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Remove schedules that the settings of an account do not ask for any more; the deployment and slug of each.

    Prefect itself keeps the schedules of a deployment that has none in the file.
    """
    removed = []
    for one in wanted:
        found = before.get(one["name"], {"schedules": []})
        for schedule in found["schedules"]:
            if schedule["slug"] in one["not_scheduled"]:
                await client.delete_deployment_schedule(UUID(found["id"]), UUID(schedule["id"]))
                removed.append((one["name"], schedule["slug"]))
    return removed


def _run_prefect(plan: Mapping[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prefect.yaml"
        file.write_text(yaml.safe_dump(dict(plan), sort_keys=False))
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise NotDeployed("\n".join(["Or only a part: `prefect deploy` failed. It said:", *last]))


def _say(
    accounts: Sequence[str],
    wanted: Sequence[Definition],
    before: Mapping[str, Mapping[str, Any]],
    now: Mapping[str, Mapping[str, Any]],
) -> None:
    table = Table("Deployment", "Runs", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in wanted:
        table.add_row(one["name"], _when(now[one["name"]]["schedules"]))
    console = Console(highlight=False)
    console.print(table)
    new = sum(one["name"] not in before for one in wanted)
    console.print(f"\nDeployed for {', '.join(accounts)}: {new} new, {len(wanted) - new} brought up to date.")


def _say_what_else_is_there(names: Sequence[str]) -> None:
    if names:
        print(f"Also on the server, not deployed from here and left as they are: {', '.join(names)}.")


def _when(schedules: Sequence[Mapping[str, Any]]) -> str:
    """When it runs by itself, in words short enough for a table."""
    if not schedules:
        return "when started"
    return "; ".join(
        f"{timing.get('cron') or timing.get('rrule') or 'every ' + str(timing.get('interval')) + ' s'} "
        f"{timing.get('timezone') or 'UTC'}{'' if one['active'] else ' (paused)'}"
        for one in schedules
        for timing in (one["schedule"],)
    )


if __name__ == "__main__":
    sys.exit(main())
