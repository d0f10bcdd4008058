"""Work orders: how far each is, how fast, when it will be done; throughput by shift and day."""

from tuyahouse.warehouse.marts.definition import (
    ACCOUNT,
    FACTORY_DAY,
    LINE,
    ORDER,
    SHIFT,
    Field,
    Mart,
    big,
    count,
    day,
    flag,
    number,
    time,
    words,
)
from tuyahouse.warehouse.marts.shift_columns import day_and_shift, slot_of
from tuyahouse.warehouse.marts.sql import Sql, share
from tuyahouse.warehouse.marts.units import stuck_condition


def _units(name: str, meaning: str) -> Field:
    return count(name, meaning, "units", required=True)


STATES = (
    _units("waiting", "Units registered for the order that have no step in it"),
    _units("open", "Units under way"),
    _units("finished", "Units that are finished"),
    _units("left_", "Units not finished that went on in another work order"),
    _units("forgotten", "Units not finished of which Tuya shows no step any more"),
)
_WAITING, _OPEN, _FINISHED, _LEFT, _FORGOTTEN = STATES
_CLEAN = _units("clean", "Finished units without a failure, a repeat or an erased step")
_REWORKED = _units("reworked", "Units with a failure, a repeat or an erased step")
_STARTED = _units("started", "Units with a step")
_TIMES = (
    time("first_step_at", "Earliest step"),
    time("last_step_at", "Newest shown step"),
    time("last_finished_at", "When a unit was finished last"),
)


def _order_state(sql: Sql) -> str:
    states = ", ".join(
        f"COUNT(CASE WHEN state = '{name.rstrip('_')}' THEN 1 END) AS {name}" for name in (f.name for f in STATES)
    )
    return f"""
        SELECT account, order_code, COUNT(*) AS units, {states}, COUNT(CASE WHEN clean THEN 1 END) AS clean,
            COUNT(CASE WHEN failed > 0 OR repeats > 0 OR erased > 0 THEN 1 END) AS reworked,
            COUNT(first_step_at) AS started, MIN(first_step_at) AS first_step_at, MAX(last_step_at) AS last_step_at,
            MAX(finished_at) AS last_finished_at
        FROM new_mart_unit GROUP BY account, order_code"""


MART_ORDER_STATE = Mart(
    "mart_order_state",
    "Units of each work order by state.",
    ("account", "order_code"),
    (
        ACCOUNT,
        ORDER,
        _units("units", "Units registered for the order or with a step of it"),
        *STATES,
        _CLEAN,
        _REWORKED,
        _STARTED,
        *_TIMES,
    ),
    _order_state,
    "SELECT order_code, units, open, finished FROM mart_order_state WHERE account = :account ORDER BY order_code",
    ("seen_when_asked", "status_ambiguous"),
    kept=True,
)


def _order_day(sql: Sql) -> str:
    factory_day, shift = day_and_shift(sql, "v.at")
    return f"""
        WITH moved AS (
            SELECT order_code, first_step_at AS at, 1 AS started, 0 AS finished FROM new_mart_unit
            WHERE first_step_at IS NOT NULL
            UNION ALL SELECT order_code, finished_at, 0, 1 FROM new_mart_unit WHERE finished_at IS NOT NULL)
        SELECT :account AS account, v.order_code, {factory_day} AS factory_day, {shift} AS shift,
            SUM(v.started) AS started, SUM(v.finished) AS finished
        FROM moved v {slot_of(sql, "v.at")} GROUP BY v.order_code, {factory_day}, {shift}"""


MART_ORDER_DAY = Mart(
    "mart_order_day",
    "Units that each work order started and finished, by factory day and shift; a unit counts once each.",
    ("account", "order_code", "factory_day", "shift"),
    (
        ACCOUNT,
        ORDER,
        FACTORY_DAY,
        SHIFT,
        _units("started", "Units whose first step lies there"),
        _units("finished", "Units that were finished there"),
    ),
    _order_day,
    "SELECT factory_day, SUM(finished) AS finished FROM mart_order_day WHERE account = :account "
    "GROUP BY factory_day ORDER BY factory_day DESC LIMIT 14",
    ("local_days", "matures"),
    kept=True,
)


def _order(sql: Sql) -> str:
    workdays_left = sql.ceil("(CAST(b.remaining AS DOUBLE PRECISION) / b.pace_per_day)")
    forecast = """FROM mart_day d WHERE d.account = f.account AND d.is_workday
                AND d.workday_no = f.workdays_before + f.workdays_left"""
    return f"""
        WITH today AS (
            SELECT m.account, m.as_of, m.stuck_after_h, t.factory_day,
                t.workday_no - CASE WHEN t.is_workday THEN 1 ELSE 0 END AS workdays_before
            FROM ops_mart m
            LEFT JOIN mart_day t ON t.account = m.account AND t.starts_at <= m.as_of AND t.ends_at > m.as_of),
        span AS (
            SELECT s.account, s.order_code, COUNT(d.factory_day) AS days, MIN(d.factory_day) AS from_day,
                MAX(d.factory_day) AS to_day
            FROM mart_order_state s JOIN today a ON a.account = s.account
            JOIN mart_day d ON d.account = s.account AND d.is_workday AND d.workday_no > a.workdays_before - 7
                AND d.factory_day < a.factory_day AND d.ends_at > s.first_step_at
            GROUP BY s.account, s.order_code),
        pace AS (
            SELECT w.account, w.order_code, w.days, COALESCE(SUM(o.finished), 0) AS finished
            FROM span w LEFT JOIN mart_order_day o ON o.account = w.account AND o.order_code = w.order_code
                AND o.factory_day BETWEEN w.from_day AND w.to_day
            GROUP BY w.account, w.order_code, w.days),
        stuck AS (
            SELECT u.account, u.order_code, COUNT(*) AS stuck
            FROM mart_unit u JOIN ops_mart m ON m.account = u.account
            JOIN serial_number r ON r.account = u.account AND r.sn = u.sn
            WHERE {stuck_condition(sql)} GROUP BY u.account, u.order_code),
        counted AS (
            SELECT s.account, s.order_code, l.craft_line_code, p.product, p.due_at, p.planned_units, s.units,
                COALESCE(p.planned_units, s.units) AS target, s.waiting, s.open, s.finished, s.left_, s.forgotten,
                COALESCE(k.stuck, 0) AS stuck, s.clean, s.reworked, s.started, s.first_step_at, s.last_step_at,
                s.last_finished_at, a.as_of, a.workdays_before,
                CASE WHEN c.days >= 2 THEN {share("c.finished", "c.days", 2)} END AS pace_per_day
            FROM mart_order_state s JOIN today a ON a.account = s.account
            LEFT JOIN craft_line l ON l.account = s.account AND l.order_code = s.order_code
            LEFT JOIN work_order p ON p.account = s.account AND p.order_code = s.order_code
            LEFT JOIN pace c ON c.account = s.account AND c.order_code = s.order_code
            LEFT JOIN stuck k ON k.account = s.account AND k.order_code = s.order_code),
        base AS (
            SELECT c.*, CASE WHEN c.target - c.finished - c.stuck > 0 THEN c.target - c.finished - c.stuck ELSE 0 END
                AS remaining
            FROM counted c),
        f AS (
            SELECT b.*, CASE WHEN b.remaining > 0 AND b.pace_per_day > 0 THEN {workdays_left} END AS workdays_left
            FROM base b)
        SELECT f.account, f.order_code, f.craft_line_code, f.product, f.planned_units, f.units, f.target, f.waiting,
            f.open, f.stuck, f.finished, f.left_, f.forgotten, {share("f.finished", "f.target")} AS finished_share,
            f.clean, {share("f.clean", "f.finished")} AS clean_share, f.reworked, f.started, f.first_step_at,
            f.last_step_at, f.last_finished_at, f.pace_per_day, f.remaining, f.workdays_left,
            (SELECT MIN(d.factory_day) {forecast}) AS forecast_on, f.due_at,
            CASE WHEN f.finished >= f.target THEN 'finished' WHEN f.started = 0 THEN 'not_started'
                WHEN f.due_at < f.as_of THEN 'overdue' WHEN COALESCE(f.pace_per_day, 1) = 0 THEN 'stalled'
                WHEN f.due_at IS NULL THEN 'running' WHEN f.pace_per_day IS NULL THEN 'too_early'
                WHEN (SELECT MIN(d.ends_at) {forecast}) > f.due_at THEN 'late' ELSE 'on_time' END AS progress,
            f.as_of
        FROM f"""


MART_ORDER = Mart(
    "mart_order",
    "How far each work order is, how fast, when it will be done and whether that is late, by a straight line.",
    ("account", "order_code"),
    (
        ACCOUNT,
        ORDER,
        LINE,
        words("product", "What is made, by the plan"),
        count("planned_units", "Units planned; null without a plan", "units"),
        count("units", "Units registered for the order or with a step of it", "units"),
        count("target", "Units planned, else units", "units"),
        _WAITING,
        _OPEN,
        big("stuck", "Open units that are stuck, see mart_stuck_unit", "units"),
        _FINISHED,
        _LEFT,
        _FORGOTTEN,
        number("finished_share", "Finished of target"),
        _CLEAN,
        number("clean_share", "Clean of finished"),
        _REWORKED,
        _STARTED,
        *_TIMES,
        number(
            "pace_per_day",
            "Finished in the newest 7 workdays before today since the order began, a workday; null with fewer than 2",
            "units a workday",
        ),
        big("remaining", "Target less finished and stuck: what is stuck does not arrive by itself", "units"),
        count("workdays_left", "Remaining by pace, rounded up", "workdays"),
        day("forecast_on", "That many workdays on, today counting as the first if it is one"),
        time("due_at", "When the plan wants it"),
        words("progress", "finished, not_started, overdue, stalled, running (no due date), too_early, late or on_time"),
        time("as_of", "The present of this row"),
    ),
    _order,
    "SELECT order_code, finished_share, forecast_on, due_at, progress FROM mart_order WHERE account = :account "
    "ORDER BY due_at, order_code",
    ("needs_plan", "seen_when_asked"),
)

MART_THROUGHPUT = Mart(
    "mart_throughput",
    "Units started and finished by craft line, factory day and shift.",
    ("account", "craft_line_code", "factory_day", "shift"),
    (
        ACCOUNT,
        LINE,
        FACTORY_DAY,
        SHIFT,
        big("started", "Units whose first step lies there", "units"),
        big("finished", "Units that were finished there", "units"),
    ),
    lambda sql: (
        """
        SELECT o.account, l.craft_line_code, o.factory_day, o.shift, SUM(o.started) AS started,
            SUM(o.finished) AS finished
        FROM mart_order_day o LEFT JOIN craft_line l ON l.account = o.account AND l.order_code = o.order_code
        GROUP BY o.account, l.craft_line_code, o.factory_day, o.shift"""
    ),
    "SELECT factory_day, shift, SUM(finished) AS finished FROM mart_throughput WHERE account = :account "
    "GROUP BY factory_day, shift ORDER BY factory_day DESC, shift LIMIT 21",
    ("local_days", "matures"),
)


def _day_summary(sql: Sql) -> str:
    return f"""
        WITH o AS (
            SELECT account, factory_day, SUM(started) AS started, SUM(finished) AS finished
            FROM mart_order_day GROUP BY account, factory_day),
        s AS (
            SELECT account, factory_day, SUM(units) AS first_attempts, SUM(first_passed) AS first_passed,
                SUM(first_failed) AS first_failed, SUM(attempts) AS attempts, SUM(erased) AS erased
            FROM mart_station_day GROUP BY account, factory_day)
        SELECT d.account, d.factory_day, d.is_workday, COALESCE(o.started, 0) AS started,
            COALESCE(o.finished, 0) AS finished,
            SUM(COALESCE(o.started, 0) - COALESCE(o.finished, 0)) OVER (
                PARTITION BY d.account ORDER BY d.factory_day) AS in_process,
            COALESCE(s.attempts, 0) AS attempts, COALESCE(s.first_attempts, 0) AS first_attempts,
            {share("s.first_passed", "(s.first_passed + s.first_failed)")} AS fpy, COALESCE(s.erased, 0) AS erased
        FROM mart_day d JOIN ops_mart m ON m.account = d.account AND d.starts_at <= m.as_of
        LEFT JOIN o ON o.account = d.account AND o.factory_day = d.factory_day
        LEFT JOIN s ON s.account = d.account AND s.factory_day = d.factory_day"""


MART_DAY_SUMMARY = Mart(
    "mart_day_summary",
    "The factory in one row a day: two of them give today against yesterday.",
    ("account", "factory_day"),
    (
        ACCOUNT,
        FACTORY_DAY,
        flag("is_workday", "A step happened on it; today: workdays usually have some"),
        big("started", "Units whose first step lies on it", "units"),
        big("finished", "Units that were finished on it", "units"),
        big("in_process", "Started less finished, so far; units that left or were scrapped stay in it", "units"),
        big("attempts", "Results recorded", "attempts"),
        big("first_attempts", "First attempts of a unit at a node", "attempts"),
        number("fpy", "First attempts that passed, of those that passed or failed"),
        big("erased", "Attempts of the day that Tuya no longer shows", "attempts"),
    ),
    _day_summary,
    "SELECT factory_day, finished, in_process, fpy FROM mart_day_summary WHERE account = :account "
    "ORDER BY factory_day DESC LIMIT 7",
    ("local_days", "matures", "status_ambiguous"),
)

ORDERS = (MART_ORDER_STATE, MART_ORDER_DAY, MART_ORDER, MART_THROUGHPUT, MART_DAY_SUMMARY)
