"""Commands to devices: what became of each, and how long it took."""

from tuyahouse.warehouse.marts.definition import ACCOUNT, Mart, big, count, day, number, time, words
from tuyahouse.warehouse.marts.field import DEVICE, PRODUCT, PROJECT
from tuyahouse.warehouse.marts.sql import Sql, hours

PRODUCT_TYPE = words("product_type", "Category code of the device")
OUTCOME = words(
    "outcome",
    "conflict, succeeded, failed, stuck, unheard (nothing was ever said of it) or open; the first that fits",
)
FINAL = "process_status IN (3, 4)"


def _command(sql: Sql) -> str:
    latency = f"{sql.ms('o.ended_at', 'o.seen_open_at')}"
    return f"""
        WITH o AS (
            SELECT account, command_sn, MIN(happened_at) AS begun_at,
                MIN(CASE WHEN {FINAL} THEN happened_at END) AS ended_at,
                MIN(CASE WHEN NOT ({FINAL}) THEN happened_at END) AS seen_open_at,
                MIN(CASE WHEN {FINAL} THEN observed_at END) AS end_heard_at,
                MAX(cmd_biz_type) AS cmd_biz_type, COUNT(*) AS observations
            FROM command_observation GROUP BY account, command_sn)
        SELECT x.account, x.command_sn, x.device_id, x.project_id, x.product_type, x.product_id, x.cmd_biz_type,
            x.outcome, x.verdict, x.process_status, x.begun_at, x.ended_at,
            CAST(x.latency_ms AS DOUBLE PRECISION) / 1000 AS latency_s, {hours("x.open_ms")} AS open_h,
            CAST(x.heard_after_ms AS DOUBLE PRECISION) / 1000 AS heard_after_s, x.observations, x.asked_times,
            x.last_asked_at
        FROM (
            SELECT c.account, c.command_sn, c.device_id, d.project_id, d.product_type, d.product_id, o.cmd_biz_type,
                CASE WHEN c.verdict = 'conflict' THEN 'conflict' WHEN c.process_status = 3 THEN 'succeeded'
                    WHEN c.process_status = 4 THEN 'failed' WHEN c.verdict = 'stuck' THEN 'stuck'
                    WHEN o.command_sn IS NULL THEN 'unheard' ELSE 'open' END AS outcome,
                c.verdict, c.process_status, o.begun_at, o.ended_at,
                CASE WHEN o.seen_open_at <= o.ended_at THEN {latency} END AS latency_ms,
                CASE WHEN o.ended_at IS NULL
                    THEN {sql.ms("m.as_of", "COALESCE(o.begun_at, c.added_at)")} END AS open_ms,
                {sql.ms("o.end_heard_at", "o.ended_at")} AS heard_after_ms, o.observations, c.asked_times,
                c.last_asked_at
            FROM command c JOIN ops_mart m ON m.account = c.account
            LEFT JOIN o ON o.account = c.account AND o.command_sn = c.command_sn
            LEFT JOIN device d ON d.account = c.account AND d.device_id = c.device_id) x"""


MART_COMMAND = Mart(
    "mart_command",
    "What became of every command that is followed.",
    ("account", "command_sn"),
    (
        ACCOUNT,
        words("command_sn", "Record number of the command"),
        DEVICE,
        PROJECT,
        PRODUCT_TYPE,
        PRODUCT,
        words("cmd_biz_type", "Business type of the command"),
        OUTCOME,
        words("verdict", "What API and messages say together, see command.verdict"),
        count("process_status", "Status as in command.process_status"),
        time("begun_at", "Earliest word of it, by Tuya's clock"),
        time("ended_at", "First final status, by Tuya's clock"),
        number(
            "latency_s",
            "From the first open status to the first final one; null where the open one was not seen",
            "seconds",
        ),
        number("open_h", "How long it has been open at as_of; null once it has ended", "hours"),
        number("heard_after_s", "How late its end was heard of; negative where Tuya's clock is ahead", "seconds"),
        big("observations", "Words about it, from API and messages"),
        count("asked_times", "How often the API was asked"),
        time("last_asked_at", "When the API was asked last"),
    ),
    _command,
    "SELECT command_sn, device_id, open_h FROM mart_command WHERE account = :account AND outcome = 'stuck' "
    "ORDER BY open_h DESC, command_sn LIMIT 20",
    ("seen_when_asked",),
    fresh="as of the newest reconcile_commands",
)


def _command_day(sql: Sql) -> str:
    group = "k.account, k.day, k.product_type, k.outcome"
    return f"""
        WITH k AS (
            SELECT account, {sql.day("begun_at")} AS day, product_type, outcome, latency_s FROM mart_command),
        t AS (
            SELECT k.*, ROW_NUMBER() OVER (PARTITION BY {group} ORDER BY k.latency_s IS NULL, k.latency_s) AS place,
                COUNT(k.latency_s) OVER (PARTITION BY {group}) AS timed
            FROM k)
        SELECT account, day, product_type, outcome, COUNT(*) AS commands, MAX(timed) AS timed,
            MIN(CASE WHEN 2 * place >= timed AND timed > 0 THEN latency_s END) AS latency_median_s,
            MIN(CASE WHEN 10 * place >= 9 * timed AND timed > 0 THEN latency_s END) AS latency_p90_s
        FROM t GROUP BY account, day, product_type, outcome"""


MART_COMMAND_DAY = Mart(
    "mart_command_day",
    "Commands by day, product type and outcome, with how long they took. Percentiles are exact, by nearest rank.",
    ("account", "day", "product_type", "outcome"),
    (
        ACCOUNT,
        day("day", "UTC date of the earliest word; null: nothing was ever said of them"),
        PRODUCT_TYPE,
        OUTCOME,
        big("commands", "Commands", "commands"),
        big("timed", "Of them with a latency", "commands"),
        number("latency_median_s", "Median of the timed ones", "seconds"),
        number("latency_p90_s", "Nine of ten timed ones are as fast or faster", "seconds"),
    ),
    _command_day,
    "SELECT day, outcome, commands, latency_median_s FROM mart_command_day WHERE account = :account "
    "ORDER BY day DESC, outcome LIMIT 20",
    ("seen_when_asked",),
    fresh="as of the newest reconcile_commands",
)

COMMANDS = (MART_COMMAND, MART_COMMAND_DAY)
