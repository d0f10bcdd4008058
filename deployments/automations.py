"""Automations of Prefect's server for what is deployed: made, and brought up to date, by name.

`python -m deployments.automations` may be run any number of times. What somebody switched off stays off.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from deployments.deploy import NotDeployed, await_server
from deployments.triggers import (
    hold_schedules_without_quota,
    mark_runs_of_dead_workers,
    report_after_night,
    tell_when_late,
    tell_when_no_night,
    tell_when_red,
)


def main(words: Sequence[str] | None = None) -> int:
    """Make or update the automations, or say with --dry-run what would be done; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deployments.automations", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--notify",
        metavar="TYPE/NAME",
        help="notification block for red, late and missing nights, e.g. slack-webhook/operators",
    )
    parser.add_argument(
        "--no-night-for", type=float, default=26, metavar="HOURS", help="a night is missing after this many hours (26)"
    )
    parser.add_argument(
        "--no-heartbeat-for",
        type=float,
        default=90,
        metavar="SECONDS",
        help="a worker has died after this many seconds (90)",
    )
    given = parser.parse_args(words)
    try:
        await_server()
        asyncio.run(_apply(given))
    except NotDeployed as error:
        print(f"Nothing was changed. {error}", file=sys.stderr)
        return 1
    except PrefectHTTPStatusError as error:
        print(f"Prefect's server answers {error.response.status_code}: {error.response.text[:300]}", file=sys.stderr)
        return 1
    return 0


async def _apply(given: argparse.Namespace) -> None:
    async with get_client() as client:
        block = await _block(client, given.notify) if given.notify else None
        deployed = [one for one in await _all_deployments(client) if "tuyahouse" in one.tags]
        if not deployed:
            raise NotDeployed("There is nothing to watch yet: run `make deploy` first.")
        wanted = plan(
            deployed,
            block,
            no_night_for=timedelta(hours=given.no_night_for),
            no_heartbeat_for=timedelta(seconds=given.no_heartbeat_for),
        )
        for one in wanted:
            print(await _make(client, one, dry_run=given.dry_run))
    if block is None:
        print("Nobody is notified of red, late and missing nights: name a notification block with --notify.")


def plan(
    deployed: Sequence[DeploymentResponse],
    block: UUID | None,
    *,
    no_night_for: timedelta,
    no_heartbeat_for: timedelta,
) -> list[AutomationCore]:
    """The automations for these deployments. Pure."""
    by_name = {one.name: one for one in deployed}
    wanted = [mark_runs_of_dead_workers({one.flow_id for one in deployed}, no_heartbeat_for)]
    if block:
        wanted += [
            tell_when_red(block, [one.id for one in deployed]),
            tell_when_late(block, [one.id for one in deployed]),
        ]
    for night in (one for name, one in by_name.items() if name.startswith("nightly-")):
        account = night.name.removeprefix("nightly-")
        if block:
            wanted.append(tell_when_no_night(account, night.id, block, no_night_for))
        if report := by_name.get("build-report"):
            wanted.append(report_after_night(account, night.id, report.id))
        if hold := by_name.get(f"hold-schedules-{account}"):
            wanted.append(hold_schedules_without_quota(account, hold.id))
    return wanted


async def _all_deployments(client: PrefectClient) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while page := await client.read_deployments(offset=len(found), limit=200):
        found += page
    return found


async def _block(client: PrefectClient, name: str) -> UUID:
    kind, _, block = name.partition("/")
    try:
        return (await client.read_block_document_by_name(block, kind)).id
    except ObjectNotFound:
        raise NotDeployed(
            f"There is no block {name!r} at the server. Create it in the UI (Blocks), or name it as TYPE/NAME, e.g. "
            "slack-webhook/operators; `prefect block ls` lists them."
        ) from None


async def _make(client: PrefectClient, wanted: AutomationCore, *, dry_run: bool) -> str:
    """Create or update one; what was done, in a line."""
    existing = next(iter(await client.read_automations_by_name(wanted.name)), None)
    if existing is None:
        if not dry_run:
            await client.create_automation(wanted)
        return f"{'would be made' if dry_run else 'made':18}{wanted.name}"
    if _says(existing) == _says(wanted):
        return f"{'as it was':18}{wanted.name}{'' if existing.enabled else ' (switched off)'}"
    if not dry_run:
        await client.update_automation(existing.id, wanted.model_copy(update={"enabled": existing.enabled}))
    return (
        f"{'would be updated' if dry_run else 'updated':18}{wanted.name}{'' if existing.enabled else ' (switched off)'}"
    )


def _says(one: Automation | AutomationCore) -> object:
    """What an automation does, without what the server adds."""
    kept = one.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    kept["trigger"].pop("id", None)
    return _sorted(kept)


def _sorted(value: Any) -> Any:
    """Sets arrive as lists in any order."""
    if isinstance(value, dict):
        return {name: _sorted(inner) for name, inner in value.items()}
    return sorted((_sorted(inner) for inner in value), key=repr) if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
