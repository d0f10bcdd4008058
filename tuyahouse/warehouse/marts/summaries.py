"""What a page asks of the marts where they are too large to be read whole: sums and the first rows.

A summary is no mart: it has no name in the database and may change with the page. Its statement has the parameter
``account``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tuyahouse.warehouse.marts.catalogue import MARTS
from tuyahouse.warehouse.marts.definition import Field, big, number, time, words
from tuyahouse.warehouse.marts.sql import Sql

DAYS = 28
"""Factory days that sums reach back, as in ``mart_pareto``."""
ROWS_OF_A_CHECK = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """A SELECT over marts, with the columns that it gives."""

    name: str
    fields: tuple[Field, ...]
    body: Callable[[Sql], str]


class First(NamedTuple):
    """The first rows of a mart in an order of the page."""

    mart: str
    order: str
    rows: int
    where: str = "1 = 1"
    columns: tuple[str, ...] = ()


def _first(name: str, what: First) -> Summary:
    mart = MARTS[what.mart]
    fields = tuple(one for one in mart.fields if one.name in what.columns or (not what.columns and one.name != ACCOUNT))
    columns = ", ".join(one.name for one in fields)
    return Summary(
        name,
        fields,
        lambda sql: (
            f"SELECT {columns} FROM {what.mart} x WHERE x.account = :account AND {what.where} "
            f"ORDER BY {what.order} LIMIT {what.rows}"
        ),
    )


ACCOUNT = "account"
_LINE, _NODE, _UNITS = words("craft_line_code", ""), words("node", ""), big("units", "")
_PAIR = (_LINE, words("from_node", ""), words("to_node", ""), words("kind", ""))
_ORDER_LINE = "LEFT JOIN craft_line l ON l.account = x.account AND l.order_code = x.order_code"


def _recent(sql: Sql, day: str, days: int = DAYS) -> str:
    """A condition: the newest factory days up to that of ``as_of``."""
    today = (
        "(SELECT MAX(t.factory_day) FROM ops_mart m JOIN mart_day t ON t.account = m.account "
        "AND t.starts_at <= m.as_of AND t.ends_at > m.as_of WHERE m.account = :account)"
    )
    return f"x.account = :account AND x.{day} > {sql.days_before(today, days)} AND x.{day} <= {today}"


def _stuck_by_node(sql: Sql) -> str:
    return f"""
        SELECT l.craft_line_code, x.last_node AS node, COUNT(*) AS units, MAX(x.silent_h) AS longest_h
        FROM mart_stuck_unit x {_ORDER_LINE} WHERE x.account = :account
        GROUP BY l.craft_line_code, x.last_node ORDER BY COUNT(*) DESC, l.craft_line_code, x.last_node"""


def _wip_by_node(sql: Sql) -> str:
    return f"""
        SELECT l.craft_line_code, x.due_node AS node, SUM(x.units) AS units, MAX(x.oldest_h) AS longest_h
        FROM mart_wip x {_ORDER_LINE} WHERE x.account = :account
        GROUP BY l.craft_line_code, x.due_node ORDER BY SUM(x.units) DESC, l.craft_line_code, x.due_node"""


def _intervals(sql: Sql) -> str:
    return f"""
        SELECT l.craft_line_code, x.from_node, x.to_node, x.kind, x.bucket, SUM(x.units) AS units, SUM(x.ms) AS ms
        FROM mart_interval_day x {_ORDER_LINE} WHERE {_recent(sql, "factory_day")}
        GROUP BY l.craft_line_code, x.from_node, x.to_node, x.kind, x.bucket"""


def _shifts(sql: Sql) -> str:
    return f"""
        SELECT CAST(x.factory_day AS text) AS day, x.shift, SUM(x.started) AS started, SUM(x.finished) AS finished
        FROM mart_order_day x WHERE {_recent(sql, "factory_day")}
        GROUP BY x.factory_day, x.shift ORDER BY x.factory_day, x.shift"""


def _node_yield(sql: Sql) -> str:
    return f"""
        SELECT x.craft_line_code, x.node, SUM(x.units) AS units, SUM(x.first_passed) AS first_passed,
            SUM(x.first_failed) AS first_failed, SUM(x.recovered) AS recovered, SUM(x.repeated) AS repeated,
            SUM(x.attempts) AS attempts
        FROM mart_station_daily x WHERE {_recent(sql, "factory_day")}
        GROUP BY x.craft_line_code, x.node ORDER BY x.craft_line_code, x.node"""


def _presence(sql: Sql) -> str:
    return f"""
        SELECT CAST(x.factory_day AS text) AS day, x.product_id, SUM(x.devices) AS devices,
            SUM(x.online_ms) AS online_ms, SUM(x.offline_ms) AS offline_ms, SUM(x.unknown_ms) AS unknown_ms,
            SUM(x.flips) AS flips, SUM(x.never_online) AS never_online
        FROM mart_presence_day x WHERE {_recent(sql, "factory_day")}
        GROUP BY x.factory_day, x.product_id ORDER BY x.factory_day, x.product_id"""


def _orders_in_field(sql: Sql) -> str:
    return """
        SELECT x.order_code, MAX(x.product_name) AS product_name, COUNT(*) AS devices,
            COUNT(CASE WHEN x.online AND x.vanished_at IS NULL THEN 1 END) AS online,
            COUNT(CASE WHEN x.vanished_at IS NOT NULL THEN 1 END) AS vanished
        FROM mart_unit_device x WHERE x.account = :account AND x.chosen AND x.order_code IS NOT NULL
        GROUP BY x.order_code ORDER BY COUNT(*) DESC, x.order_code LIMIT 50"""


def _commands(sql: Sql) -> str:
    return f"""
        SELECT CAST(x.day AS text) AS day, x.product_type, x.outcome, x.commands, x.timed, x.latency_median_s,
            x.latency_p90_s
        FROM mart_command_day x JOIN ops_mart m ON m.account = x.account
        WHERE x.account = :account AND x.day > {sql.days_before(sql.day("m.as_of"), DAYS)}
        ORDER BY x.day, x.product_type, x.outcome"""


def _verdicts(sql: Sql) -> str:
    return """
        SELECT x.verdict, x.outcome, COUNT(*) AS commands FROM mart_command x WHERE x.account = :account
        GROUP BY x.verdict, x.outcome ORDER BY COUNT(*) DESC, x.verdict, x.outcome"""


def _quality(sql: Sql) -> str:
    return f"""
        SELECT check_name, severity, order_code, key, what, found FROM (
            SELECT x.*, COUNT(*) OVER (PARTITION BY x.check_name) AS found,
                ROW_NUMBER() OVER (PARTITION BY x.check_name ORDER BY x.order_code, x.key, x.what) AS place
            FROM mart_quality x WHERE x.account = :account) named
        WHERE place <= {ROWS_OF_A_CHECK}
        ORDER BY CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END, found DESC, check_name, place"""


def _changes(sql: Sql) -> str:
    return """
        SELECT x.kind, COUNT(*) AS found FROM mart_change x WHERE x.account = :account
        GROUP BY x.kind ORDER BY COUNT(*) DESC, x.kind"""


def _dead_letters(sql: Sql) -> str:
    return """
        SELECT x.kind, x.reason, COUNT(*) AS found, MAX(x.last_seen_at) AS last_seen_at FROM ops_dead_letter x
        WHERE x.account = :account AND x.resolved_at IS NULL AND x.dismissed_at IS NULL
        GROUP BY x.kind, x.reason ORDER BY COUNT(*) DESC, x.kind, x.reason LIMIT 20"""


def _drift(sql: Sql) -> str:
    return """
        SELECT x.kind, x.field, x.first_seen_at, x.answers FROM ops_drift x WHERE x.account = :account
        ORDER BY x.first_seen_at DESC, x.kind, x.field LIMIT 20"""


def _buckets(sql: Sql) -> str:
    return """
        SELECT x.bucket, x.from_s, x.to_s FROM mart_bucket x
        WHERE CAST(:account AS text) IS NOT NULL ORDER BY x.bucket"""


_DAY, _FOUND, _COMMANDS = words("day", ""), big("found", ""), big("commands", "")

SUMMARIES: dict[str, Summary] = {
    one.name: one
    for one in (
        Summary("stuck_by_node", (_LINE, _NODE, _UNITS, number("longest_h", "")), _stuck_by_node),
        Summary("wip_by_node", (_LINE, _NODE, _UNITS, number("longest_h", "")), _wip_by_node),
        Summary("intervals", (*_PAIR, big("bucket", ""), _UNITS, big("ms", "")), _intervals),
        Summary("buckets", (big("bucket", ""), number("from_s", ""), number("to_s", "")), _buckets),
        Summary("shifts", (_DAY, words("shift", ""), big("started", ""), big("finished", "")), _shifts),
        Summary(
            "node_yield",
            (
                _LINE,
                _NODE,
                _UNITS,
                *[big(name, "") for name in ("first_passed", "first_failed", "recovered", "repeated", "attempts")],
            ),
            _node_yield,
        ),
        Summary(
            "presence",
            (
                _DAY,
                words("product_id", ""),
                *[
                    big(name, "")
                    for name in ("devices", "online_ms", "offline_ms", "unknown_ms", "flips", "never_online")
                ],
            ),
            _presence,
        ),
        Summary(
            "orders_in_field",
            (
                words("order_code", ""),
                words("product_name", ""),
                *[big(name, "") for name in ("devices", "online", "vanished")],
            ),
            _orders_in_field,
        ),
        Summary(
            "commands",
            (
                _DAY,
                words("product_type", ""),
                words("outcome", ""),
                _COMMANDS,
                big("timed", ""),
                number("latency_median_s", ""),
                number("latency_p90_s", ""),
            ),
            _commands,
        ),
        Summary("verdicts", (words("verdict", ""), words("outcome", ""), _COMMANDS), _verdicts),
        Summary(
            "quality",
            (*[words(name, "") for name in ("check_name", "severity", "order_code", "key", "what")], _FOUND),
            _quality,
        ),
        Summary("changes", (words("kind", ""), _FOUND), _changes),
        Summary(
            "dead_letters", (words("kind", ""), words("reason", ""), _FOUND, time("last_seen_at", "")), _dead_letters
        ),
        Summary(
            "drift", (words("kind", ""), words("field", ""), time("first_seen_at", ""), big("answers", "")), _drift
        ),
        _first("stuck_units", First("mart_stuck_unit", "silent_h DESC, order_code, sn", 200)),
        _first("rework_units", First("mart_rework_unit", "repeats + erased DESC, order_code, sn", 50)),
        _first("newest_changes", First("mart_change", "at DESC, kind, key", 50)),
        _first("nights", First("mart_run", "started_at DESC, run_key", 28, "flow = 'nightly_sync'")),
        _first("newest_runs", First("mart_run", "started_at DESC, flow", 40)),
        _first(
            "open_commands", First("mart_command", "open_h DESC, command_sn", 50, "outcome IN ('stuck', 'conflict')")
        ),
    )
}
"""Every summary by its name."""
