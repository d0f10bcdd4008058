"""What a run leaves in the Prefect UI: a table of its outcome, and a note when the operator has to act."""

from collections.abc import Sequence

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from tuyahouse.outcome import COUNTS
from tuyahouse.sync.serial_numbers.register import KIND, IntakeOutcome
from tuyahouse.warehouse.ledgers.runs import Summary

REFUSALS_TOLD = 5
"""Refused rows that a run's note names; its artifact has more of them, ops_dead_letter all."""


def artifact_key(*parts: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    text = "-".join(parts).lower()
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in text)


async def publish_outcome(summary: Summary, parts: Sequence[Summary] = ()) -> None:
    """Leave the run's counts as a table artifact, one row a count; of a run that is made of parts, a column a part."""
    columns = {part.flow: part.outcome for part in parts} or {"value": summary.outcome}
    rows = [{"count": name} | {title: getattr(one, name) for title, one in columns.items()} for name in COUNTS]
    await acreate_table_artifact(
        key=artifact_key(summary.flow, summary.account),
        table=rows,
        description=f"**{summary.flow}** of `{summary.account}`, run key `{summary.run_key}`: **{summary.status}**\n\n{summary.note}",
    )


async def publish_intake(account: str, taken: IntakeOutcome) -> str:
    """Leave the refused rows as a table artifact; returns the counts in one sentence, and some refused rows."""
    told = (
        f"{taken.read:,} rows read: {taken.added:,} serial numbers added, {taken.known:,} known, "
        f"{taken.duplicates:,} twice, {taken.blank:,} blank, {taken.refused_count:,} refused."
    )
    if taken.refused_count:
        told += f" Each refused row is in ops_dead_letter (kind {KIND}) with its reason; the first:"
        told += "".join(f"\n- {one.place}: {one.value!r}: {one.reason}" for one in taken.refused[:REFUSALS_TOLD])
    rows = [{"where": refusal.place, "value": refusal.value, "why": refusal.reason} for refusal in taken.refused]
    await acreate_table_artifact(key=artifact_key("serial-numbers", account), table=rows, description=told)
    return told


async def publish_checks(flow: str, account: str, findings: list[str]) -> None:
    """Leave what a person should look at as a note."""
    text = "\n".join(f"- {finding}" for finding in findings) or "Nothing to look at."
    await acreate_markdown_artifact(
        key=artifact_key(flow, account, "checks"), markdown=text, description=f"What to look at in {account}"
    )


async def publish_failure(summary: Summary) -> None:
    """Leave a note that tells what happened and what to do next."""
    await acreate_markdown_artifact(
        key=artifact_key(summary.flow, summary.account, "note"),
        markdown=f"# {summary.flow} of {summary.account}: {summary.status}\n\n{summary.note}\n\n"
        f"What was answered until then is in the warehouse. When that is mended, start `{summary.flow}` again with "
        f"`run_key={summary.run_key}`: it goes on where it stopped and asks nothing twice.",
        description=f"What happened in {summary.flow} of {summary.account}, and what to do next",
    )
