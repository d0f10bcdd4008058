"""What PMS reports: the registry of serial numbers, their process steps, and the craft lines they follow."""

from sqlalchemy import DDL, Boolean, Column, Index, Integer, LargeBinary, Table, event

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.tables.base import (
    account_column,
    extra_column,
    key_column,
    metadata,
    run_columns,
    sent_by_tuya,
)

serial_number = Table(
    "serial_number",
    metadata,
    account_column(),
    key_column("sn", "Serial number of a unit, as PMS knows it"),
    Column("order_code", Text, comment="Work order; from the file that added it, later from Tuya's answer"),
    Column("craft_line_code", Text, comment="Craft line of its newest step"),
    Column(
        "state",
        Text,
        nullable=False,
        comment="new: never asked; open: under way; finished: passed its last node; unknown: Tuya does not know it",
    ),
    Column("source", Text, comment="Where it came from: file name, pattern or query"),
    Column("added_at", UtcTime, nullable=False, comment="When it was registered"),
    Column("first_asked_at", UtcTime, comment="First asked"),
    Column("last_asked_at", UtcTime, comment="Last asked, with whatever result"),
    Column("last_changed_at", UtcTime, comment="Newest answer that differed from the one before"),
    Column(
        "unknown_times",
        Integer,
        nullable=False,
        server_default="0",
        comment="Consecutive answers that Tuya does not know it",
    ),
    Column(
        "answer_hash", LargeBinary, comment="Fingerprint of the newest answer; the same fingerprint means nothing to do"
    ),
    Index("ix_serial_number_order_code", "order_code"),
    comment="The registry: every serial number to ask, from files, patterns and queries: Tuya lists none",
)
sent_by_tuya(
    serial_number,
    "the newest step of the answer to /v1.0/pms/station/sn/flows/get",
    order_code="orderCode, before the first answer the file's",
    craft_line_code="craftLineCode",
    state="node and status of the newest step, against last_node of the craft line",
)


# A chunk is a run of neighbours, whose times of asking change together. A page that is half empty takes the new
# versions of all its rows, so that no index has to be written.
event.listen(
    serial_number,
    "after_create",
    DDL("ALTER TABLE serial_number SET (fillfactor = 45)").execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]
)


flow_step = Table(
    "flow_step",
    metadata,
    account_column(),
    key_column("sn", "Serial number"),
    key_column("node", "Station or process node"),
    key_column("happened_at", "When the unit was at the node", UtcTime),
    Column("order_code", Text, comment="Work order"),
    Column("craft_line_code", Text, comment="Craft line"),
    Column("node_desc", Text, comment="Readable text; not a key"),
    Column("request_id", Text, comment="Tuya's request id of the step, where it sends one"),
    Column(
        "status",
        Boolean,
        comment="true: passed; false: failed or not yet passed (Tuya does not say which); null: not sent",
    ),
    extra_column(),
    Column(
        "first_status", Boolean, comment="Status when the step was first seen; false that became true: not yet passed"
    ),
    Column("seen_at", UtcTime, comment="When an answer first held this step"),
    Column("gone_at", UtcTime, comment="When this step was first missing in an answer; null: still present"),
    *run_columns(),
    Index("ix_flow_step_order_code", "order_code"),
    comment="One row for one process step of one unit: the answer to /v1.0/pms/station/sn/flows/get",
)
sent_by_tuya(
    flow_step,
    "an item of result of the answer to /v1.0/pms/station/sn/flows/get",
    sn="sn, the one asked about",
    node="node",
    happened_at="time",
    order_code="orderCode",
    craft_line_code="craftLineCode",
    node_desc="nodeDesc",
    request_id="requestId",
    status="status",
    first_status="status, when the step was first seen",
)


craft_line = Table(
    "craft_line",
    metadata,
    account_column(),
    key_column("order_code", "Work order"),
    Column("craft_line_code", Text, comment="Code of the craft line"),
    Column("name", Text, comment="Name of the craft line"),
    Column("type", Text, comment="pcba or production"),
    Column("last_node", Text, comment="Node with the highest sort: a unit that passed it is finished"),
    extra_column(),
    Column("asked_at", UtcTime, comment="When it was asked"),
    *run_columns(),
    comment="The craft line of a work order, asked once when the order first appears",
)
sent_by_tuya(
    craft_line,
    "the answer to /v2.0/pms/production/craftline/get/{order_code}",
    order_code="order_code of the path",
    craft_line_code="code",
    name="name",
    type="type",
    last_node="nodeList: code of the node with the highest sort",
)


craft_line_node = Table(
    "craft_line_node",
    metadata,
    account_column(),
    key_column("order_code", "Work order"),
    key_column("node", "Station or process node"),
    Column("sort", Integer, comment="Place in the line, ascending"),
    Column("programs", Text, comment="Test programs of the node, comma-separated"),
    Column("description", Text, comment="Readable text"),
    extra_column(),
    Column("gone_at", UtcTime, comment="When this node was first missing in an answer; null: still present"),
    *run_columns(),
    comment="The nodes of a work order's craft line in their order",
)
sent_by_tuya(
    craft_line_node,
    "an item of nodeList of the answer to /v2.0/pms/production/craftline/get/{order_code}",
    order_code="order_code of the path",
    node="code",
    sort="sort",
    programs="programs",
    description="desc",
)
