"""What the checks of ``mart_quality`` found, by check and with some of their rows, for the note of a night."""

from typing import NamedTuple

from sqlalchemy import Connection, text

NAMED = 3
"""Rows that a sentence names; the view holds all."""

_SAID_ELSEWHERE = ("run_unbalanced", "undocumented_field")
"""The state of a run says so itself, and a night's note names the fields."""


class Finding(NamedTuple):
    """A check that found something: how many rows, and the first of them as (work order, key, what)."""

    check: str
    severity: str
    found: int
    rows: list[tuple[str | None, str, str | None]]


def findings(conn: Connection, account: str) -> list[Finding]:
    """Errors first, then warnings; what is only information stays in the view."""
    wanted = text(
        """
        SELECT check_name, severity, order_code, key, what, found FROM (
            SELECT q.*, COUNT(*) OVER (PARTITION BY check_name) AS found,
                ROW_NUMBER() OVER (PARTITION BY check_name ORDER BY order_code, key, what) AS place
            FROM mart_quality q WHERE account = :account AND severity <> 'info') named
        WHERE place <= :named ORDER BY severity, check_name, place"""
    )
    found: dict[str, Finding] = {}
    for row in conn.execute(wanted, {"account": account, "named": NAMED}):
        if row.check_name not in _SAID_ELSEWHERE:
            one = found.setdefault(row.check_name, Finding(row.check_name, row.severity, row.found, []))
            one.rows.append((row.order_code, row.key, row.what))
    return list(found.values())


def in_words(finding: Finding, account: str) -> str:
    """The finding in a sentence that names rows."""
    named = ", ".join(
        (key if order in (None, key) else f"{key} of {order}") + (f" ({what})" if what else "")
        for order, key, what in finding.rows
    )
    more = finding.found - len(finding.rows)
    return (
        f"{finding.severity.capitalize()} {finding.check}: {finding.found:,} rows, {named}"
        f"{f' and {more:,} more' if more else ''}. All of them: "
        f"`tuyahouse export mart_quality -a {account} --out quality.xlsx --where check_name={finding.check}`"
    )
