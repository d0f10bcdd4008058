"""Pass counts: where Tuya's count of a node and the warehouse's disagree."""

from tuyahouse.warehouse.marts.definition import ACCOUNT, ORDER, Mart, count, time, words
from tuyahouse.warehouse.marts.sql import Sql


def _pass_count(sql: Sql) -> str:
    return """
        SELECT c.account, c.order_code, c.node, c.checked_at, c.tuya_count, c.warehouse_count,
            c.tuya_count - c.warehouse_count AS difference
        FROM station_pass_count c
        JOIN (SELECT account, order_code, node, MAX(checked_at) AS checked_at FROM station_pass_count
            WHERE warehouse_count IS NOT NULL GROUP BY account, order_code, node) n
            ON n.account = c.account AND n.order_code = c.order_code AND n.node = c.node
            AND n.checked_at = c.checked_at
        WHERE c.tuya_count <> c.warehouse_count"""


MART_PASS_COUNT = Mart(
    "mart_pass_count",
    "Nodes of work orders where Tuya's newest pass count and the warehouse's disagree.",
    ("account", "order_code", "node"),
    (
        ACCOUNT,
        ORDER,
        words("node", "Station or process node"),
        time("checked_at", "When Tuya was asked"),
        count("tuya_count", "Units that passed, as Tuya counts them", "units", required=True),
        count("warehouse_count", "The same by the steps in the warehouse", "units"),
        count("difference", "More at Tuya: units are missing here, or not registered; fewer: some went back", "units"),
    ),
    _pass_count,
    "SELECT order_code, node, tuya_count, warehouse_count FROM mart_pass_count WHERE account = :account "
    "ORDER BY order_code, node",
    fresh="as of the newest count that a run compared",
)

PASS_COUNTS = (MART_PASS_COUNT,)
