"""The pipeline itself: runs, how fresh everything is, what changed lately, and checks whose failures are rows."""

from tuyahouse.warehouse.marts.definition import ACCOUNT, ORDER, Mart, big, count, number, time, words
from tuyahouse.warehouse.marts.sql import Sql, scaled, share

KEY = words("key", "What it is about: work order, serial number, device, node or run")


def _run(sql: Sql) -> str:
    counts = "planned, asked, answered, empty, failed, rejected, inserted, updated, unchanged, calls"
    names = ", ".join(f"r.{name}" for name in counts.split(", "))
    return f"""
        SELECT r.account, r.flow, r.run_key, r.run_id, r.parent_run, r.status, r.started_at, r.ended_at,
            {scaled("r.ran_ms", 1000, 1)} AS seconds, r.starts, {names},
            r.asked - r.answered - r.empty - r.failed - r.rejected AS imbalance,
            {share("r.unchanged", "r.answered")} AS unchanged_share, {share("r.calls", "r.asked", 3)} AS calls_per_key,
            r.note
        FROM (SELECT o.*, {sql.ms("o.ended_at", "o.started_at")} AS ran_ms FROM ops_run o) r"""


MART_RUN = Mart(
    "mart_run",
    "Every run with its counts. nightly_sync itself asks nothing, its parts do: see parent_run.",
    ("account", "flow", "run_key"),
    (
        ACCOUNT,
        words("flow", "Flow"),
        words("run_key", "Intent of the run"),
        words("run_id", "Short id used in other tables"),
        words("parent_run", "Run that this one is a part of; null: started by itself"),
        words("status", "running, balanced, stopped, unbalanced, failed or interrupted"),
        time("started_at", "First start"),
        time("ended_at", "Newest end; null: running or killed"),
        number("seconds", "From the first start to the newest end", "seconds"),
        count("starts", "How often it was started"),
        big("planned", "Keys planned", "keys"),
        big("asked", "Keys asked", "keys"),
        big("answered", "Keys with a usable answer", "keys"),
        big("empty", "Keys that Tuya does not know", "keys"),
        big("failed", "Keys that ended in an error", "keys"),
        big("rejected", "Answers of a wrong shape", "keys"),
        big("inserted", "Rows inserted", "rows"),
        big("updated", "Rows updated", "rows"),
        big("unchanged", "Answers that changed nothing", "keys"),
        big("calls", "Calls made", "calls"),
        big("imbalance", "Keys asked that ended nowhere; always 0 in a balanced run", "keys"),
        number("unchanged_share", "Unchanged of answered"),
        number("calls_per_key", "Calls a key", "calls"),
        words("note", "What the operator should know or do"),
    ),
    _run,
    "SELECT flow, run_key, status, asked, calls FROM mart_run WHERE account = :account "
    "ORDER BY started_at DESC, flow LIMIT 20",
    fresh="now",
)


def _freshness(sql: Sql) -> str:
    def newest(flow: str) -> str:
        return (
            "(SELECT MAX(r.started_at) FROM ops_run r WHERE r.account = m.account "
            f"AND r.flow = '{flow}' AND r.status = 'balanced')"
        )

    return f"""
        SELECT m.account, m.as_of, m.refreshed_at, {newest("sync_sn_flows")} AS steps_as_of,
            (SELECT MIN(l.swept_at) FROM ops_device_list l WHERE l.account = m.account) AS devices_as_of,
            {newest("reconcile_commands")} AS commands_as_of,
            (SELECT MIN(c.read_until) FROM ops_consumer c WHERE c.account = m.account) AS messages_as_of,
            (SELECT COUNT(*) FROM ops_message_gap g WHERE g.account = m.account AND g.closed_at IS NULL) AS open_gaps,
            (SELECT COUNT(*) FROM ops_dead_letter l WHERE l.account = m.account AND l.resolved_at IS NULL
                AND l.dismissed_at IS NULL) AS open_dead_letters,
            (SELECT COUNT(*) FROM ops_run r WHERE r.account = m.account
                AND r.status NOT IN ('balanced', 'running')) AS runs_not_balanced,
            (SELECT COUNT(*) FROM ops_mart_dirty x WHERE x.account = m.account) AS waiting_refreshes
        FROM ops_mart m"""


MART_FRESHNESS = Mart(
    "mart_freshness",
    "Of when everything is, and what is amiss.",
    ("account",),
    (
        ACCOUNT,
        time("as_of", "The present of all marts"),
        time("refreshed_at", "When a refresh last changed something"),
        time("steps_as_of", "Start of the newest balanced sync_sn_flows"),
        time("devices_as_of", "Oldest complete sweep among the device lists"),
        time("commands_as_of", "Start of the newest balanced reconcile_commands"),
        time("messages_as_of", "Until when the message stream is read, by the consumer that is furthest behind"),
        big("open_gaps", "Times in which messages may have been lost, not answered yet"),
        big("open_dead_letters", "Open dead letters"),
        big("runs_not_balanced", "Runs that ended other than balanced"),
        big("waiting_refreshes", "Marks that the next refresh works off"),
    ),
    _freshness,
    "SELECT as_of, steps_as_of, devices_as_of, open_dead_letters FROM mart_freshness WHERE account = :account",
    fresh="now",
)


def _change(sql: Sql) -> str:
    def within(time: str, alias: str) -> str:
        since = sql.hours_after("m.as_of", "-24")
        return f"JOIN ops_mart m ON m.account = {alias}.account AND {time} > {since} AND {time} <= m.as_of"

    return f"""
        SELECT s.account, s.first_step_at AS at, 'order_begun' AS kind, s.order_code AS key, CAST(NULL AS text) AS what
        FROM mart_order_state s {within("s.first_step_at", "s")}
        UNION ALL SELECT s.account, s.last_finished_at, 'order_finished', s.order_code, CAST(s.finished AS text)
        FROM mart_order_state s {within("s.last_finished_at", "s")} WHERE s.finished = s.units
        UNION ALL SELECT d.account, d.created_at, 'device_new', d.device_id, d.product_id
        FROM device d {within("d.created_at", "d")}
        UNION ALL SELECT d.account, d.vanished_at, 'device_vanished', d.device_id, d.product_id
        FROM device d {within("d.vanished_at", "d")}
        UNION ALL SELECT h.account, h.valid_from, 'device_changed', h.device_id, h.changed_columns
        FROM device_history h {within("h.valid_from", "h")} WHERE h.changed_columns IS NOT NULL
        UNION ALL SELECT l.account, l.first_seen_at, 'dead_letter', l.key, l.kind || ': ' || l.reason
        FROM ops_dead_letter l {within("l.first_seen_at", "l")} WHERE l.resolved_at IS NULL
        UNION ALL SELECT r.account, r.started_at, 'run_' || r.status, r.flow || ' ' || r.run_key, r.note
        FROM ops_run r {within("r.started_at", "r")} WHERE r.status NOT IN ('balanced', 'running')
        UNION ALL SELECT f.account, f.first_seen_at, 'drift', f.kind || '.' || f.field, f.sample
        FROM ops_drift f {within("f.first_seen_at", "f")}"""


MART_CHANGE = Mart(
    "mart_change",
    "What happened in the 24 hours before as_of.",
    ("account", "at", "kind", "key", "what"),
    (
        ACCOUNT,
        time("at", "When"),
        words(
            "kind",
            "order_begun, order_finished, device_new, device_vanished, device_changed, dead_letter, drift, run_STATUS",
        ),
        KEY,
        words("what", "More about it: a count, a product, columns, a reason, a note"),
    ),
    _change,
    "SELECT at, kind, key, what FROM mart_change WHERE account = :account ORDER BY at DESC, kind, key LIMIT 50",
)


def _quality(sql: Sql) -> str:
    future, stale = sql.hours_after("m.as_of", "24"), sql.hours_after("m.as_of", "-m.stuck_after_h")
    return f"""
        SELECT u.account, 'step_in_future' AS check_name, 'error' AS severity, u.order_code, u.sn AS key,
            {sql.time_text("u.last_step_at")} AS what
        FROM mart_unit u JOIN ops_mart m ON m.account = u.account WHERE u.last_step_at > {future}
        UNION ALL SELECT u.account, 'skipped_node', 'warning', u.order_code, u.sn,
            CAST(n.nodes - u.nodes_passed AS text) || ' of ' || CAST(n.nodes AS text)
        FROM mart_unit u JOIN (SELECT account, order_code, COUNT(*) AS nodes FROM craft_line_node
            WHERE gone_at IS NULL GROUP BY account, order_code) n
            ON n.account = u.account AND n.order_code = u.order_code
        WHERE u.state = 'finished' AND u.off_route = 0 AND u.nodes_passed < n.nodes
        UNION ALL SELECT u.account, 'moved_back', 'info', u.order_code, u.sn, CAST(u.back_moves AS text)
        FROM mart_unit u WHERE u.back_moves > 0
        UNION ALL SELECT u.account, 'left_unfinished', 'warning', u.order_code, u.sn, r.order_code
        FROM mart_unit u JOIN serial_number r ON r.account = u.account AND r.sn = u.sn WHERE u.state = 'left'
        UNION ALL SELECT u.account, 'forgotten_unfinished', 'warning', u.order_code, u.sn, {sql.time_text("u.gone_at")}
        FROM mart_unit u WHERE u.state = 'forgotten'
        UNION ALL SELECT u.account, 'in_two_orders', 'warning', u.order_code, u.sn, r.order_code
        FROM mart_unit u JOIN serial_number r ON r.account = u.account AND r.sn = u.sn
        JOIN mart_unit c ON c.account = u.account AND c.order_code = r.order_code AND c.sn = u.sn
        WHERE NOT u.is_current AND u.first_step_at <= c.last_step_at AND c.first_step_at <= u.last_step_at
        UNION ALL SELECT s.account, 'off_route_node', 'warning', s.order_code, s.node, CAST(SUM(s.attempts) AS text)
        FROM mart_station_day s JOIN craft_line l ON l.account = s.account AND l.order_code = s.order_code
        LEFT JOIN craft_line_node n
            ON n.account = s.account AND n.order_code = s.order_code AND n.node = s.node AND n.gone_at IS NULL
        WHERE n.node IS NULL GROUP BY s.account, s.order_code, s.node
        UNION ALL SELECT s.account, 'no_craft_line', 'error', s.order_code, s.order_code, CAST(s.units AS text)
        FROM mart_order_state s LEFT JOIN craft_line l ON l.account = s.account AND l.order_code = s.order_code
        WHERE l.order_code IS NULL AND s.started > 0
        UNION ALL SELECT r.account, 'other_craft_line', 'warning', r.order_code, MIN(r.sn),
            r.craft_line_code || ', not ' || l.craft_line_code || ': ' || CAST(COUNT(*) AS text)
        FROM serial_number r JOIN craft_line l ON l.account = r.account AND l.order_code = r.order_code
            AND l.craft_line_code <> r.craft_line_code
        GROUP BY r.account, r.order_code, r.craft_line_code, l.craft_line_code
        UNION ALL SELECT r.account, 'unit_without_order', 'info', NULL, MIN(r.sn), CAST(COUNT(*) AS text)
        FROM serial_number r WHERE r.order_code IS NULL GROUP BY r.account
        UNION ALL SELECT r.account, 'stale_unit', 'warning', r.order_code, MIN(r.sn), CAST(COUNT(*) AS text)
        FROM serial_number r JOIN ops_mart m ON m.account = r.account
        WHERE r.state = 'open' AND r.last_asked_at < {stale} GROUP BY r.account, r.order_code
        UNION ALL SELECT account, 'sn_device_conflict', 'warning', order_code, device_id, conflict || ': ' || sn
        FROM mart_unit_device WHERE conflict <> 'none'
        UNION ALL SELECT c.account, 'command_conflict', 'warning', NULL, c.command_sn, 'api ' ||
            COALESCE(CAST(c.api_status AS text), '?') || ', message ' || COALESCE(CAST(c.message_status AS text), '?')
        FROM command c WHERE c.verdict = 'conflict'
        UNION ALL SELECT f.account, 'undocumented_field', 'info', NULL, f.kind || '.' || f.field,
            CAST(f.answers AS text)
        FROM ops_drift f
        UNION ALL SELECT d.account, 'device_without_project', 'info', NULL, d.device_id, d.source
        FROM device d WHERE d.project_id IS NULL AND d.vanished_at IS NULL
        UNION ALL SELECT o.account, 'order_unknown', 'info', o.order_code, o.order_code, o.source
        FROM work_order o LEFT JOIN mart_order_state s ON s.account = o.account AND s.order_code = o.order_code
        WHERE s.order_code IS NULL
        UNION ALL SELECT r.account, 'run_unbalanced', 'error', NULL, r.run_id, r.flow || ' ' || r.run_key
        FROM ops_run r WHERE r.status = 'unbalanced'
            OR r.asked <> r.answered + r.empty + r.failed + r.rejected"""


MART_QUALITY = Mart(
    "mart_quality",
    "Checks of the data: what each one found. A check that finds nothing has no row.",
    ("account", "check_name", "order_code", "key", "what"),
    (
        ACCOUNT,
        words(
            "check_name",
            "step_in_future, skipped_node and moved_back (out of the craft line's order), off_route_node, "
            "in_two_orders (steps of both at once), left_unfinished, forgotten_unfinished, no_craft_line, "
            "other_craft_line, unit_without_order, stale_unit, sn_device_conflict, command_conflict, "
            "device_without_project, order_unknown, undocumented_field or run_unbalanced",
        ),
        words("severity", "error, warning or info"),
        ORDER,
        KEY,
        words("what", "What was found: a count, a time, the other value"),
    ),
    _quality,
    "SELECT check_name, severity, COUNT(*) AS found FROM mart_quality WHERE account = :account "
    "GROUP BY check_name, severity ORDER BY check_name",
    ("contradictions_kept", "seen_when_asked"),
)

PIPELINE = (MART_RUN, MART_FRESHNESS, MART_CHANGE, MART_QUALITY)
