"""Devices in the field and commands sent to them."""

from typing import Any

import pandas
from markupsafe import Markup

from tuyahouse.report import charts
from tuyahouse.report.charts import Cell
from tuyahouse.report.markup import EMPTY, tag
from tuyahouse.report.page import Page
from tuyahouse.report.tables import Col, missing, table

OUTCOMES = (
    ("succeeded", "main"),
    ("failed", "bad"),
    ("stuck", "warn"),
    ("conflict", "fourth"),
    ("open", "moving"),
    ("unheard", "waiting"),
)


def field(page: Page) -> Markup:
    """How much devices are online, which there are, and what orders they came from."""
    w, fleet = page.w, page.facts["mart_device_fleet"]
    title = w("Devices in the field")
    if fleet.empty:
        return page.nothing(
            "field",
            title,
            page.empty(
                w("No device is known. Name the projects in PROJECT_IDS, then:"),
                f"python -m flows sync_devices -p account={page.facts.account}",
            ),
        )
    return page.section(
        "field",
        title,
        *_online(page),
        _fleet(page),
        _orders(page),
        lead=w(
            "Online of the time that is known; coverage says how much that is. Gaps in the messages make unknown time."
        ),
    )


def _online(page: Page) -> list[Markup]:
    w, frame = page.w, page.facts["presence"]
    names = {
        str(row.product_id): str(row.product_name)
        for row in page.facts["mart_device_fleet"].itertuples()
        if not missing(row.product_name)
    }
    if frame.empty:
        return [
            page.card(
                w("Online, by product"),
                page.empty(w("No presence is known: it comes with messages or a sweep of devices.")),
            )
        ]
    lines = []
    for product, rows in frame.groupby("product_id"):
        known = float(rows["online_ms"].sum() + rows["offline_ms"].sum())
        total = known + float(rows["unknown_ms"].sum())
        share = float(rows["online_ms"].sum()) / known if known else None
        coverage = known / total if total else 0
        cells = [_cell(page, one) for one in rows.itertuples()]
        told = w(
            "coverage {share} · {flips} changes of presence",
            share=page.percent(coverage),
            flips=page.number(rows["flips"].sum()),
        )
        lines.append(
            (
                -total,
                tag(
                    "div",
                    tag(
                        "p",
                        tag("b", names.get(str(product), str(product) or w("unknown product"))),
                        tag("span", page.percent(share), class_="right"),
                        class_="line",
                    ),
                    charts.strip(cells, told),
                    tag("p", told, class_="note"),
                    class_="entry",
                ),
            )
        )
    lines.sort(key=lambda one: one[0])
    sums = frame.groupby("day", as_index=False)[["devices", "online_ms", "offline_ms", "unknown_ms", "flips"]].sum()
    columns = [
        Col(w("Day"), "day", whole=True),
        Col(w("Devices"), "devices", page.number, number=True),
        Col(
            w("Online"),
            lambda r: page.percent(r.online_ms / (r.online_ms + r.offline_ms)) if r.online_ms + r.offline_ms else "–",
            number=True,
        ),
        Col(w("Changes of presence"), "flips", page.number, number=True, wide=True),
    ]
    legend = page.legend(("good1", "≥ 95 %"), ("good2", "≥ 80 %"), ("good3", w("below")), ("waiting", w("unknown")))
    return [
        page.card(
            w("Online, by product"),
            legend,
            *[line for _, line in lines[:8]],
            page.numbers(sums.iloc[::-1], columns, w("Online, by product")),
        )
    ]


def _cell(page: Page, row: Any) -> Cell:
    known = float(row.online_ms + row.offline_ms)
    share = float(row.online_ms) / known if known else None
    kind = "waiting" if share is None else "good1" if share >= 0.95 else "good2" if share >= 0.8 else "good3"
    sign = "" if share is None or share >= 0.95 else "·" if share >= 0.8 else "!"
    return Cell(kind, sign, f"{row.day}: {page.percent(share)}")


def _fleet(page: Page) -> Markup:
    w, fleet = page.w, page.facts["mart_device_fleet"].sort_values("devices", ascending=False)
    columns = [
        Col(w("Product"), lambda row: row.product_id if missing(row.product_name) else row.product_name),
        Col(w("Project"), "project_id", wide=True),
        Col(w("There"), "there", page.number, number=True),
        Col(w("Online"), "online", page.number, number=True),
        Col(w("Unknown"), "presence_unknown", page.number, number=True, wide=True),
        Col(w("Share"), lambda row: page.share(row.online_share, row.there), number=True),
        Col(w("Vanished"), "vanished", page.number, number=True, wide=True),
        Col(w("Oldest word"), "oldest_presence_at", page.time, wide=True),
    ]
    return page.card(w("Devices now"), table(fleet.head(40), columns, w("Devices now")))


def _orders(page: Page) -> Markup:
    w, frame = page.w, page.facts["orders_in_field"]
    if frame.empty:
        return EMPTY
    columns = [
        Col(w("Order"), "order_code", whole=True),
        Col(w("Product"), "product_name", wide=True),
        Col(w("Devices"), "devices", page.number, number=True),
        Col(w("Online"), "online", page.number, number=True),
        Col(w("Vanished"), "vanished", page.number, number=True),
    ]
    return page.card(w("Which orders they came from"), table(frame.head(20), columns, w("Which orders they came from")))


def commands(page: Page) -> Markup:
    """What became of commands, how long they took, which hang."""
    w, frame = page.w, page.facts["commands"]
    title = w("Commands")
    if page.facts["verdicts"].empty:
        return page.nothing(
            "commands",
            title,
            page.empty(
                w("No command is followed. They come with the messages, or from a file:"),
                f"tuyahouse commands add {page.account_option} commands.csv",
            ),
        )
    return page.section("commands", title, _outcomes(page, frame), _latency(page, frame), _hanging(page))


def _outcomes(page: Page, frame: pandas.DataFrame) -> Markup:
    w, name = page.w, page.w("Outcomes, 28 days")
    dated = frame.dropna(subset=["day"])
    if dated.empty:
        return page.card(name, page.empty(w("Nothing was heard of a command in 28 days.")))
    end = page.facts.as_of or pandas.Timestamp(dated["day"].max())
    days = [
        f"{day:%Y-%m-%d}"
        for day in pandas.date_range(end=pandas.Timestamp(end).tz_localize(None).normalize(), periods=28)
    ]
    sums = dated.pivot_table(index="day", columns="outcome", values="commands", aggfunc="sum", fill_value=0).reindex(
        days, fill_value=0
    )
    layers = [(kind, w.of(outcome), [float(v) for v in sums[outcome]]) for outcome, kind in OUTCOMES if outcome in sums]
    verdicts = [
        Col(w("Verdict"), "verdict", w.of),
        Col(w("Outcome"), "outcome", w.of),
        Col(w("Commands"), "commands", page.number, number=True),
    ]
    return page.card(
        name,
        page.legend(*[(kind, shown) for kind, shown, _ in layers]),
        charts.columns(days, layers, name),
        page.numbers(page.facts["verdicts"], verdicts, w("All commands")),
        note=w("Days are UTC."),
    )


def _latency(page: Page, frame: pandas.DataFrame) -> Markup:
    w, timed = page.w, frame[frame["timed"].fillna(0) > 0]
    name = w("How long they took")
    if timed.empty:
        return page.card(name, page.empty(w("No command was seen from its begin to its end.")))
    newest = timed.sort_values(["day", "product_type", "outcome"], ascending=[False, True, True]).head(14)
    columns = [
        Col(w("Day"), "day", whole=True),
        Col(w("Product type"), "product_type", wide=True),
        Col(w("Outcome"), "outcome", w.of),
        Col(w("Timed"), "timed", page.number, number=True),
        Col(w("Median"), lambda r: f"{r.latency_median_s:,.1f} s", number=True),
        Col(w("Nine of ten below"), lambda r: f"{r.latency_p90_s:,.1f} s", number=True),
    ]
    return page.card(name, table(newest, columns, name))


def _hanging(page: Page) -> Markup:
    w, frame = page.w, page.facts["open_commands"]
    name = w("Stuck or contradictory")
    if frame.empty:
        return page.fine(name, w("No command hangs."))
    columns = [
        Col(w("Command"), "command_sn"),
        Col(w("Device"), "device_id", wide=True),
        Col(w("Outcome"), "outcome", w.of),
        Col(w("Open for"), "open_h", page.duration, number=True),
        Col(w("Asked"), "asked_times", page.number, number=True, wide=True),
    ]
    return page.card(name, table(frame.head(20), columns, name))
