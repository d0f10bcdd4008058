"""Units: where each unit is and what it went through; what is under way, stuck or reworked."""

from tuyahouse.warehouse.marts.definition import (
    ACCOUNT,
    ORDER,
    SN,
    Field,
    Mart,
    big,
    count,
    flag,
    number,
    open_units_index,
    time,
    words,
)
from tuyahouse.warehouse.marts.sql import Sql, hours, share

LAST_STEP = (
    words("last_node", "Node of the newest shown step; of several at that instant the one furthest down the line"),
    words("last_result", "Result of that step: passed, failed or undecided"),
    time("last_step_at", "Newest shown step"),
)
LAST_NODE, LAST_RESULT, LAST_STEP_AT = LAST_STEP
STATE = words(
    "state",
    "waiting: no step in this order; finished: see finished_at; left: its newest step is of another order; "
    "forgotten: Tuya shows no step of it any more; open: all others",
)


def _counted(name: str, meaning: str) -> Field:
    return count(name, meaning, "steps", required=True)


COUNTS = {
    "failed": _counted("failed", "Steps with result failed, erased ones too"),
    "repeats": _counted("repeats", "Attempts beyond the first at any node"),
    "repasses": _counted("repasses", "Passes beyond the first at the same node"),
    "back_moves": _counted("back_moves", "Steps whose node lies before that of the step before"),
    "erased": _counted("erased", "Steps seen once and no longer shown, as after a reset"),
}


def _unit(sql: Sql) -> str:
    last_pass = "is_last_node AND is_shown AND passed"
    return f"""
        WITH u AS (
            SELECT order_code, sn, MIN(happened_at) AS first_step_at,
                MAX(happened_at) FILTER (WHERE is_shown) AS last_step_at,
                MAX(node) FILTER (WHERE is_newest) AS last_node,
                MAX(CASE WHEN passed THEN 'passed' WHEN NOT passed THEN 'failed' ELSE 'undecided' END)
                    FILTER (WHERE is_newest) AS last_result,
                COUNT(*) - COUNT(gone_at) AS steps, COUNT(*) FILTER (WHERE NOT is_shown) AS erased,
                COUNT(*) FILTER (WHERE NOT passed) AS failed, COUNT(*) FILTER (WHERE attempt > 1) AS repeats,
                COALESCE(SUM(passes - 1) FILTER (WHERE attempt = 1 AND passes > 1), 0) AS repasses,
                COUNT(*) FILTER (WHERE sort < prev_sort) AS back_moves, COUNT(*) - COUNT(sort) AS off_route,
                COUNT(*) FILTER (WHERE attempt = 1 AND shown_passes > 0) AS nodes_passed, MAX(gone_at) AS gone_at,
                MIN(happened_at) FILTER (WHERE {last_pass}) AS first_pass_at,
                MAX(happened_at) FILTER (WHERE {last_pass}) AS pass_at,
                MAX(happened_at) FILTER (WHERE is_last_node AND is_shown AND passed IS NOT TRUE) AS other_at
            FROM mart_stage GROUP BY order_code, sn),
        f AS (
            SELECT u.*, CASE WHEN other_at IS NULL THEN first_pass_at WHEN pass_at > other_at THEN pass_at END
                AS finished_at
            FROM u)
        SELECT :account AS account, f.order_code, f.sn,
            CASE WHEN f.finished_at IS NOT NULL THEN 'finished' WHEN r.order_code <> f.order_code THEN 'left'
                WHEN f.steps = 0 THEN 'forgotten' ELSE 'open' END AS state,
            COALESCE(r.order_code = f.order_code, FALSE) AS is_current, f.first_step_at, f.last_step_at, f.last_node,
            f.last_result, f.finished_at, CASE WHEN f.steps = 0 THEN f.gone_at END AS gone_at, f.steps, f.erased,
            f.failed, f.repeats, f.repasses, f.back_moves, f.off_route, f.nodes_passed,
            f.finished_at IS NOT NULL AND f.failed = 0 AND f.repeats = 0 AND f.erased = 0 AS clean
        FROM f LEFT JOIN serial_number r ON r.account = :account AND r.sn = f.sn
        UNION ALL
        SELECT :account, r.order_code, r.sn, 'waiting', TRUE, NULL, NULL, NULL, NULL, NULL, NULL,
            0, 0, 0, 0, 0, 0, 0, 0, FALSE
        FROM mart_todo t
        {sql.then_join("serial_number r", "r.account = :account AND r.order_code = t.order_code")}
        LEFT JOIN u ON u.order_code = r.order_code AND u.sn = r.sn WHERE u.sn IS NULL"""


MART_UNIT = Mart(
    "mart_unit",
    "Where every unit stands in each work order that it has steps of or is registered for, and what it went through.",
    ("account", "order_code", "sn"),
    (
        ACCOUNT,
        ORDER,
        SN,
        Field("state", STATE.kind, STATE.meaning, required=True),
        flag("is_current", "The registry says that this is the unit's work order", required=True),
        time("first_step_at", "Earliest step ever seen"),
        LAST_STEP_AT,
        LAST_NODE,
        LAST_RESULT,
        time(
            "finished_at",
            "Pass at the craft line's last node; null unless the newest shown result there is passed",
        ),
        time("gone_at", "Since when Tuya shows no step of it any more"),
        _counted("steps", "Steps that Tuya shows now"),
        COUNTS["erased"],
        COUNTS["failed"],
        COUNTS["repeats"],
        COUNTS["repasses"],
        COUNTS["back_moves"],
        _counted("off_route", "Steps at nodes that the live craft line lacks"),
        count("nodes_passed", "Nodes with a shown pass", "nodes", required=True),
        flag("clean", "Finished, and failed, repeats and erased are 0", required=True),
    ),
    _unit,
    "SELECT state, COUNT(*) AS units FROM mart_unit WHERE account = :account GROUP BY state ORDER BY state",
    ("seen_when_asked", "status_ambiguous"),
    kept=True,
    indexes=(open_units_index(),),
)


def _wip(sql: Sql) -> str:
    due = """CASE WHEN g.last_result = 'passed' THEN (
            SELECT n.node FROM craft_line_node n
            WHERE n.account = g.account AND n.order_code = g.order_code AND n.gone_at IS NULL AND n.sort > (
                SELECT c.sort FROM craft_line_node c WHERE c.account = g.account AND c.order_code = g.order_code
                    AND c.node = g.last_node AND c.gone_at IS NULL)
            ORDER BY n.sort, n.node LIMIT 1) ELSE g.last_node END"""
    waited = sql.ms("m.as_of", "u.last_step_at")
    return f"""
        SELECT g.account, g.order_code, {due} AS due_node, g.last_node, g.last_result, g.units,
            g.oldest_at, CAST(g.oldest AS DOUBLE PRECISION) / 100 AS oldest_h,
            {share("g.waited", "g.units", 0)} / 100 AS mean_h
        FROM (
            SELECT x.account, x.order_code, x.last_node, x.last_result, COUNT(*) AS units,
                MIN(x.last_step_at) AS oldest_at,
                MAX(x.waited) AS oldest, SUM(x.waited) AS waited
            FROM (
                SELECT u.account, u.order_code, u.last_node, u.last_result, u.last_step_at,
                    (CASE WHEN {waited} > 0 THEN {waited} ELSE 0 END * 200 + 3600000) / 7200000 AS waited
                FROM mart_unit u JOIN ops_mart m ON m.account = u.account WHERE u.state = 'open') x
            GROUP BY x.account, x.order_code, x.last_node, x.last_result) g"""


MART_WIP = Mart(
    "mart_wip",
    "Units under way by where they stand.",
    ("account", "order_code", "last_node", "last_result"),
    (
        ACCOUNT,
        ORDER,
        words("due_node", "Node that the units are due at; null after the last node and after one off the route"),
        LAST_NODE,
        LAST_RESULT,
        big("units", "Units", "units"),
        time("oldest_at", "Newest step of the unit that has waited longest"),
        number("oldest_h", "How long that one has waited", "hours"),
        number("mean_h", "How long they have waited on average", "hours"),
    ),
    _wip,
    "SELECT due_node, SUM(units) AS units FROM mart_wip WHERE account = :account GROUP BY due_node ORDER BY due_node",
    ("seen_when_asked",),
)


def stuck_condition(sql: Sql) -> str:
    """Whether an open unit ``u`` is stuck, by its registry row ``r`` and ``ops_mart m``."""
    asked = "CASE WHEN r.last_asked_at < m.as_of THEN r.last_asked_at ELSE m.as_of END"
    silent_until = sql.hours_after("u.last_step_at", "m.stuck_after_h")
    return f"u.state = 'open' AND r.last_asked_at >= u.last_step_at AND {asked} >= {silent_until}"


def _stuck(sql: Sql) -> str:
    asked = "CASE WHEN r.last_asked_at < m.as_of THEN r.last_asked_at ELSE m.as_of END"
    return f"""
        SELECT x.account, x.order_code, x.sn, x.last_node, x.last_result, x.last_step_at, x.last_asked_at,
            {hours("x.silent_ms")} AS silent_h, x.failed, x.repeats
        FROM (
            SELECT u.account, u.order_code, u.sn, u.last_node, u.last_result, u.last_step_at, r.last_asked_at,
                {sql.ms(f"({asked})", "u.last_step_at")} AS silent_ms, u.failed, u.repeats
            FROM mart_unit u JOIN ops_mart m ON m.account = u.account
            JOIN serial_number r ON r.account = u.account AND r.sn = u.sn
            WHERE {stuck_condition(sql)}) x"""


MART_STUCK_UNIT = Mart(
    "mart_stuck_unit",
    "Open units of which nothing was heard for STUCK_AFTER, up to their newest asking.",
    ("account", "order_code", "sn"),
    (
        ACCOUNT,
        ORDER,
        SN,
        LAST_NODE,
        LAST_RESULT,
        LAST_STEP_AT,
        time("last_asked_at", "When Tuya was last asked about it"),
        number("silent_h", "From the newest step to the newest asking, at most as_of; weekends count", "hours"),
        COUNTS["failed"],
        COUNTS["repeats"],
    ),
    _stuck,
    "SELECT order_code, sn, last_node, silent_h FROM mart_stuck_unit WHERE account = :account "
    "ORDER BY silent_h DESC, order_code, sn LIMIT 20",
    ("seen_when_asked", "status_ambiguous"),
)

MART_REWORK_UNIT = Mart(
    "mart_rework_unit",
    "Units that were tested again, reset, or sent back.",
    ("account", "order_code", "sn"),
    (
        ACCOUNT,
        ORDER,
        SN,
        STATE,
        *[COUNTS[name] for name in ("failed", "repeats", "repasses", "back_moves", "erased")],
        LAST_NODE,
        LAST_RESULT,
        LAST_STEP_AT,
    ),
    lambda sql: (
        """
        SELECT account, order_code, sn, state, failed, repeats, repasses, back_moves, erased, last_node, last_result,
            last_step_at
        FROM mart_unit WHERE repeats > 0 OR erased > 0 OR back_moves > 0"""
    ),
    "SELECT sn, repeats, erased, back_moves FROM mart_rework_unit WHERE account = :account "
    "ORDER BY repeats DESC, order_code, sn LIMIT 20",
    ("seen_when_asked", "status_ambiguous"),
)

UNITS = (MART_UNIT, MART_WIP, MART_STUCK_UNIT, MART_REWORK_UNIT)
