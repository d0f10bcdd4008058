"""The pipeline itself, and how the report is read."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from tuyahouse.report import charts
from tuyahouse.report.charts import Cell
from tuyahouse.report.markup import EMPTY, tag
from tuyahouse.report.page import Page
from tuyahouse.report.tables import Col, missing, table
from tuyahouse.warehouse.marts import DEFINITIONS

STATUSES = {"balanced": ("good1", "✓"), "stopped": ("good2", "·"), "running": ("waiting", "○")}


def pipeline(page: Page) -> Markup:
    """Runs, budget, gaps, dead letters, checks, drift."""
    w = page.w
    return page.section(
        "pipeline", w("Pipeline"), _nights(page), _state(page), _checks(page), _letters(page), _drift(page)
    )


def _nights(page: Page) -> Markup:
    w, runs = page.w, page.facts["newest_runs"]
    name = w("Newest runs")
    if runs.empty:
        return page.card(
            name,
            page.empty(w("There was no run yet:"), f"python -m flows nightly_sync -p account={page.facts.account}"),
        )
    nights = page.facts["nights"]
    cells = [_cell(page, row) for row in (nights if len(nights) else runs.head(28)).iloc[::-1].itertuples()]
    columns = [
        Col(w("Job"), "flow"),
        Col(w("Run key"), "run_key", wide=True, whole=True),
        Col(w("Status"), "status", lambda status: _status(page, status)),
        Col(w("Started"), "started_at", page.time, whole=True),
        Col(
            w("Took"), lambda r: None if missing(r.seconds) else page.duration(r.seconds / 3600), number=True, wide=True
        ),
        Col(w("Asked"), "asked", page.number, number=True),
        Col(w("Calls"), "calls", page.number, number=True, wide=True),
        Col(w("Note"), lambda r: r.note or None, wide=True),
    ]
    return page.card(name, charts.strip(cells, name), table(runs.head(12), columns, name))


def _cell(page: Page, row: Any) -> Cell:
    kind, sign = STATUSES.get(row.status, ("bad", "✕"))
    return Cell(kind, sign, f"{row.flow} {row.run_key}: {page.w.of(row.status)}")


def _status(page: Page, status: str) -> Markup:
    kind = {"balanced": "good", "stopped": "warn", "running": "quiet"}.get(status, "bad")
    return page.chip(kind, page.w.of(status))


def _state(page: Page) -> Markup:
    w, fresh, facts = page.w, page.facts.only("mart_freshness"), page.facts
    budget = page.number(facts.calls)
    if facts.monthly_calls:
        budget = w(
            "{calls} of {budget} ({share})",
            calls=page.number(facts.calls),
            budget=page.number(facts.monthly_calls),
            share=page.percent(facts.calls / facts.monthly_calls),
        )
    rows = [
        (w("Calls this month"), budget),
        (w("Open gaps in the messages"), page.number(fresh.get("open_gaps"))),
        (w("Open dead letters"), page.number(fresh.get("open_dead_letters"))),
        (w("Runs not balanced"), page.number(fresh.get("runs_not_balanced"))),
        (w("Orders that wait for a refresh"), page.number(fresh.get("waiting_refreshes"))),
        (w("Marts refreshed"), page.time(fresh.get("refreshed_at"))),
    ]
    bar = (
        charts.bar(min(facts.calls, facts.monthly_calls), facts.monthly_calls, budget) if facts.monthly_calls else EMPTY
    )
    return page.card(w("State"), bar, _pairs(rows))


def _pairs(rows: Sequence[tuple[Any, Any]]) -> Markup:
    return tag("dl", *[tag("div", tag("dt", name), tag("dd", value)) for name, value in rows])


def _checks(page: Page) -> Markup:
    w, found = page.w, page.facts["quality"]
    checks, rows = found.drop_duplicates("check_name"), found[found["severity"] != "info"]
    name = w("Checks of the data")
    if checks.empty:
        return page.fine(name, w("All checks found nothing."))
    kinds = {"error": "bad", "warning": "warn"}
    columns = [
        Col(w("Check"), "check_name", w.of),
        Col(w("Severity"), "severity", lambda one: page.chip(kinds.get(one, "quiet"), w.of(one))),
        Col(w("Rows"), "found", page.number, number=True),
        Col(w("For example"), "key", wide=True),
    ]
    detail = [
        Col(w("Check"), "check_name", w.of),
        Col(w("Order"), "order_code", whole=True),
        Col(w("Which"), "key"),
        Col(w("What"), "what"),
    ]
    more = tag(
        "details",
        tag("summary", w("Rows of errors and warnings")),
        table(rows, detail, w("Rows of errors and warnings")),
    )
    return page.card(name, table(checks, columns, name), more if len(rows) else EMPTY)


def _letters(page: Page) -> Markup:
    w, frame = page.w, page.facts["dead_letters"]
    name = w("Open dead letters")
    if frame.empty:
        return page.fine(name, w("No dead letter is open."))
    columns = [
        Col(w("Kind"), "kind"),
        Col(w("Reason"), "reason"),
        Col(w("Rows"), "found", page.number, number=True),
        Col(w("Newest"), "last_seen_at", page.time, wide=True),
    ]
    return page.card(name, table(frame, columns, name), note=f"tuyahouse dead-letters list {page.account_option}")


def _drift(page: Page) -> Markup:
    w, frame = page.w, page.facts["drift"]
    if frame.empty:
        return EMPTY
    columns = [
        Col(w("Kind"), "kind"),
        Col(w("Field"), "field"),
        Col(w("Answers"), "answers", page.number, number=True),
        Col(w("First seen"), "first_seen_at", page.time, wide=True),
    ]
    return page.card(
        w("Fields beyond Tuya's documentation"), table(frame, columns, w("Fields beyond Tuya's documentation"))
    )


def how_to_read(page: Page) -> Markup:
    """Definitions, warnings, the settings in force."""
    w = page.w
    meanings = [
        (
            w("First-pass yield"),
            w(
                "Units whose first attempt at a node passed, of those that passed or failed. A unit counts on "
                "the day of its first attempt."
            ),
        ),
        (w("Rolled yield"), w("The product of the first-pass yields of all nodes of a line.")),
        (w("Clean"), w("Finished without a failure, a repeat or an erased step.")),
        (w("In process"), w("Started and not finished. It stands at the node it is due at next.")),
        (
            w("Stuck"),
            w(
                "Open, and nothing was heard of it for STUCK_AFTER up to when it was last asked. A unit that "
                "was not asked is stale, not stuck."
            ),
        ),
        (
            w("overdue, late"),
            w("Overdue: the due time is past. Late: at the present pace it will pass. Both need a plan."),
        ),
        (
            w("Factory day"),
            w("A local day that begins with the first shift. A night shift belongs to the day on which it began."),
        ),
        (
            w("Out of control"),
            w(
                "The day lies outside of three standard deviations of the 28 days before, widened where days "
                "vary beyond chance (Laney p′)."
            ),
        ),
        (
            w("Erased"),
            w("A step that Tuya showed once and no longer shows. A reset hides a failure; it still counts here."),
        ),
        (w("Numbers that grow"), w("Yields of the last days still grow: units go on being tested.")),
    ]
    rows: list[tuple[Any, Any]] = [(tag("code", name), value) for name, value in page.facts.settings.items()]
    rows.append((w("Definitions"), str(DEFINITIONS)))
    return page.section(
        "reading",
        w("How to read it"),
        page.card(w("Words"), _pairs(meanings), kind="full"),
        page.card(w("Settings in force"), _pairs(rows)),
    )
