"""Times between nodes: percentiles out of the histogram, and the loops among them."""

import pandas
from markupsafe import Markup

from tuyahouse.report.markup import EMPTY
from tuyahouse.report.page import Page
from tuyahouse.report.tables import Col, table

_PAIR = ["craft_line_code", "from_node", "to_node", "kind"]
ROWS = 60


def pairs(page: Page) -> pandas.DataFrame:
    """A row a pair of nodes: intervals, their mean, median and p90 in hours."""
    counted = page.facts["intervals"].merge(page.facts["buckets"], on="bucket").sort_values([*_PAIR, "bucket"])
    if counted.empty:
        return pandas.DataFrame(columns=[*_PAIR, "units", "mean_h", "median_h", "p90_h"])
    groups = counted.groupby(_PAIR, dropna=False)
    counted = counted.assign(upto=groups["units"].cumsum(), total=groups["units"].transform("sum"))
    found = groups.agg(units=("units", "sum"), ms=("ms", "sum"))
    found["mean_h"] = (found["ms"] / found["units"] / 3_600_000).astype("float64")
    for name, part in (("median_h", 0.5), ("p90_h", 0.9)):
        found[name] = _percentile(counted, part)
    return found.reset_index()


def _percentile(counted: pandas.DataFrame, part: float) -> pandas.Series:
    """Linear within the bucket in which the running count reaches that part."""
    wanted = counted["total"].astype("float64") * part
    before = (counted["upto"] - counted["units"]).astype("float64")
    here = counted[(counted["upto"].astype("float64") >= wanted) & (before < wanted)]
    inside = (wanted - before) / counted["units"].astype("float64")
    seconds = here["from_s"] + (here["to_s"] - here["from_s"]) * inside[here.index]
    return here.assign(found=seconds / 3600).groupby(_PAIR, dropna=False)["found"].first()


def _columns(page: Page) -> list[Col]:
    w = page.w
    return [
        Col(w("Craft line"), "craft_line_code", wide=True),
        Col(w("From"), "from_node"),
        Col(w("To"), "to_node"),
        Col(w("Intervals"), "units", page.number, number=True),
        Col(w("Median"), "median_h", page.duration, number=True),
        Col(w("Nine of ten below"), "p90_h", page.duration, number=True),
    ]


def loops(page: Page) -> Markup:
    """Moves back and tests again, the commonest first."""
    w, frame = page.w, pairs(page)
    name = w("Loops of 28 days")
    back = frame[frame["kind"].isin(("back", "retest"))].sort_values(
        ["units", "from_node", "to_node"], ascending=[False, True, True]
    )
    if back.empty:
        return page.fine(name, w("No unit went back or was tested again."))
    columns = [*_columns(page)[:3], Col(w("Kind"), "kind", w.of), *_columns(page)[3:]]
    return page.card(name, table(back.head(12), columns, name))


def waits(page: Page) -> Markup:
    """How long units take from node to node."""
    w, frame = page.w, pairs(page)
    forward = frame[frame["kind"] == "forward"].sort_values(["craft_line_code", "median_h"], ascending=[True, False])
    if forward.empty:
        return EMPTY
    note = w(
        "From one node to the next: waiting plus processing. Tuya sends one time a step, so it is never one "
        "station's. From a histogram: off by up to 3 % (median) and 6 %."
    )
    slow = forward.sort_values("median_h", ascending=False).head(ROWS)
    return page.card(
        w("From node to node, 28 days"), table(slow, _columns(page), w("From node to node, 28 days")), note=note
    )
