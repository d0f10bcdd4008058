"""Work orders, worst first: how far each is, when it will be done, when it is due."""

from typing import Any

import pandas
from markupsafe import Markup

from tuyahouse.report import charts
from tuyahouse.report.charts import Part
from tuyahouse.report.markup import EMPTY, tag
from tuyahouse.report.page import Page
from tuyahouse.report.tables import Col, missing, table

WORST = ("overdue", "late", "stalled", "too_early", "running", "on_time", "not_started", "finished")
KINDS = {"overdue": "bad", "late": "bad", "stalled": "warn", "on_time": "good", "finished": "good"}
ROWS = 200


def late_first(orders: pandas.DataFrame) -> pandas.DataFrame:
    """Those behind their plan by how many units are missing, then the others by how bad it is."""
    place = orders["progress"].map({name: max(place, 1) for place, name in enumerate(WORST)})
    return orders.assign(place=place, missing=orders["target"] - orders["finished"]).sort_values(
        ["place", "missing", "due_at", "order_code"], ascending=[True, False, True, True], na_position="last"
    )


def order_line(page: Page, row: Any) -> Markup:
    """An order in a few lines: name, bar, what will be."""
    w = page.w
    name = tag(
        "p",
        tag("b", row.order_code),
        EMPTY if missing(row.product) else tag("span", f" {row.product}", class_="dim"),
        tag("span", progress(page, row), class_="right"),
        class_="line",
    )
    told = w("{finished} of {target}", finished=page.number(row.finished), target=page.number(row.target))
    parts = [told, forecast(page, row)]
    return tag("div", name, bar(page, row), tag("p", " · ".join(filter(None, parts)), class_="note"), class_="entry")


def progress(page: Page, row: Any) -> Markup:
    return page.chip(KINDS.get(row.progress, "quiet"), page.w.of(row.progress))


def bar(page: Page, row: Any) -> Markup:
    """Finished, under way, stuck, waiting; what is planned beyond that stays empty."""
    w = page.w
    moving = row.open - row.stuck
    counted = row.finished + row.open + row.waiting
    planned = max(int(row.target) - int(counted), 0)
    parts = [
        ("main", row.finished, w("finished")),
        ("moving", moving, w("under way")),
        ("bad", row.stuck, w("stuck")),
        ("waiting", row.waiting, w("waiting")),
        ("rest", planned, w("not registered")),
    ]
    label = ", ".join(f"{name} {page.number(value)}" for _, value, name in parts if value)
    return charts.stacked([Part(kind, float(value), f"{name}: {value:,}") for kind, value, name in parts], label)


def forecast(page: Page, row: Any) -> str:
    """Due when, done when by the pace of the last workdays."""
    w = page.w
    due = "" if missing(row.due_at) else w("due {day}", day=page.day(row.due_at.astimezone(page.facts.zone)))
    done = "" if missing(row.forecast_on) else w("at this pace {day}", day=page.day(row.forecast_on))
    return " · ".join(filter(None, (due, done)))


def no_orders(page: Page) -> Markup:
    """What stands where work orders would, of an account that has none."""
    return page.no_steps(
        page.w("No work order is known yet. Register serial numbers, then run a night:"),
        f"tuyahouse sn add {page.account_option} units.csv",
    )


def orders(page: Page) -> Markup:
    """All orders under way and those that ended last."""
    w, frame = page.w, late_first(page.facts["mart_order"])
    if frame.empty:
        return page.nothing("orders", w("Work orders"), no_orders(page))
    under_way = frame[frame["progress"] != "finished"]
    ended = frame[frame["progress"] == "finished"].sort_values("last_finished_at", ascending=False)
    shown = pandas.concat([under_way, ended]).head(ROWS)
    hints = []
    if not frame["due_at"].notna().any():
        hints.append(
            page.card(
                w("No plan loaded"),
                page.empty(
                    w(
                        "Nobody knows how many units are planned and when they are due. Load a file with "
                        "order_code, planned_units, due_at, product:"
                    ),
                    f"tuyahouse orders add {page.account_option} orders.csv",
                ),
                kind="hint",
            )
        )
    unknown = _unknown(page)
    lines = [order_line(page, row) for row in under_way.head(12).itertuples(index=False)]
    more = (
        w("{count} more in the table on a wide screen and on paper", count=len(under_way) - 12)
        if len(under_way) > 12
        else ""
    )
    legend = page.legend(
        ("main", w("finished")),
        ("moving", w("under way")),
        ("bad", w("stuck")),
        ("waiting", w("waiting")),
        ("rest", w("not registered")),
    )
    phone = page.card(w("{count} under way", count=len(under_way)), legend, *lines, note=more, kind="narrow-only")
    left = (
        w(
            "The table shows {count} of {all}. All of them: {command}",
            count=len(shown),
            all=len(frame),
            command=f"tuyahouse export mart_order {page.account_option} --out orders.xlsx",
        )
        if len(frame) > len(shown)
        else ""
    )
    wide = page.card(
        w("{count} under way", count=len(under_way)),
        legend,
        table(shown, _columns(page), w("Work orders")),
        note=left,
        kind="full wide-only",
    )
    lead = w("Forecasts are a straight line: the pace of the last seven workdays, without what is stuck.")
    return page.section("orders", w("Work orders"), *hints, unknown, phone, wide, lead=lead)


def _unknown(page: Page) -> Markup:
    """Orders of the plan of which no unit is known."""
    w, planned = page.w, page.facts["work_order"]
    lost = planned[~planned["order_code"].isin(page.facts["mart_order"]["order_code"])]
    if lost.empty:
        return EMPTY
    named = ", ".join(str(code) for code in lost["order_code"].head(8)) + (" …" if len(lost) > 8 else "")
    return page.card(
        w("{count} planned orders have no unit yet", count=len(lost)),
        page.empty(w("They are kept: {orders}. Check their spelling, or register their units.", orders=named)),
        kind="hint",
    )


def _columns(page: Page) -> list[Col]:
    w = page.w
    return [
        Col(w("Order"), "order_code", whole=True),
        Col(w("Product"), "product"),
        Col(w("Craft line"), "craft_line_code"),
        Col(w("Progress"), lambda row: progress(page, row)),
        Col("", lambda row: bar(page, row)),
        Col(w("Finished"), "finished", page.number, number=True),
        Col(w("Target"), "target", page.number, number=True),
        Col(w("Open"), "open", page.number, number=True),
        Col(w("Stuck"), "stuck", page.number, number=True),
        Col(w("Waiting"), "waiting", page.number, number=True),
        Col(w("Clean"), lambda row: page.share(row.clean_share, row.finished), number=True),
        Col(w("A day"), "pace_per_day", page.decimal, number=True),
        Col(w("Done by"), "forecast_on", page.day, whole=True),
        Col(w("Due"), lambda row: None if missing(row.due_at) else page.time(row.due_at), whole=True),
    ]
