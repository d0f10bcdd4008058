"""Where units are, how many come through, and which are stuck."""

import pandas
from markupsafe import Markup

from tuyahouse.report import charts
from tuyahouse.report.markup import EMPTY, tag
from tuyahouse.report.page import Page
from tuyahouse.report.pages.intervals import waits
from tuyahouse.report.tables import Col, table

LAYERS = ("main", "moving", "third", "fourth", "fifth", "sixth")
NODES_SHOWN, DAYS_SHOWN = 12, 28


def flow(page: Page) -> Markup:
    """Work in process, throughput by shift, intervals."""
    w = page.w
    return page.section("flow", w("Flow"), _in_process(page), _throughput(page), _course(page), waits(page))


def _in_process(page: Page) -> Markup:
    w, frame = page.w, page.facts["wip_by_node"]
    name = w("Under way, by the node they are due at")
    if frame.empty:
        return page.fine(name, w("No unit is under way."))
    most = float(frame["units"].max())
    lines = [
        tag(
            "div",
            tag("p", tag("b", page.node(row)), tag("span", page.number(row.units), class_="right"), class_="line"),
            charts.bar(float(row.units), most, page.number(row.units)),
            tag("p", w("oldest waits {time}", time=page.duration(row.longest_h)), class_="note"),
            class_="entry",
        )
        for row in frame.head(NODES_SHOWN).itertuples(index=False)
    ]
    columns = [
        Col(w("Node"), page.node),
        Col(w("Units"), "units", page.number, number=True),
        Col(w("Oldest"), "longest_h", page.duration, number=True),
    ]
    return page.card(name, *lines, page.numbers(frame, columns, name))


def _throughput(page: Page) -> Markup:
    w, frame = page.w, page.facts["shifts"]
    name = w("Finished by shift, 28 days")
    if frame.empty:
        return page.card(name, page.empty(w("No unit was started or finished yet.")))
    days = _days(page)
    table_ = frame.pivot_table(index="day", columns="shift", values="finished", aggfunc="sum", fill_value=0)
    table_ = table_.reindex(days, fill_value=0)
    order = [part.partition("=")[0] for part in page.facts.settings["FACTORY_SHIFTS"].split(",")]
    shifts = sorted(
        (str(one) for one in table_.columns), key=lambda one: (order.index(one) if one in order else 99, one)
    )
    layers = [
        (LAYERS[place % len(LAYERS)], shift, [float(v) for v in table_[shift]]) for place, shift in enumerate(shifts)
    ]
    columns = [
        Col(w("Day"), "day", whole=True),
        Col(w("Shift"), "shift"),
        Col(w("Started"), "started", page.number, number=True),
        Col(w("Finished"), "finished", page.number, number=True),
    ]
    legend = page.legend(*[(kind, shift) for kind, shift, _ in layers])
    return page.card(
        name,
        legend,
        charts.columns(days, layers, name),
        page.numbers(frame.iloc[::-1], columns, name),
        note=w("The last day is still under way."),
    )


def _days(page: Page) -> list[str]:
    frame = page.facts["mart_day_summary"].tail(DAYS_SHOWN)
    return [f"{day:%Y-%m-%d}" for day in frame["factory_day"]]


def _course(page: Page) -> Markup:
    w, frame = page.w, page.facts["mart_day_summary"].tail(DAYS_SHOWN)
    if frame.empty:
        return EMPTY
    name = w("In process, 28 days")
    chart = charts.columns(
        _days(page), [("main", w("in process"), [max(float(v), 0) for v in frame["in_process"]])], name
    )
    columns = [
        Col(w("Day"), "factory_day", page.day, whole=True),
        Col(w("Started"), "started", page.number, number=True),
        Col(w("Finished"), "finished", page.number, number=True),
        Col(w("In process"), "in_process", page.number, number=True),
        Col(w("First-pass yield"), "fpy", page.percent, number=True),
    ]
    return page.card(
        name,
        chart,
        page.numbers(frame.iloc[::-1], columns, name),
        note=w("Started less finished; units that left or were scrapped stay in it."),
    )


def stuck(page: Page) -> Markup:
    """Units of which nothing was heard for long."""
    w, nodes, units = page.w, page.facts["stuck_by_node"], page.facts["stuck_units"]
    lead = w(
        "Open units without a step for {time}, up to when they were last asked. Tuya has no word for scrap: a "
        "scrapped unit ends here.",
        time=page.facts.settings["STUCK_AFTER"],
    )
    if nodes.empty:
        return page.section(
            "stuck",
            w("Stuck units"),
            page.fine(w("Stuck units"), w("No unit is stuck.")),
            lead=lead,
        )
    most = float(nodes["units"].max())
    lines = [
        tag(
            "div",
            tag("p", tag("b", page.node(row)), tag("span", page.number(row.units), class_="right"), class_="line"),
            charts.bar(float(row.units), most, page.number(row.units), "bad"),
            class_="entry",
        )
        for row in nodes.head(NODES_SHOWN).itertuples(index=False)
    ]
    columns = [
        Col(w("Unit"), "sn", whole=True),
        Col(w("Order"), "order_code", wide=True, whole=True),
        Col(w("Last node"), "last_node"),
        Col(w("Result"), "last_result", w.of, wide=True),
        Col(w("Last step"), "last_step_at", page.time, wide=True, whole=True),
        Col(w("Silent for"), "silent_h", page.duration, number=True),
        Col(w("Failed"), "failed", page.number, number=True, wide=True),
    ]
    total = int(nodes["units"].sum())
    rest = w(
        "All of them: {command}", command=f"tuyahouse export mart_stuck_unit {page.account_option} --out stuck.xlsx"
    )
    return page.section(
        "stuck",
        w("Stuck units"),
        page.card(w("By node they last were at"), *lines),
        page.card(w("Oldest"), _oldest(page, units, columns), note=rest if total > len(units) else ""),
        lead=lead,
    )


def _oldest(page: Page, units: pandas.DataFrame, columns: list[Col]) -> Markup:
    """Twenty, and the rest of what was read folded away."""
    name = page.w("Oldest")
    first = table(units.head(20), columns, name)
    if len(units) <= 20:
        return first
    return first + tag(
        "details", tag("summary", page.w("{count} more", count=len(units) - 20)), table(units.iloc[20:], columns, name)
    )
