"""Pass counts: how many units of a work order passed a node, by Tuya and by the warehouse, and what they may be used
for."""

from sqlalchemy import Column, Integer, Table

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.tables.base import account_column, key_column, metadata, sent_by_tuya

station_pass_count = Table(
    "station_pass_count",
    metadata,
    account_column(),
    key_column("order_code", "Work order"),
    key_column("node", "Station or process node"),
    key_column("checked_at", "When Tuya was asked", UtcTime),
    Column("tuya_count", Integer, nullable=False, comment="Units that passed the node, as Tuya counts them"),
    Column(
        "warehouse_count",
        Integer,
        comment="The same by the steps in the warehouse, of that time; null until the run compared them",
    ),
    comment="Pass counts: answers to /v1.0/pms/production/station/pass/amount beside the warehouse's own counts",
)
sent_by_tuya(
    station_pass_count,
    "the answer to /v1.0/pms/production/station/pass/amount",
    order_code="orderCode of the request",
    node="stationCode of the request",
    tuya_count="result",
)


ops_count_trust = Table(
    "ops_count_trust",
    metadata,
    account_column(),
    Column("definition", Text, comment="What Tuya's counts proved to count: passed, reached or passed_hour_late"),
    Column("agreed", Integer, nullable=False, server_default="0", comment="Nights in a row in which they agreed"),
    Column("last_run", Text, comment="Run that compared them last (ops_run.run_id)"),
    Column("fell_at", UtcTime, comment="When they were contradicted last"),
    Column("reason", Text, comment="What contradicted them, or why they are not asked"),
    Column("refused_at", UtcTime, comment="When Tuya refused them for lack of rights; null: it did not"),
    comment="Whether pass counts of an account may decide which serial numbers are left alone tonight",
)
