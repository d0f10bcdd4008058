"""What the marts for analysts stand on: settings in force, marks, the factory's calendar, plans of work orders."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Integer, Table

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.tables.base import account_column, key_column, metadata

work_order = Table(
    "work_order",
    metadata,
    account_column(),
    key_column("order_code", "Work order"),
    Column("planned_units", Integer, comment="Units to be made"),
    Column("due_at", UtcTime, comment="When they are due"),
    Column("product", Text, comment="What is made, as the plan names it"),
    Column("source", Text, comment="File that named it last"),
    comment="Plans of work orders, from files (tuyahouse orders add): no API of Tuya gives quantity or due date",
)


ops_mart = Table(
    "ops_mart",
    metadata,
    account_column(),
    Column("as_of", UtcTime, nullable=False, comment="The present of all marts: they know nothing later"),
    Column("refreshed_at", UtcTime, nullable=False, comment="When a refresh last changed something"),
    Column("definitions", Integer, nullable=False, comment="Number of the definitions that the kept marts follow"),
    Column("time_zone", Text, nullable=False, comment="FACTORY_TIME_ZONE in force"),
    Column("shifts", Text, nullable=False, comment="FACTORY_SHIFTS in force"),
    Column("false_means", Text, nullable=False, comment="FALSE_MEANS in force: failed or open"),
    Column("stuck_after_h", Integer, nullable=False, comment="STUCK_AFTER in force, in hours"),
    comment="The present and the settings of each account's marts",
)


ops_mart_dirty = Table(
    "ops_mart_dirty",
    metadata,
    account_column(),
    key_column("order_code", "Work order, or presence/DAY for a factory day of presence"),
    key_column("mark", "What changed it: run, chunk and what was asked before; a name for other causes"),
    comment="What the next refresh of the marts has to work on; landing inserts, the refresh deletes what it read",
)


mart_shift = Table(
    "mart_shift",
    metadata,
    account_column(),
    key_column("starts_at", "Begin", UtcTime),
    Column("ends_at", UtcTime, nullable=False, comment="End"),
    Column("factory_day", Date, nullable=False, comment="Day on which the day's first shift began"),
    Column("shift", Text, nullable=False, comment="Name of the shift"),
    comment="Every shift of the factory's calendar, without gaps",
)


mart_slot = Table(
    "mart_slot",
    metadata,
    account_column(),
    key_column("slot_at", "Begin of a quarter of an hour", UtcTime),
    Column("factory_day", Date, nullable=False, comment="Factory day it belongs to"),
    Column("shift", Text, nullable=False, comment="Shift it belongs to"),
    comment="The calendar by quarter hours: a time finds its shift by equality",
)


mart_day = Table(
    "mart_day",
    metadata,
    account_column(),
    key_column("factory_day", "Factory day", Date),
    Column("starts_at", UtcTime, nullable=False, comment="Begin of its first shift"),
    Column("ends_at", UtcTime, nullable=False, comment="End of its last shift"),
    Column(
        "is_workday",
        Boolean,
        nullable=False,
        comment="Past: a step happened. From today on: steps on at least half of these weekdays in 28 days",
    ),
    Column("workday_no", Integer, nullable=False, comment="Workdays up to and with this day"),
    comment="One row for one factory day",
)


mart_bucket = Table(
    "mart_bucket",
    metadata,
    Column("bucket", BigInteger, primary_key=True, autoincrement=False, comment="Number of the bucket"),
    Column("from_s", Double, nullable=False, comment="Shortest time in it, in seconds"),
    Column("to_s", Double, nullable=False, comment="Time at which the next bucket begins, in seconds"),
    comment="Buckets of the histograms of times: ten for each power of ten; 0 holds what is shorter than a second",
)
