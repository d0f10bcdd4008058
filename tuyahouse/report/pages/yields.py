"""Yield of nodes and lines; failures and rework."""

from typing import Any

import pandas
from markupsafe import Markup

from tuyahouse.report import charts
from tuyahouse.report.charts import Bar, Point
from tuyahouse.report.markup import EMPTY, tag
from tuyahouse.report.page import Page
from tuyahouse.report.pages.intervals import loops
from tuyahouse.report.tables import Col, missing, table

CHARTS, DAYS_SHOWN = 48, 28


def yields(page: Page) -> Markup:
    """A control chart a node, those out of control first; every node with its numbers; lines."""
    w, control = page.w, page.facts["mart_control"]
    title = w("Yield")
    if control.empty:
        return page.nothing(
            "yield",
            title,
            page.no_steps(
                w("No node has recorded a result yet. Steps come with a night:"),
                f"python -m flows nightly_sync -p account={page.facts.account}",
            ),
        )
    by_node = [
        ((str(line), str(node)), rows)
        for (line, node), rows in control.groupby(["craft_line_code", "node"], dropna=False)
    ]
    failed = {(str(r.craft_line_code), str(r.node)): int(r.first_failed) for r in page.facts["node_yield"].itertuples()}
    today = control["factory_day"].max()
    by_node.sort(key=lambda one: (-_outs(one[1], today), -failed.get(one[0], 0), one[0]))
    shown = [_chart(page, rows) for _, rows in by_node[:CHARTS]]
    out = [key for key, rows in by_node if _outs(rows, today)]
    lead = w(
        "First-pass yield: first attempts that passed. A point outside of its band is news; within it, days "
        "differ by chance."
    )
    state = page.card(
        w("{count} of {all} nodes out of control in 7 days", count=len(out), all=len(by_node)),
        page.legend(("band", w("limits")), ("mean", w("mean of 28 days")), ("out", w("out of control"))),
        note=w("{count} more nodes are in the table.", count=len(by_node) - CHARTS) if len(by_node) > CHARTS else "",
        kind="full",
    )
    return page.section(
        "yield", title, state, tag("div", *shown, class_="charts full"), _nodes(page), _lines(page), lead=lead
    )


def _outs(rows: pandas.DataFrame, today: Any) -> int:
    return int(rows[rows["factory_day"] > today - pandas.Timedelta(days=7)]["is_out"].sum())


def _chart(page: Page, rows: pandas.DataFrame) -> Markup:
    w, newest = page.w, rows.sort_values("factory_day").tail(DAYS_SHOWN)
    row = newest.iloc[-1]
    points = [_point(page, one) for one in newest.itertuples()]
    mean = None if missing(row["mean"]) else float(row["mean"])
    name = page.node(row)
    chart = charts.control(points, mean, w("First-pass yield of {node}", node=name))
    columns = [
        Col(w("Day"), "factory_day", page.day, whole=True),
        Col(w("Units"), "units", page.number, number=True),
        Col(w("Yield"), lambda one: page.share(one.share, one.units), number=True),
        Col(w("Limits"), lambda one: None if missing(one.lower) else f"{one.lower:.1%} – {one.upper:.1%}", number=True),
    ]
    told = (
        w("No limits yet: they need eight days with units.")
        if mean is None
        else w("mean {share}", share=page.percent(mean))
    )
    is_out = bool(newest.tail(7)["is_out"].any())
    return page.card(
        name,
        page.chip("bad", w("out of control")) if is_out else EMPTY,
        chart,
        page.numbers(newest.iloc[::-1], columns, name),
        note=told,
        kind="" if is_out else "calm",
    )


def _point(page: Page, one: Any) -> Point:
    def value(cell: Any) -> float | None:
        return None if missing(cell) else float(cell)

    day = f"{one.factory_day:%Y-%m-%d}"
    title = f"{day}: {page.percent(one.share)}, {page.w('{count} units', count=page.number(one.units))}"
    return Point(day, value(one.share), value(one.lower), value(one.upper), bool(one.is_out), title)


def _nodes(page: Page) -> Markup:
    w, frame = page.w, page.facts["node_yield"]
    if frame.empty:
        return EMPTY
    sums = frame.assign(
        fpy=(frame["first_passed"] / (frame["first_passed"] + frame["first_failed"])).astype("Float64"),
        final=((frame["first_passed"] + frame["recovered"]) / frame["units"]).astype("Float64"),
        rework=(frame["repeated"] / frame["units"]).astype("Float64"),
        load=(frame["attempts"] / frame["units"]).astype("Float64"),
    ).sort_values(["fpy", "craft_line_code", "node"])
    columns = [
        Col(w("Node"), page.node),
        Col(w("Units"), "units", page.number, number=True),
        Col(w("First-pass yield"), lambda row: page.share(row.fpy, row.units), number=True),
        Col(w("Final yield"), lambda row: page.share(row.final, row.units), number=True, wide=True),
        Col(w("Reworked"), lambda row: page.share(row.rework, row.units), number=True),
        Col(w("Attempts a unit"), lambda row: "–" if missing(row.load) else f"{row.load:.2f}", number=True, wide=True),
    ]
    return page.card(
        w("All nodes, 28 days"), table(sums, columns, w("All nodes, 28 days")), note=w("Grey: fewer than 30 units.")
    )


def _lines(page: Page) -> Markup:
    w, frame = page.w, page.facts["mart_line_yield"]
    moving = page.facts["mart_order"]
    recent = frame.merge(moving[["order_code", "last_step_at", "progress"]], on="order_code")
    recent = recent.sort_values(["last_step_at", "order_code"], ascending=[False, True], na_position="last").head(40)
    if recent.empty:
        return EMPTY
    columns = [
        Col(w("Order"), "order_code", whole=True),
        Col(w("Craft line"), "craft_line_code", wide=True),
        Col(w("Rolled yield"), "rty_so_far", page.percent, number=True),
        Col(w("Clean"), lambda row: page.share(row.clean_share, row.finished), number=True),
        Col(w("Nodes measured"), lambda row: f"{row.nodes_measured} / {row.nodes}", number=True, wide=True),
    ]
    note = w(
        "Rolled yield is the product of all nodes' first-pass yields; clean is what share of finished units "
        "truly had no failure and no repeat."
    )
    return page.card(w("Lines, by order"), table(recent, columns, w("Lines, by order")), note=note)


def failures(page: Page) -> Markup:
    """Where units fail first, what goes back, what was reworked most."""
    w, worst = page.w, page.facts["mart_pareto"].sort_values("place")
    title = w("Failures and rework")
    if worst.empty:
        chart = page.relief(w("No unit failed at first in 28 days."))
    else:
        bars = [
            Bar(
                page.node(row),
                float(row.first_failed),
                f"{page.number(row.first_failed)} ({page.percent(row.first_fail_share)})",
                float(row.cumulative_share),
            )
            for row in worst.head(10).itertuples(index=False)
        ]
        chart = charts.pareto(bars, w("Nodes by first failures of 28 days"))
    columns = [
        Col("#", "place", page.number, number=True),
        Col(w("Node"), page.node),
        Col(w("First failures"), "first_failed", page.number, number=True),
        Col(w("of its units"), lambda row: page.share(row.first_fail_share, row.units), number=True),
        Col(w("of all, so far"), "cumulative_share", page.percent, number=True),
    ]
    pareto = page.card(
        w("Nodes by first failures of 28 days"),
        chart,
        EMPTY if worst.empty else page.numbers(worst, columns, w("Nodes by first failures of 28 days")),
        note=w(
            "Bars: units whose first attempt failed (share of the node's units). Line: how much of all failures "
            "they are together. Tuya sends no failure code."
        ),
    )
    return page.section("failures", title, pareto, loops(page), _reworked(page))


def _reworked(page: Page) -> Markup:
    w, frame = page.w, page.facts["rework_units"]
    name = w("Units reworked most")
    if frame.empty:
        return page.fine(name, w("No unit was reworked."))
    columns = [
        Col(w("Unit"), "sn", whole=True),
        Col(w("Order"), "order_code", wide=True, whole=True),
        Col(w("State"), "state", w.of),
        Col(w("Failed"), "failed", page.number, number=True),
        Col(w("Repeats"), "repeats", page.number, number=True),
        Col(w("Erased"), "erased", page.number, number=True),
        Col(w("Last node"), "last_node", wide=True),
    ]
    return page.card(name, table(frame.head(20), columns, name))
