"""The first and the last step of a night: whether the account works, and what needs attention."""

import asyncio
from datetime import UTC, datetime, timedelta

from tasks.run.artifacts import publish_note, shown
from tasks.run.resources import Resources, open_resources
from tasks.run.retries import retried_task
from tuyahouse.command_lines import flow_command
from tuyahouse.sync.access.audit import in_doubt_in_words
from tuyahouse.sync.messages.gaps import gap_in_words
from tuyahouse.warehouse.ledgers import dead_letters, drift
from tuyahouse.warehouse.marts import quality
from tuyahouse.warehouse.messages.gaps import closed_gaps, open_gaps
from tuyahouse.warehouse.serial_numbers import registry


@retried_task("authenticate")
async def authenticate(account: str, run_id: str) -> list[str]:
    """Make sure that tokens are live, so that a wrong setting shows first; returns notes for the operator.

    Raises:
        TuyaError: the login was refused; says what to change.
    """
    resources = open_resources(account)
    async with resources.tuya(run_id) as client:
        await client.sign_in()
        off = client.clock.offset_seconds
    if abs(off) < 1:
        return []
    return [f"The clock of this machine is off by {off:+.0f} s; it was corrected for the run. Set the clock (NTP)."]


@retried_task("checks")
async def check(account: str, flow: str) -> list[str]:
    """What needs a person's attention in the morning, as sentences; they are left as an artifact too."""
    resources = open_resources(account)
    findings = await asyncio.to_thread(_findings, resources)
    await publish_checks(flow, resources.account.name, findings)
    return findings


def _findings(resources: Resources) -> list[str]:
    account = resources.account.name
    with resources.warehouse.read() as conn:
        gaps = [f"Messages may be missing: {gap_in_words(gap)}" for gap in open_gaps(conn, account)]
        lately = datetime.now(UTC) - timedelta(hours=12)
        gaps += [
            f"A gap in the messages was answered by a full read: {gap_in_words(gap)}"
            for gap in closed_gaps(conn, account, lately)
        ]
        unusable = _open_dead_letters(account, dead_letters.counts(conn, account))
        in_doubt = in_doubt_in_words(conn, account, datetime.now(UTC))
        fields = [f"{field.kind}.{field.field}" for field in drift.listing(conn, account)]
        states = registry.counts(conn, account)
        amiss = quality.findings(conn, account)
    unknown = states.get("unknown", 0)
    findings = gaps + in_doubt + unusable + [quality.in_words(finding, account) for finding in amiss]
    if unknown:
        findings.append(f"{unknown:,} of {sum(states.values()):,} serial numbers are unknown to Tuya")
    if fields:
        findings.append(f"Tuya sends fields that are not documented (kept in `extra`): {', '.join(fields[:20])}")
    return findings


_REDRIVE = "`{redrive}` asks them again"
_AGAIN = {
    "sn_flows": _REDRIVE,
    "craft_line": _REDRIVE,
    "message": "`{redrive}` reads them again",
    "serial_number": "correct the file and add it again: `tuyahouse sn add -a {account} FILE`",
    "command_file": "correct the file and add it again: `tuyahouse commands add -a {account} FILE`",
    "work_order": "correct the file and add it again: `tuyahouse orders add -a {account} FILE`",
}
_LISTED = "; `tuyahouse dead-letters list -a {account} --kind {kind}` lists them"


def _open_dead_letters(account: str, counts: list[tuple[str, str, str, int, int, int]]) -> list[str]:
    """Open dead letters, one sentence a kind: how many, why, and what to do."""
    by_kind: dict[str, list[tuple[str, int]]] = {}
    for _, kind, reason, still_open, *_ in counts:
        if still_open:
            by_kind.setdefault(kind, []).append((reason, still_open))
    return [
        f"{sum(count for _, count in reasons):,} open dead letters of {kind} "
        f"({', '.join(f'{count:,} {reason}' for reason, count in reasons)}): "
        + (_AGAIN.get(kind, "the next run asks again") + _LISTED).format(
            account=account, kind=kind, redrive=flow_command("redrive_dead_letters", account, {})
        )
        for kind, reasons in by_kind.items()
    ]


async def publish_checks(flow: str, account: str, findings: list[str]) -> None:
    """Leave what needs attention as a note."""
    text = "\n".join(f"- {shown(finding)}" for finding in findings) or "Nothing to look at."
    await publish_note((flow, account, "checks"), text, f"What to look at in {shown(account)}")
