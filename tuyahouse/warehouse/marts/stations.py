"""Stations: what each node did each shift, yields, the Pareto of failures, limits of control charts."""

from tuyahouse.warehouse.marts.definition import (
    ACCOUNT,
    FACTORY_DAY,
    LINE,
    NODE,
    ORDER,
    SHIFT,
    Field,
    Kind,
    Mart,
    big,
    count,
    flag,
    number,
    words,
)
from tuyahouse.warehouse.marts.sql import Sql, share

_MEANINGS = (
    ("attempts", "Results recorded at the node, counted when each happened", "attempts"),
    ("passed", "Attempts that passed", "attempts"),
    ("failed", "Attempts that failed", "attempts"),
    ("undecided", "Attempts without a verdict", "attempts"),
    ("erased", "Attempts among them that Tuya no longer shows", "attempts"),
    ("units", "Units, counted at their first attempt at the node", "units"),
    ("first_passed", "Units whose first attempt passed", "units"),
    ("first_failed", "Units whose first attempt failed", "units"),
    ("recovered", "Units whose first attempt did not pass and a later one did, as of the refresh", "units"),
    ("repeated", "Units with more than one attempt, as of the refresh", "units"),
)
COUNTS = tuple(name for name, _, _ in _MEANINGS)
_KEPT = tuple(count(name, meaning, unit, required=True) for name, meaning, unit in _MEANINGS)
SUMMED = {name: big(name, meaning, unit) for name, meaning, unit in _MEANINGS}
SHARES = (
    number("fpy", "First-pass yield: first attempts that passed, of those that passed or failed"),
    number("final_yield", "Units that passed at any attempt so far, of those that had an attempt"),
    number("attempts_per_unit", "Attempts a unit", "attempts"),
    number("rework_share", "Units with more than one attempt, of all"),
)
_SUMS = ", ".join(f"SUM(s.{name}) AS {name}" for name in COUNTS)
_YIELD_COUNTS = (
    "units",
    "first_passed",
    "first_failed",
    "recovered",
    "repeated",
    "attempts",
    "passed",
    "failed",
    "undecided",
    "erased",
)


def _shares() -> str:
    return f"""{share("x.first_passed", "(x.first_passed + x.first_failed)")} AS fpy,
            {share("(x.first_passed + x.recovered)", "x.units")} AS final_yield,
            {share("x.attempts", "x.units", 3)} AS attempts_per_unit,
            {share("x.repeated", "x.units")} AS rework_share"""


def _station_day(sql: Sql) -> str:
    return """
        SELECT :account AS account, order_code, node, factory_day, shift, COUNT(*) AS attempts,
            COUNT(*) FILTER (WHERE passed) AS passed, COUNT(*) FILTER (WHERE NOT passed) AS failed,
            COUNT(*) - COUNT(passed) AS undecided, COUNT(*) FILTER (WHERE NOT is_shown) AS erased,
            COUNT(*) FILTER (WHERE attempt = 1) AS units,
            COUNT(*) FILTER (WHERE attempt = 1 AND passed) AS first_passed,
            COUNT(*) FILTER (WHERE attempt = 1 AND NOT passed) AS first_failed,
            COUNT(*) FILTER (WHERE attempt = 1 AND passed IS NOT TRUE AND passes > 0) AS recovered,
            COUNT(*) FILTER (WHERE attempt = 1 AND attempts > 1) AS repeated
        FROM mart_stage GROUP BY order_code, node, factory_day, shift"""


MART_STATION_DAY = Mart(
    "mart_station_day",
    "What each node did each shift; every count may be added up over any column of the key.",
    ("account", "order_code", "node", "factory_day", "shift"),
    (ACCOUNT, ORDER, NODE, FACTORY_DAY, SHIFT, *_KEPT),
    _station_day,
    "SELECT factory_day, SUM(attempts) AS attempts, SUM(failed) AS failed FROM mart_station_day "
    "WHERE account = :account GROUP BY factory_day ORDER BY factory_day DESC LIMIT 14",
    ("matures", "local_days", "status_ambiguous"),
    kept=True,
)


def _station_yield(sql: Sql) -> str:
    return f"""
        SELECT x.account, x.order_code, x.node, n.sort, n.description, n.node IS NOT NULL AS on_route,
            {", ".join(f"x.{name}" for name in _YIELD_COUNTS)},
            {_shares()}
        FROM (SELECT s.account, s.order_code, s.node, {_SUMS}
            FROM mart_station_day s GROUP BY s.account, s.order_code, s.node) x
        LEFT JOIN craft_line_node n
            ON n.account = x.account AND n.order_code = x.order_code AND n.node = x.node AND n.gone_at IS NULL"""


MART_STATION_YIELD = Mart(
    "mart_station_yield",
    "Yield and rework of each node of each work order.",
    ("account", "order_code", "node"),
    (
        ACCOUNT,
        ORDER,
        NODE,
        count("sort", "Place of the node in the craft line"),
        words("description", "Text of the node for people"),
        flag("on_route", "The live craft line has this node"),
        *[SUMMED[name] for name in _YIELD_COUNTS],
        *SHARES,
    ),
    _station_yield,
    "SELECT order_code, node, units, fpy FROM mart_station_yield WHERE account = :account AND units >= 30 "
    "ORDER BY fpy, order_code, node LIMIT 20",
    ("status_ambiguous", "seen_when_asked"),
)


def _station_daily(sql: Sql) -> str:
    return f"""
        SELECT x.account, x.craft_line_code, x.node, x.factory_day, {", ".join(f"x.{name}" for name in _YIELD_COUNTS)},
            {_shares()}
        FROM (SELECT s.account, l.craft_line_code, s.node, s.factory_day, {_SUMS}
            FROM mart_station_day s LEFT JOIN craft_line l ON l.account = s.account AND l.order_code = s.order_code
            GROUP BY s.account, l.craft_line_code, s.node, s.factory_day) x"""


MART_STATION_DAILY = Mart(
    "mart_station_daily",
    "Yield and rework of each node of each craft line by factory day.",
    ("account", "craft_line_code", "node", "factory_day"),
    (ACCOUNT, LINE, NODE, FACTORY_DAY, *[SUMMED[name] for name in _YIELD_COUNTS], *SHARES),
    _station_daily,
    "SELECT factory_day, node, units, fpy FROM mart_station_daily WHERE account = :account "
    "ORDER BY factory_day DESC, node LIMIT 50",
    ("matures", "local_days", "status_ambiguous"),
)


def _line_yield(sql: Sql) -> str:
    return f"""
        WITH RECURSIVE node AS (
            SELECT n.account, n.order_code, n.node,
                ROW_NUMBER() OVER (PARTITION BY n.account, n.order_code ORDER BY n.sort, n.node) AS place,
                COUNT(*) OVER (PARTITION BY n.account, n.order_code) AS nodes,
                CASE WHEN y.first_passed + y.first_failed > 0
                    THEN CAST(y.first_passed AS DOUBLE PRECISION) / (y.first_passed + y.first_failed) END AS fpy
            FROM craft_line_node n
            LEFT JOIN (SELECT s.account, s.order_code, s.node, SUM(s.first_passed) AS first_passed,
                    SUM(s.first_failed) AS first_failed
                FROM mart_station_day s GROUP BY s.account, s.order_code, s.node) y
                ON y.account = n.account AND y.order_code = n.order_code AND y.node = n.node
            WHERE n.gone_at IS NULL),
        rolled AS (
            SELECT account, order_code, place, nodes, COALESCE(fpy, CAST(1 AS DOUBLE PRECISION)) AS product,
                CASE WHEN fpy IS NULL THEN 0 ELSE 1 END AS measured
            FROM node WHERE place = 1
            UNION ALL
            SELECT n.account, n.order_code, n.place, n.nodes,
                r.product * COALESCE(n.fpy, CAST(1 AS DOUBLE PRECISION)),
                r.measured + CASE WHEN n.fpy IS NULL THEN 0 ELSE 1 END
            FROM rolled r JOIN node n
                ON n.account = r.account AND n.order_code = r.order_code AND n.place = r.place + 1)
        SELECT r.account, r.order_code, l.craft_line_code, r.nodes, r.measured AS nodes_measured,
            CASE WHEN r.measured = r.nodes THEN {sql.rounded("r.product", 4)} END AS rty,
            {sql.rounded("r.product", 4)} AS rty_so_far, s.finished, s.clean,
            {share("s.clean", "s.finished")} AS clean_share
        FROM rolled r
        LEFT JOIN mart_order_state s ON s.account = r.account AND s.order_code = r.order_code
        LEFT JOIN craft_line l ON l.account = r.account AND l.order_code = r.order_code
        WHERE r.place = r.nodes"""


MART_LINE_YIELD = Mart(
    "mart_line_yield",
    "Rolled throughput yield of each work order, beside the share of units that really went through clean.",
    ("account", "order_code"),
    (
        ACCOUNT,
        ORDER,
        LINE,
        big("nodes", "Nodes of the live craft line", "nodes"),
        big("nodes_measured", "Nodes among them with a decided first attempt", "nodes"),
        number("rty", "Product of the first-pass yields of all nodes; null until every node is measured"),
        number("rty_so_far", "Product of the first-pass yields of the nodes that are measured"),
        count("finished", "Units that are finished", "units"),
        count("clean", "Finished units without a failure, a repeat or an erased step", "units"),
        number("clean_share", "Clean units of the finished ones"),
    ),
    _line_yield,
    "SELECT order_code, rty, clean_share FROM mart_line_yield WHERE account = :account ORDER BY order_code",
    ("status_ambiguous",),
)


def _pareto(sql: Sql) -> str:
    order = "ORDER BY first_failed DESC, craft_line_code, node"
    return f"""
        WITH f AS (
            SELECT s.account, COALESCE(l.craft_line_code, '') AS craft_line_code, s.node,
                SUM(s.first_failed) AS first_failed, SUM(s.units) AS units
            FROM mart_station_day s JOIN ops_mart m ON m.account = s.account
            JOIN mart_day t ON t.account = s.account AND t.starts_at <= m.as_of AND t.ends_at > m.as_of
            LEFT JOIN craft_line l ON l.account = s.account AND l.order_code = s.order_code
            WHERE s.factory_day > {sql.days_before("t.factory_day", 28)} AND s.factory_day <= t.factory_day
            GROUP BY s.account, COALESCE(l.craft_line_code, ''), s.node),
        r AS (
            SELECT f.*, ROW_NUMBER() OVER (PARTITION BY account {order}) AS place,
                SUM(first_failed) OVER (PARTITION BY account {order} ROWS UNBOUNDED PRECEDING) AS so_far,
                SUM(first_failed) OVER (PARTITION BY account) AS total
            FROM f)
        SELECT account, place, NULLIF(craft_line_code, '') AS craft_line_code, node, first_failed, units,
            {share("first_failed", "units")} AS first_fail_share, {share("first_failed", "total")} AS share,
            {share("so_far", "total")} AS cumulative_share
        FROM r WHERE first_failed > 0"""


MART_PARETO = Mart(
    "mart_pareto",
    "Nodes by first-attempt failures of the last 28 factory days. A busy node is not a bad one: see first_fail_share.",
    ("account", "craft_line_code", "node"),
    (
        ACCOUNT,
        big("place", "1: most first failures"),
        LINE,
        NODE,
        big("first_failed", "Units whose first attempt failed", "units"),
        big("units", "Units with a first attempt", "units"),
        number("first_fail_share", "First failures of the node's units"),
        number("share", "Of all first failures"),
        number("cumulative_share", "Of all first failures, this node and those before it"),
    ),
    _pareto,
    "SELECT place, node, first_failed, cumulative_share FROM mart_pareto WHERE account = :account ORDER BY place",
    ("status_ambiguous", "local_days"),
)

MART_CONTROL = Mart(
    "mart_control",
    "Control chart of the first-pass yield of each node: the newest 60 factory days with their limits.",
    ("account", "craft_line_code", "node", "factory_day"),
    (
        ACCOUNT,
        LINE,
        NODE,
        FACTORY_DAY,
        count("units", "Units whose first attempt was decided", "units", required=True),
        number("share", "First-pass yield of the day"),
        number("mean", "Mean of the 28 days before the newest one; null with fewer than 8 days"),
        number("sigma_z", "How much days vary beyond chance (Laney): 1 is chance alone", "ratio"),
        number("lower", "Lower limit of the day"),
        number("upper", "Upper limit of the day"),
        Field("is_out", Kind.FLAG, "The share lies outside of its limits", required=True),
    ),
    lambda sql: "SELECT * FROM new_mart_control",  # a pure function fills it: see control.py
    "SELECT node, factory_day, share, lower, upper FROM mart_control WHERE account = :account AND is_out "
    "ORDER BY factory_day DESC, node",
    ("local_days", "status_ambiguous"),
    kept=True,
)

MART_FALSE_EVIDENCE = Mart(
    "mart_false_evidence",
    "What status false means here: whether false steps stay, are the newest, turn true or vanish. Reads all steps.",
    ("account", "order_code", "node"),
    (
        ACCOUNT,
        ORDER,
        NODE,
        big("steps", "Steps ever seen", "steps"),
        big("false_steps", "Steps with status false", "steps"),
        big("false_newest", "False steps that are the newest of their unit", "steps"),
        big("false_then_same_node", "False steps followed by another one at the same node", "steps"),
        big("false_then_other_node", "False steps followed by one at another node", "steps"),
        big("false_gone", "False steps that Tuya no longer shows", "steps"),
        big("turned_true", "Steps that were false when first seen and are true now", "steps"),
        big("not_sent", "Steps without a status", "steps"),
    ),
    lambda sql: (
        """
        WITH s AS (
            SELECT f.account, f.order_code, f.node, f.status, f.first_status, f.gone_at,
                LEAD(f.node) OVER (PARTITION BY f.account, f.sn ORDER BY f.happened_at, f.node) AS next_node
            FROM flow_step f)
        SELECT account, order_code, node, COUNT(*) AS steps, COUNT(CASE WHEN NOT status THEN 1 END) AS false_steps,
            COUNT(CASE WHEN NOT status AND next_node IS NULL AND gone_at IS NULL THEN 1 END) AS false_newest,
            COUNT(CASE WHEN NOT status AND next_node = node THEN 1 END) AS false_then_same_node,
            COUNT(CASE WHEN NOT status AND next_node <> node THEN 1 END) AS false_then_other_node,
            COUNT(CASE WHEN NOT status AND gone_at IS NOT NULL THEN 1 END) AS false_gone,
            COUNT(CASE WHEN status AND NOT first_status THEN 1 END) AS turned_true,
            COUNT(CASE WHEN status IS NULL THEN 1 END) AS not_sent
        FROM s GROUP BY account, order_code, node"""
    ),
    "SELECT SUM(false_steps) AS false_steps, SUM(false_newest) AS newest, SUM(turned_true) AS turned_true "
    "FROM mart_false_evidence WHERE account = :account",
    ("status_ambiguous", "seen_when_asked"),
    fresh="as of the newest landing",
)

STATIONS = (
    MART_STATION_DAY,
    MART_STATION_YIELD,
    MART_STATION_DAILY,
    MART_LINE_YIELD,
    MART_PARETO,
    MART_CONTROL,
    MART_FALSE_EVIDENCE,
)
