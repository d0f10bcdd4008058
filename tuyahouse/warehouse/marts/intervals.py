"""Times between neighbouring steps of a unit, kept as histograms."""

from tuyahouse.warehouse.marts.definition import ACCOUNT, FACTORY_DAY, ORDER, Mart, big, count, number, words
from tuyahouse.warehouse.marts.sql import Sql, scaled

FROM_NODE = words("from_node", "Node of the step before")
TO_NODE = words("to_node", "Node of the step")
KIND = words("kind", "forward, retest (same node), back, off_route (a node is not in the craft line) or level")
BUCKETS = 101
"""Ten for each power of ten, to beyond 300 years."""


def bucket_bounds() -> list[tuple[int, float, float]]:
    """(bucket, from, to) in seconds; bucket 0 holds what is shorter than a second."""
    edges = [10 ** (number / 10) for number in range(BUCKETS)]
    return [(0, 0.0, 1.0), *[(b, edges[b - 1], edges[b]) for b in range(1, BUCKETS)]]


def _interval_day(sql: Sql) -> str:
    bucket = f"CASE WHEN ms < 1000 THEN 0 ELSE 1 + {sql.tenth_of_decade('ms')} END"
    return f"""
        WITH i AS (
            SELECT order_code, prev_node, node,
                CASE WHEN node = prev_node THEN 'retest' WHEN sort IS NULL OR prev_sort IS NULL THEN 'off_route'
                    WHEN sort < prev_sort THEN 'back' WHEN sort > prev_sort THEN 'forward' ELSE 'level' END AS kind,
                factory_day, {bucket} AS bucket, ms
            FROM mart_stage WHERE prev_node IS NOT NULL)
        SELECT :account AS account, order_code, prev_node AS from_node, node AS to_node, kind, factory_day, bucket,
            COUNT(*) AS units, SUM(ms) AS ms
        FROM i GROUP BY order_code, prev_node, node, kind, factory_day, bucket"""


MART_INTERVAL_DAY = Mart(
    "mart_interval_day",
    "Times between neighbouring steps as a histogram, by the factory day of arrival.",
    ("account", "order_code", "from_node", "to_node", "kind", "factory_day", "bucket"),
    (
        ACCOUNT,
        ORDER,
        FROM_NODE,
        TO_NODE,
        KIND,
        FACTORY_DAY,
        count("bucket", "Bucket of the time, see mart_bucket"),
        count("units", "Intervals in it", "intervals", required=True),
        big("ms", "Sum of their times", "milliseconds", required=True),
    ),
    _interval_day,
    "SELECT kind, SUM(units) AS intervals FROM mart_interval_day WHERE account = :account GROUP BY kind ORDER BY kind",
    ("interval_not_station", "local_days"),
    kept=True,
)


def _interval(sql: Sql) -> str:
    pair = "account, order_code, from_node, to_node, kind"

    def percentile(part: str) -> str:
        wanted = f"CAST({part} AS DOUBLE PRECISION) * c.total"
        inside = f"b.from_s + (b.to_s - b.from_s) * ({wanted} - (c.upto - c.units)) / c.units"
        first = f"c.upto >= {wanted} AND c.upto - c.units < {wanted}"  # without the second part later buckets win
        return f"MIN(CASE WHEN {first} THEN {inside} END)"

    return f"""
        WITH h AS (
            SELECT {pair}, bucket, CAST(SUM(units) AS BIGINT) AS units, CAST(SUM(ms) AS BIGINT) AS ms
            FROM mart_interval_day GROUP BY {pair}, bucket),
        c AS (
            SELECT h.*, CAST(SUM(units) OVER w AS BIGINT) AS upto, CAST(SUM(units) OVER g AS BIGINT) AS total,
                CAST(SUM(ms) OVER g AS BIGINT) AS total_ms
            FROM h WINDOW w AS (PARTITION BY {pair} ORDER BY bucket), g AS (PARTITION BY {pair})),
        p AS (
            SELECT {", ".join(f"c.{name}" for name in pair.split(", "))}, MAX(c.total) AS units,
                MAX(c.total_ms) / MAX(c.total) AS mean_ms, {percentile("0.5")} AS median_s, {percentile("0.9")} AS p90_s
            FROM c JOIN mart_bucket b ON b.bucket = c.bucket GROUP BY {", ".join(f"c.{n}" for n in pair.split(", "))})
        SELECT {pair}, units, {scaled("mean_ms", 3_600_000, 3)} AS mean_h,
            {sql.rounded("median_s / 3600", 3)} AS median_h, {sql.rounded("p90_s / 3600", 3)} AS p90_h
        FROM p"""


MART_INTERVAL = Mart(
    "mart_interval",
    "Mean, median and 90th percentile of the time between two nodes.",
    ("account", "order_code", "from_node", "to_node", "kind"),
    (
        ACCOUNT,
        ORDER,
        FROM_NODE,
        TO_NODE,
        KIND,
        big("units", "Intervals", "intervals"),
        number("mean_h", "Mean", "hours"),
        number("median_h", "Median", "hours"),
        number("p90_h", "Nine of ten are shorter", "hours"),
    ),
    _interval,
    "SELECT from_node, to_node, units, median_h, p90_h FROM mart_interval WHERE account = :account "
    "ORDER BY median_h DESC, order_code, from_node, to_node LIMIT 20",
    ("interval_not_station", "approximate"),
)

INTERVALS = (MART_INTERVAL_DAY, MART_INTERVAL)
