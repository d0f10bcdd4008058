"""What a run leaves in the Prefect UI: a table of its outcome, and a note when the operator has to act."""

from collections.abc import Sequence

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from tuyahouse.outcome import COUNTS
from tuyahouse.warehouse.ledgers.runs import Summary


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


async def publish_failure(summary: Summary) -> None:
    """Leave a note that tells what happened and what to do next."""
    await acreate_markdown_artifact(
        key=artifact_key(summary.flow, summary.account, "note"),
        markdown=f"# {summary.flow} of {summary.account}: {summary.status}\n\n{summary.note}\n\n"
        f"What was answered until then is in the warehouse. When that is mended, start `{summary.flow}` again with "
        f"`run_key={summary.run_key}`: it goes on where it stopped and asks nothing twice.",
        description=f"What happened in {summary.flow} of {summary.account}, and what to do next",
    )
