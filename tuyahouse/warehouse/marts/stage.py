"""What the kept marts are made from: every step of the work orders at hand, once, and one row a unit and node.

Both are temporary tables of the refresh's connection. ``mart_todo`` names the work orders.
"""

from tuyahouse.warehouse.marts.shift_columns import day_and_shift, slot_of
from tuyahouse.warehouse.marts.sql import Sql

TODO = (("order_code", "text"),)

STAGE = (
    ("order_code", "text"),
    ("sn", "text"),
    ("node", "text"),
    ("happened_at", "time"),
    ("gone_at", "time"),
    ("sort", "integer"),
    ("is_shown", "boolean"),
    ("result", "text"),
    ("factory_day", "date"),
    ("shift", "text"),
    ("prev_node", "text"),
    ("prev_sort", "integer"),
    ("ms", "bigint"),
    ("newest_at", "time"),
)

AT_NODE = (
    ("order_code", "text"),
    ("sn", "text"),
    ("node", "text"),
    ("sort", "integer"),
    ("attempts", "integer"),
    ("first_at", "time"),
    ("first_pass_at", "time"),
    ("first_fail_at", "time"),
    ("passes", "integer"),
    ("fails", "integer"),
    ("shown_pass_at", "time"),
    ("shown_first_pass_at", "time"),
    ("shown_other_at", "time"),
    ("erased", "integer"),
    ("live", "integer"),
    ("gone_at", "time"),
    ("back_moves", "integer"),
    ("newest_result", "text"),
    ("newest_at", "time"),
)


def stage(sql: Sql) -> str:
    """The steps, in the order of ``STAGE``.

    A step is shown if Tuya still holds it; of a unit that has no such step any more in this work order, those that
    vanished last. ``sort`` is null off the route. Steps at one instant stand in the order of the craft line.
    """
    factory_day, shift = day_and_shift(sql, "f.happened_at")
    same_unit = "o.account = f.account AND o.sn = f.sn AND o.order_code = f.order_code"
    return f"""
        SELECT s.order_code, s.sn, s.node, s.happened_at, s.gone_at, s.sort, s.is_shown, s.result, s.factory_day,
            s.shift, LAG(s.node) OVER route AS prev_node, LAG(s.sort) OVER route AS prev_sort,
            s.at_ms - LAG(s.at_ms) OVER route AS ms,
            MAX(CASE WHEN s.is_shown THEN s.happened_at END) OVER unit AS newest_at
        FROM (
            SELECT f.order_code, f.sn, f.node, f.happened_at, f.gone_at, n.sort, {sql.at_ms("f.happened_at")} AS at_ms,
                {factory_day} AS factory_day, {shift} AS shift,
                CASE WHEN f.gone_at IS NULL THEN TRUE
                    ELSE NOT EXISTS (SELECT 1 FROM flow_step o WHERE {same_unit}
                        AND (o.gone_at IS NULL OR o.gone_at > f.gone_at)) END AS is_shown,
                CASE WHEN f.status IS NULL THEN 'undecided' WHEN f.status THEN 'passed'
                    WHEN m.false_means = 'open' AND (f.gone_at IS NOT NULL OR NOT EXISTS (
                        SELECT 1 FROM flow_step o WHERE {same_unit}
                            AND o.gone_at IS NULL AND o.happened_at > f.happened_at)) THEN 'undecided'
                    ELSE 'failed' END AS result
            FROM mart_todo t
            JOIN flow_step f ON f.account = :account AND f.order_code = t.order_code
            JOIN ops_mart m ON m.account = :account
            LEFT JOIN craft_line_node n
                ON n.account = :account AND n.order_code = f.order_code AND n.node = f.node AND n.gone_at IS NULL
            {slot_of(sql, "f.happened_at")}) s
        WINDOW unit AS (PARTITION BY s.order_code, s.sn),
            route AS (PARTITION BY s.order_code, s.sn ORDER BY s.happened_at, COALESCE(s.sort, 0), s.node)"""


def at_node(sql: Sql) -> str:
    """One row a unit and node, in the order of ``AT_NODE``."""
    return """
        SELECT order_code, sn, node, MAX(sort) AS sort, COUNT(*) AS attempts, MIN(happened_at) AS first_at,
            MIN(CASE WHEN result = 'passed' THEN happened_at END) AS first_pass_at,
            MIN(CASE WHEN result = 'failed' THEN happened_at END) AS first_fail_at,
            COUNT(CASE WHEN result = 'passed' THEN 1 END) AS passes,
            COUNT(CASE WHEN result = 'failed' THEN 1 END) AS fails,
            MAX(CASE WHEN is_shown AND result = 'passed' THEN happened_at END) AS shown_pass_at,
            MIN(CASE WHEN is_shown AND result = 'passed' THEN happened_at END) AS shown_first_pass_at,
            MAX(CASE WHEN is_shown AND result <> 'passed' THEN happened_at END) AS shown_other_at,
            COUNT(CASE WHEN NOT is_shown THEN 1 END) AS erased, COUNT(CASE WHEN gone_at IS NULL THEN 1 END) AS live,
            MAX(gone_at) AS gone_at, COUNT(CASE WHEN sort < prev_sort THEN 1 END) AS back_moves,
            MAX(CASE WHEN is_shown AND happened_at = newest_at THEN result END) AS newest_result,
            MAX(newest_at) AS newest_at
        FROM mart_stage GROUP BY order_code, sn, node"""
