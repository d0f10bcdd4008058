"""What the artifact of a night says beyond its counts: what is unusual, what to look at, where the report is."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.run.artifacts import shown
from tasks.run.report_place import report_page
from tasks.run.resources import Resources
from tuyahouse.sync.night import PARTS
from tuyahouse.sync.nights_compared import NIGHTS, Compared, compare
from tuyahouse.warehouse.ledgers import nights
from tuyahouse.warehouse.ledgers.nights import Night
from tuyahouse.warehouse.ledgers.runs import Summary
from tuyahouse.warehouse.marts import attention


async def in_the_morning(resources: Resources, summary: Summary) -> tuple[str, str]:
    """How the night moved things, in a sentence; and the rest of its artifact, as Markdown."""
    return await asyncio.to_thread(_in_the_morning, resources, summary)


def _in_the_morning(resources: Resources, summary: Summary) -> tuple[str, str]:
    account = resources.account
    used = resources.warehouse.slots.calls_this_month(account.name, datetime.now(UTC))
    with resources.warehouse.read() as conn:
        tonight = nights.night_of(conn, account.name, PARTS, summary.run_key)
        before = nights.newest_nights(conn, account.name, PARTS, summary.started_at, summary.run_key, NIGHTS)
        named = {
            "ended as dead letters, newest first": attention.dead_letters(conn, account.name),
            "failed their newest step, newest first": attention.failed(conn, account.name),
            "are stuck, longest first": attention.stuck(conn, account.name),
        }
    told = [
        f"{one.found:,} serial numbers {what}: {', '.join(f'{shown(sn)} ({shown(about)})' for sn, about in one.first)}"
        f"{', …' if one.found > len(one.first) else ''}"
        for what, one in named.items()
        if one.found
    ]
    parts = [
        _table(compare(tonight, before), len(before)),
        "\n".join(f"- {line}" for line in told),
        f"[The report of {shown(account.name)}]({report_page(resources)})",
    ]
    return in_words(tonight, used, account.monthly_calls), "\n\n".join(filter(None, parts))


def in_words(tonight: Night, used: int, monthly_calls: int | None) -> str:
    """``212 serial numbers moved. 3 % of the month's calls are used.``; empty if there is nothing to say."""
    moved = f"{tonight.moved:,} serial numbers moved." if tonight.moved else ""
    if not monthly_calls:
        return moved
    share = 100 * used / monthly_calls
    return " ".join(filter(None, (moved, f"{share:.{0 if share >= 1 else 1}f} % of the month's calls are used.")))


def _table(compared: Sequence[Compared], nights_before: int) -> str:
    if not compared:
        return ""
    heading = "the night before" if nights_before == 1 else f"the {nights_before} nights before"
    lines = [f"| | this night | {heading} | |", "|---|---|---|---|"]
    for one in compared:
        usual = f"{one.usual:,.0f}" + (f" ({one.least:,} to {one.most:,})" if one.least != one.most else "")
        lines.append(f"| {one.title} | {one.tonight:,} | {usual} | {f'**{one.unusual}**' if one.unusual else ''} |")
    return "\n".join(lines)
