"""What the kept marts are made from: every step of the work orders at hand, once, with what its unit did around it.

It is a temporary table of the refresh's connection. ``mart_todo`` names the work orders.
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
    ("is_last_node", "boolean"),
    ("is_shown", "boolean"),
    ("passed", "boolean"),
    ("factory_day", "date"),
    ("shift", "text"),
    ("prev_node", "text"),
    ("prev_sort", "integer"),
    ("ms", "bigint"),
    ("is_newest", "boolean"),
    ("attempt", "integer"),
    ("attempts", "integer"),
    ("passes", "integer"),
    ("shown_passes", "integer"),
)


def stage(sql: Sql, *, false_is_failed: bool) -> str:
    """The steps, in the order of ``STAGE``.

    A step is shown if Tuya still holds it; of a unit that has no such step any more in this work order, those that
    vanished last. ``passed`` is null where nothing is decided, ``sort`` off the route. Steps of a unit at one instant
    stand in the order of the craft line; ``is_newest`` is the last of those that are shown. ``attempt`` numbers the
    steps of a unit at a node, ``attempts``, ``passes`` and ``shown_passes`` count them.
    """
    factory_day, shift = day_and_shift(sql, "f.happened_at")
    same_unit = f"o.account = f.account AND o.sn = f.sn AND {sql.not_by_index('o.order_code')} = f.order_code"
    still_open = f"""NOT f.status AND (f.gone_at IS NOT NULL OR NOT EXISTS (
                    SELECT 1 FROM flow_step o WHERE {same_unit}
                        AND o.gone_at IS NULL AND o.happened_at > f.happened_at))"""
    passed = "f.status" if false_is_failed else f"CASE WHEN {still_open} THEN NULL ELSE f.status END"
    return f"""
        SELECT s.order_code, s.sn, s.node, s.happened_at, s.gone_at, s.sort, s.is_last_node, s.is_shown, s.passed,
            s.factory_day, s.shift, LAG(s.node) OVER route AS prev_node, LAG(s.sort) OVER route AS prev_sort,
            s.at_ms - LAG(s.at_ms) OVER route AS ms,
            s.is_shown AND COUNT(*) FILTER (WHERE s.is_shown) OVER route = 1 AS is_newest,
            ROW_NUMBER() OVER spot AS attempt, COUNT(*) OVER spot AS attempts,
            COUNT(*) FILTER (WHERE s.passed) OVER spot AS passes,
            COUNT(*) FILTER (WHERE s.passed AND s.is_shown) OVER spot AS shown_passes
        FROM (
            SELECT f.order_code, f.sn, f.node, f.happened_at, f.gone_at, n.sort, {sql.at_ms("f.happened_at")} AS at_ms,
                COALESCE(f.node = l.last_node, FALSE) AS is_last_node,
                {factory_day} AS factory_day, {shift} AS shift, {passed} AS passed,
                CASE WHEN f.gone_at IS NULL THEN TRUE
                    ELSE NOT EXISTS (SELECT 1 FROM flow_step o WHERE {same_unit}
                        AND (o.gone_at IS NULL OR o.gone_at > f.gone_at)) END AS is_shown
            FROM mart_todo t
            {sql.then_join("flow_step f", "f.account = :account AND f.order_code = t.order_code")}
            LEFT JOIN craft_line l ON l.account = :account AND l.order_code = t.order_code
            LEFT JOIN craft_line_node n
                ON n.account = :account AND n.order_code = f.order_code AND n.node = f.node AND n.gone_at IS NULL
            {slot_of(sql, "f.happened_at")}) s
        WINDOW spot AS (PARTITION BY s.order_code, s.sn, s.node ORDER BY s.happened_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
            route AS (PARTITION BY s.order_code, s.sn ORDER BY s.happened_at, COALESCE(s.sort, 0), s.node
                ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"""
