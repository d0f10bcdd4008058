"""The first screen: how fresh it is, four numbers, what is worst. A phone shows nothing above it."""

from typing import Any

import pandas
from markupsafe import Markup

from tuyahouse.report import charts
from tuyahouse.report.markup import EMPTY, join, tag
from tuyahouse.report.page import Page
from tuyahouse.report.pages.orders import late_first, no_orders, order_line
from tuyahouse.report.tables import Col, missing, table

OLD_AFTER_H = 36
"""A source that nobody has read for so long is called old: a night was left out."""


def masthead(page: Page) -> Markup:
    """The account, the present of the report, how fresh each source is and how the last night went."""
    w, facts = page.w, page.facts
    title = tag("h1", facts.account)
    if facts.as_of is None:
        return tag("header", title, tag("p", w("No data yet"), class_="asof"), class_="top")
    present = w("As of {time} ({zone})", time=page.time(facts.as_of), zone=facts.zone.key)
    return tag(
        "header", title, tag("p", present, class_="asof"), tag("p", *_lights(page), class_="lights"), class_="top"
    )


def _lights(page: Page) -> list[Markup]:
    w, fresh = page.w, page.facts.only("mart_freshness")
    sources = (
        (w("Steps"), "steps_as_of"),
        (w("Devices"), "devices_as_of"),
        (w("Commands"), "commands_as_of"),
        (w("Messages"), "messages_as_of"),
    )
    lights = [_light(page, name, fresh.get(column)) for name, column in sources]
    runs, nights = page.facts["newest_runs"], page.facts["nights"]
    newest = nights if len(nights) else runs
    if len(newest):
        status = str(newest.iloc[0].status)
        kind = {"balanced": "good", "running": "quiet", "stopped": "warn"}.get(status, "bad")
        lights.append(page.chip(kind, f"{w('Last night') if len(nights) else newest.iloc[0].flow}: {w.of(status)}"))
    return lights


def _light(page: Page, name: str, at: Any) -> Markup:
    if missing(at):
        return page.chip("quiet", f"{name}: {page.w('not read')}")
    hours = (page.facts.as_of - at).total_seconds() / 3600 if page.facts.as_of else 0
    kind = "good" if hours <= OLD_AFTER_H else "warn"
    return page.chip(kind, f"{name} {at.astimezone(page.facts.zone):%m-%d %H:%M}")


def today(page: Page) -> Markup:
    """Four numbers, three orders, three nodes, what is stuck; what changed."""
    w = page.w
    return tag(
        "section",
        tag("div", *_tiles(page), class_="tiles"),
        tag("div", _worst_orders(page), _worst_nodes(page), _stuck(page), _changes(page), class_="cards"),
        id="today",
        aria_label=w("Today"),
    )


def _tiles(page: Page) -> list[Markup]:
    """Of the newest workday that has ended, against the workday before it: a day under way would look like a fall."""
    w, days = page.w, page.facts["mart_day_summary"]
    ended = days[days["is_workday"].fillna(False) & (days["factory_day"] < days["factory_day"].max())].tail(14)
    if ended.empty:
        return [
            tag(
                "div",
                page.empty(w("No factory day has ended yet. Numbers come with the first whole day.")),
                class_="tile",
            )
        ]
    last, before = ended.iloc[-1], (ended.iloc[-2] if len(ended) > 1 else None)
    against = w("against {day}", day=page.day(before.factory_day)) if before is not None else w("no day before it")
    made = [
        _tile(
            page,
            w("Finished"),
            page.number(last.finished),
            _difference(page, last, before, "finished"),
            against,
            charts.spark([float(v) for v in ended["finished"]], w("Finished, 14 workdays")),
        ),
        _tile(
            page,
            w("First-pass yield"),
            page.percent(last.fpy),
            _difference(page, last, before, "fpy"),
            against,
            charts.spark([None if missing(v) else float(v) for v in ended["fpy"]], w("First-pass yield, 14 workdays")),
        ),
        _tile(
            page,
            w("In process"),
            page.number(last.in_process),
            _difference(page, last, before, "in_process"),
            against,
            charts.spark([float(v) for v in ended["in_process"]], w("In process, 14 workdays")),
        ),
        _late_tile(page),
    ]
    heading = tag("p", w("{day}, the last whole workday", day=page.day(last.factory_day)), class_="when")
    so_far = days.iloc[-1]
    if so_far.finished:
        heading += tag(
            "p", w("Today so far: {count} finished", count=page.number(so_far.finished)), class_="when so-far"
        )
    return [heading, *made]


def _tile(page: Page, name: str, value: str, difference: Markup, against: str, picture: Markup) -> Markup:
    return tag(
        "div",
        tag("p", name, class_="name"),
        tag("p", value, class_="value"),
        tag("p", difference, tag("span", against, class_="against"), class_="difference"),
        picture,
        class_="tile",
    )


def _difference(page: Page, last: Any, before: Any, column: str) -> Markup:
    """An arrow and by how much. More work in process is neither good nor bad; the others are."""
    if before is None or missing(last[column]) or missing(before[column]):
        return tag("b", "–")
    change = float(last[column]) - float(before[column])
    shown = f"{abs(change) * 100:.1f} {page.w('points')}" if column == "fpy" else f"{abs(change):,.0f}"
    if abs(change) < (0.0005 if column == "fpy" else 0.5):
        return tag("b", "=", class_="same")
    kind = "same" if column == "in_process" else ("up" if change > 0 else "down")
    return tag("b", f"{'▲' if change > 0 else '▼'} {shown}", class_=kind)


def _late_tile(page: Page) -> Markup:
    w, orders = page.w, page.facts["mart_order"]
    late = orders[orders["progress"].isin(("overdue", "late"))]
    planned = orders["due_at"].notna().any()
    yesterday = pandas.Timestamp(page.facts.as_of) - pandas.Timedelta(days=1)
    new = late[(late["due_at"] > yesterday) & (late["progress"] == "overdue")]
    if not planned:
        return _tile(page, w("Late orders"), "–", EMPTY, w("no plan loaded"), EMPTY)
    difference = tag("b", f"▲ {len(new)}" if len(new) else "0", class_="down" if len(new) else "same")
    under = tag("p", w("{count} overdue in all", count=int((orders["progress"] == "overdue").sum())), class_="under")
    return _tile(page, w("Late orders"), page.number(len(late)), difference, w("newly overdue"), under)


def _worst_orders(page: Page) -> Markup:
    w, orders = page.w, page.facts["mart_order"]
    under_way = late_first(orders[~orders["progress"].isin(("finished", "not_started"))])
    if orders.empty:
        return page.card(w("Orders behind"), no_orders(page))
    behind = under_way[under_way["progress"].isin(("overdue", "late", "stalled"))]
    shown = behind if len(behind) else under_way
    lines = [order_line(page, row) for row in shown.head(3).itertuples(index=False)]
    if not lines:
        lines = [page.relief(w("No order is under way."))]
    note = w("{count} more", count=len(behind) - 3) if len(behind) > 3 else ""
    more = tag("p", tag("a", note or w("All orders"), href="#orders"), class_="more")
    return page.card(w("Orders behind") if len(behind) else w("Orders under way"), *lines, more)


def _worst_nodes(page: Page) -> Markup:
    w, worst = page.w, page.facts["mart_pareto"].sort_values("place").head(3)
    if worst.empty:
        return page.fine(w("Nodes that fail most"), w("No unit failed at first in 28 days."))
    control = page.facts["mart_control"]
    newest = control[control["factory_day"] == control["factory_day"].max()] if len(control) else control
    out = {(row.craft_line_code, row.node) for row in newest.itertuples() if row.is_out}
    most = float(worst["first_failed"].max())
    lines = []
    for row in worst.itertuples(index=False):
        shown = w(
            "{share} of {units} units failed at first",
            share=page.percent(row.first_fail_share),
            units=page.number(row.units),
        )
        alarm = page.chip("bad", w("out of control")) if (row.craft_line_code, row.node) in out else EMPTY
        lines.append(
            tag(
                "div",
                tag(
                    "p",
                    tag("b", page.node(row)),
                    tag("span", page.number(row.first_failed), class_="right"),
                    class_="line",
                ),
                charts.bar(float(row.first_failed), most, shown, "warn"),
                tag("p", shown, " ", alarm, class_="note"),
                class_="entry",
            )
        )
    return page.card(
        w("Nodes that fail most"), *lines, tag("p", tag("a", w("All failures"), href="#failures"), class_="more")
    )


def _stuck(page: Page) -> Markup:
    w, nodes = page.w, page.facts["stuck_by_node"]
    if nodes.empty:
        return page.fine(w("Stuck units"), w("No unit is stuck."))
    total, most = int(nodes["units"].sum()), float(nodes["units"].max())
    lines = [
        tag(
            "div",
            tag("p", tag("b", page.node(row)), tag("span", page.number(row.units), class_="right"), class_="line"),
            charts.bar(float(row.units), most, str(row.units), "bad"),
            tag("p", w("longest silent for {time}", time=page.duration(row.longest_h)), class_="note"),
            class_="entry",
        )
        for row in nodes.head(3).itertuples(index=False)
    ]
    more = tag("p", tag("a", w("Oldest of them"), href="#stuck"), class_="more")
    return page.card(w("Stuck units: {count}", count=page.number(total)), *lines, more)


def _changes(page: Page) -> Markup:
    """What is new in 24 hours: counts, and on a desktop the newest ones."""
    w, counts = page.w, page.facts["changes"]
    if counts.empty:
        return page.fine(w("New in 24 hours"), w("Nothing changed."))
    items = [
        tag("li", tag("b", page.number(row.found)), f" × {w.of(row.kind)}") for row in counts.itertuples(index=False)
    ]
    columns = [
        Col(w("When"), "at", page.time, whole=True),
        Col(w("What"), "kind", w.of),
        Col(w("Which"), "key"),
        Col(w("More"), lambda row: None if row.kind == "drift" else row.what),
    ]
    newest = page.facts["newest_changes"]
    rows = tag("details", tag("summary", w("Newest of them")), table(newest, columns, w("New in 24 hours")))
    return page.card(w("New in 24 hours"), tag("ul", join(items), class_="counts"), rows)
