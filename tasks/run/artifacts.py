"""Artifacts of a run in the Prefect UI: a table of its outcome, and a note if the operator has to act.

Prefect renders descriptions, notes and the cells of tables as Markdown. Foreign text is escaped here, once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect.artifacts import Artifact, acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact

from tasks.run.flow import AGAIN
from tuyahouse.command_lines import goes_on_anew
from tuyahouse.foreign_text import markdown_lines
from tuyahouse.logs import redact
from tuyahouse.outcome import COUNTS, Outcome
from tuyahouse.redaction import SECRETS
from tuyahouse.verdict import GREEN
from tuyahouse.warehouse.ledgers.runs import Summary

LONGEST_CELL = 5_000
"""Characters of a text in a cell of a table; the warehouse has the whole."""


def artifact_key(*parts: str) -> str:
    """The key of an artifact: Prefect allows lower-case letters, digits and dashes."""
    text = "-".join(filter(None, parts)).lower()
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in text)


def shown(text: str) -> str:
    """Foreign text as part of a description or note: without secrets, then escaped line by line."""
    return markdown_lines(redact(text))


async def publish_table(key: Sequence[str], rows: Sequence[Mapping[str, Any]], description: str) -> None:
    """Publish a table artifact. Texts in cells are redacted and escaped; ``description`` is Markdown."""
    table = [{name: _cell(value) for name, value in row.items()} for row in rows]
    await acreate_table_artifact(key=artifact_key(*key), table=table, description=redact(description))


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return markdown_lines(SECRETS.beginning(str(value), LONGEST_CELL))


async def publish_note(key: Sequence[str], text: str, description: str) -> None:
    """Publish a Markdown artifact; ``text`` and ``description`` are Markdown."""
    await acreate_markdown_artifact(key=artifact_key(*key), markdown=redact(text), description=redact(description))


async def publish_link(key: Sequence[str], link: str, text: str) -> None:
    """Publish a link, shown as ``text``."""
    await acreate_link_artifact(link, redact(text), artifact_key(*key), shown(text))


async def publish_outcome(
    summary: Summary, verdict: str, parts: Sequence[Summary] = (), more: str = "", came_to: Sequence[str] = ()
) -> None:
    """Publish the counts of a run, green or red, as a table; a run that is made of parts has a column for each.

    The description begins with the verdict, what the strategy ``came_to``, what is wrong and what to do; ``more`` is
    Markdown. All nine counts are rows, unless all are zero.
    """
    columns = {part.flow: part.outcome for part in (*parts, *_own(summary))} if parts else {"value": summary.outcome}
    counted = COUNTS if any(one != Outcome() for one in columns.values()) else ()
    rows = [{"count": name} | {title: getattr(one, name) for title, one in columns.items()} for name in counted]
    wrong = (shown(summary.note), _what_to_do(summary))
    said = (f"**{verdict}**", *map(shown, came_to), *wrong, more, _title(summary))
    await publish_table(
        (summary.flow, summary.account),
        rows,
        "\n\n".join(filter(None, said)),
    )


def _title(summary: Summary) -> str:
    return f"{summary.flow} of {shown(summary.account)}, run key {shown(summary.run_key)}: {summary.status}"


def _what_to_do(summary: Summary) -> str:
    """How to continue a red run; empty for others."""
    green = summary.status in GREEN
    return "" if green or goes_on_anew(summary.note) else f"{AGAIN}{shown(summary.run_key)}"


def _own(summary: Summary) -> Sequence[Summary]:
    """The run itself as a part, if it made calls of its own (for its login)."""
    return [summary] if summary.outcome != Outcome() else []


async def publish_failure(summary: Summary) -> None:
    """Publish a note that says what happened and what to do next."""
    advice = (
        "What was answered until then is in the warehouse. When that is fixed, press Retry, or start "
        f"`{summary.flow}` again with run_key={shown(summary.run_key)}: it continues where it stopped and asks nothing "
        "twice."
    )
    said = [f"# Red: {summary.flow} of {shown(summary.account)}", shown(summary.note)]
    more = [] if goes_on_anew(summary.note) else [advice]
    await _publish_note(summary.flow, summary.account, "\n\n".join([*said, *more]))


async def publish_refusal(flow: str, account: str, run_key: str, why: str) -> None:
    """Publish a note on a run that did not begin."""
    await _publish_note(
        flow,
        account,
        f"# Red: {flow} of {shown(account or 'no account')} did not begin\n\n{shown(why)}\n\n"
        f"When that is fixed, press Retry, or start `{flow}` again with run_key={shown(run_key)}.",
    )


_RESOLVED = "# Resolved"


async def resolve_note(summary: Summary) -> None:
    """Replace the newest note of this flow and account, if there is one, by the news that its cause is gone."""
    newest = await Artifact.aget(artifact_key(summary.flow, summary.account, "note"))
    if newest is not None and not str(newest.data).startswith(_RESOLVED):
        text = f"{_RESOLVED}\n\nThe run with the run key {shown(summary.run_key)} ended well ({summary.status})."
        await _publish_note(summary.flow, summary.account, text)


async def _publish_note(flow: str, account: str, text: str) -> None:
    await publish_note(
        (flow, account, "note"),
        text,
        f"What happened in {flow} of {shown(account or 'no account')}, and what to do next",
    )
