"""Every table of the warehouse, once: DDL, writer, comments and data dictionary all come from here.

Times are UTC, ids are text, ``account`` is part of every key. Columns named ``extra`` hold what Tuya sent beyond
the documented fields. ``first_run`` is the run that inserted a row, ``last_run`` the run that last changed it.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import JSON

metadata = MetaData()

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Column type of a JSON document; comparable on both dialects."""


Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
"""Text compared and sorted by its bytes, on both dialects and on every server; indexes of it are much faster so."""


class UtcTime(TypeDecorator[datetime]):
    """A UTC timestamp: ``timestamptz`` on PostgreSQL, ISO text without zone on SQLite; aware datetimes in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _account() -> Column[Any]:
    return Column("account", Text, primary_key=True, comment="Tuya cloud project, by its name in the settings")


def _key(name: str, comment: str, type_: Any = Text) -> Column[Any]:
    return Column(name, type_, primary_key=True, comment=comment)


def _extra() -> Column[Any]:
    return Column("extra", Json, comment="Fields Tuya sent beyond the documented ones")


def _runs() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("first_run", Text, comment="Run that inserted this row (ops_run.run_id)"),
        Column("last_run", Text, comment="Run that last changed this row (ops_run.run_id)"),
    )


def _open_ones(name: str, until_set: str, *columns: str) -> Index:
    """An index of the rows that are still open: those whose column ``until_set`` is null."""
    condition = sqlalchemy.text(f"{until_set} IS NULL")
    return Index(name, *columns, postgresql_where=condition, sqlite_where=condition)


# No index of all rows but the primary key holds ``account``: in a table that PostgreSQL has not analysed yet it would
# take such an index for as good as the key, and read the whole account for every batch.

# ---------------------------------------------------------------------------------------------------------- core: PMS

serial_number = Table(
    "serial_number",
    metadata,
    _account(),
    _key("sn", "Serial number of a unit, as PMS knows it"),
    Column("order_code", Text, comment="Work order; from the file that added it, later from Tuya's answer"),
    Column("craft_line_code", Text, comment="Craft line of its newest step"),
    Column(
        "state",
        Text,
        nullable=False,
        comment="new: never asked; open: under way; finished: passed the last node of its craft line; unknown: Tuya does not know it",
    ),
    Column("source", Text, comment="Where it came from: file name, pattern or query"),
    Column("added_at", UtcTime, nullable=False, comment="When it was registered"),
    Column("first_asked_at", UtcTime, comment="First asked"),
    Column("last_asked_at", UtcTime, comment="Newest asking, whatever came of it"),
    Column("last_changed_at", UtcTime, comment="Newest answer that differed from the one before"),
    Column(
        "unknown_times", Integer, nullable=False, server_default="0", comment="How often in a row Tuya did not know it"
    ),
    Column(
        "answer_hash", LargeBinary, comment="Fingerprint of the newest answer; the same fingerprint means nothing to do"
    ),
    Index("ix_serial_number_order_code", "order_code"),
    comment="The registry: every serial number that is to be asked. Fed by files, patterns and queries: Tuya lists none",
)
# A chunk is a run of neighbours, whose asking times change at once: a page half empty takes them all without a new place,
# and so without a write to any index.
event.listen(
    serial_number,
    "after_create",
    DDL("ALTER TABLE serial_number SET (fillfactor = 45)").execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]
)

flow_step = Table(
    "flow_step",
    metadata,
    _account(),
    _key("sn", "Serial number"),
    _key("node", "Station or process node"),
    _key("happened_at", "When the unit was at the node", UtcTime),
    Column("order_code", Text, comment="Work order"),
    Column("craft_line_code", Text, comment="Craft line"),
    Column("node_desc", Text, comment="Text for people; not a key"),
    Column("request_id", Text, comment="Tuya's request id of the step, where it sends one"),
    Column(
        "status",
        Boolean,
        comment="true: passed; false: failed or not yet passed (Tuya does not say which); null: not sent",
    ),
    _extra(),
    Column("gone_at", UtcTime, comment="When an answer first no longer held this step; null: still there"),
    *_runs(),
    comment="One row for one process step of one unit: the answer to /v1.0/pms/station/sn/flows/get",
)

craft_line = Table(
    "craft_line",
    metadata,
    _account(),
    _key("order_code", "Work order"),
    Column("craft_line_code", Text, comment="Code of the craft line"),
    Column("name", Text, comment="Name of the craft line"),
    Column("type", Text, comment="pcba or production"),
    Column("last_node", Text, comment="Node with the highest sort: who passed it is finished"),
    _extra(),
    Column("asked_at", UtcTime, comment="When it was asked"),
    *_runs(),
    comment="The craft line of a work order, asked once when the order first appears",
)

craft_line_node = Table(
    "craft_line_node",
    metadata,
    _account(),
    _key("order_code", "Work order"),
    _key("node", "Station or process node"),
    Column("sort", Integer, comment="Place in the line, ascending"),
    Column("programs", Text, comment="Test programs of the node, comma-separated"),
    Column("description", Text, comment="Text for people"),
    _extra(),
    Column("gone_at", UtcTime, comment="When an answer first no longer held this node; null: still there"),
    *_runs(),
    comment="The nodes of a work order's craft line in their order",
)

# ------------------------------------------------------------------------------------------------------ core: devices

DEVICE_COLUMNS: tuple[str, ...] = (
    "project_id",
    "cid",
    "gateway_id",
    "device_name",
    "device_ip",
    "mac_address",
    "install_location",
    "product_type",
    "product_id",
    "product_name",
    "supplier_code",
    "supplier_name",
    "extend_data",
    "active",
    "online",
    "created_at",
    "uid",
    "extra",
)
"""What Tuya says of a device: the columns shared by device and device_history."""


def _device_facts() -> list[Column[Any]]:
    return [
        Column("project_id", Text, comment="Project the device was read under"),
        Column("cid", Text, comment="The vendor's own id: serial number, MAC or IMEI"),
        Column("gateway_id", Text, comment="Gateway the device hangs on"),
        Column("device_name", Text, comment="Name"),
        Column("device_ip", Text, comment="IP address"),
        Column("mac_address", Text, comment="MAC address"),
        Column("install_location", Text, comment="Where it is installed"),
        Column("product_type", Text, comment="Category code"),
        Column("product_id", Text, comment="Product id (productKey)"),
        Column("product_name", Text, comment="Product name"),
        Column("supplier_code", Text, comment="Supplier code"),
        Column("supplier_name", Text, comment="Supplier name"),
        Column("extend_data", Text, comment="The vendor's own data, as sent. May hold credentials: do not publish"),
        Column("active", Boolean, comment="Activated"),
        Column("online", Boolean, comment="Online, by the newest of inventory and messages"),
        Column("created_at", UtcTime, comment="When Tuya created the device"),
        Column("uid", Text, comment="Tuya user the device belongs to"),
        _extra(),
    ]


device = Table(
    "device",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id (devId)"),
    *_device_facts(),
    Column("online_at", UtcTime, comment="When the fact in online happened or was read"),
    Column("source", Text, comment="inventory, or message: first met in a message and not yet in the inventory"),
    Column("detail_at", UtcTime, comment="When details and functions were last read"),
    Column(
        "detail_hash",
        LargeBinary,
        comment="Fingerprint of what they last said, presence left out; the same: nothing to do",
    ),
    Column("changed_at", UtcTime, comment="When a fact last changed"),
    Column(
        "answer_hash",
        LargeBinary,
        comment="Fingerprint of what the inventory last said, presence left out; null: only messages told of it",
    ),
    Column("vanished_at", UtcTime, comment="When a complete sweep no longer held it, or it was unbound; null: there"),
    *_runs(),
    comment="The device inventory as it is now",
)

device_history = Table(
    "device_history",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id"),
    _key("valid_from", "From when this was so", UtcTime),
    Column("valid_to", UtcTime, comment="Until when; null: still so"),
    *_device_facts(),
    Column("changed_columns", Text, comment="What differed from the row before, comma-separated; null: first row"),
    Column("ended_by", Text, comment="Why it ended: changed, vanished or unbound"),
    *_runs(),
    comment="What each device was from when to when; one open row for each device that is there",
)

device_function = Table(
    "device_function",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id"),
    _key("function_code", "Data point code"),
    Column("function_name", Text, comment="Name for people"),
    Column("enabled", Boolean, nullable=False, comment="true: enabled; false: possible only"),
    _extra(),
    Column("gone_at", UtcTime, comment="When an answer first no longer held it; null: still there"),
    *_runs(),
    comment="Data points of each device: those enabled and those possible",
)

device_serial_number = Table(
    "device_serial_number",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id"),
    _key("sn", "Serial number"),
    _key("source", "Who says so: pms, factory_infos or cid"),
    Column("seen_at", UtcTime, nullable=False, comment="First seen"),
    *_runs(),
    comment="Factory to field: which serial number became which device. Sources may contradict each other: all are kept",
)

command = Table(
    "command",
    metadata,
    _account(),
    _key("command_sn", "Record number of the command (Tuya calls it sn)"),
    Column("device_id", Text, comment="Device the command went to"),
    Column(
        "process_status",
        Integer,
        comment="Newest by the rules: 1 being sent, 2 sent, 3 succeeded, 4 failed, 5 unknown; other values as sent",
    ),
    Column("message", Text, comment="Tuya's text to the result"),
    Column("happened_at", UtcTime, comment="When that status happened"),
    Column("api_status", Integer, comment="What the API last said; null: nothing"),
    Column("message_status", Integer, comment="What messages last said; null: nothing"),
    Column("verdict", Text, comment="matched, api_ahead, message_ahead, conflict, stuck or unknown (docs/commands.md)"),
    Column("source", Text, comment="How its number was learnt: file, message, write or given (to the flow)"),
    Column("added_at", UtcTime, nullable=False, comment="When its number was learnt"),
    Column("first_asked_at", UtcTime, comment="First asked"),
    Column("last_asked_at", UtcTime, comment="Last asked"),
    Column("asked_times", Integer, nullable=False, server_default="0", comment="How often it was asked"),
    Column("unknown_since", UtcTime, comment="Since when Tuya answers that it does not know the record"),
    Column("done_at", UtcTime, comment="When it was settled; null: still followed"),
    *_runs(),
    _open_ones("ix_command_open", "done_at", "account", "command_sn"),
    comment="Every command whose record number is known, followed until it ended",
)

command_observation = Table(
    "command_observation",
    metadata,
    _account(),
    _key("command_sn", "Record number of the command"),
    _key("source", "api or message"),
    _key("process_status", "Status as observed", Integer),
    _key("happened_at", "When it happened, by Tuya", UtcTime),
    Column("device_id", Text, comment="Device"),
    Column("message", Text, comment="Tuya's text"),
    Column("data_flag", Integer, comment="1 data sync, 2 control command"),
    Column("biz_id", Text, comment="Business id"),
    Column("cmd_biz_type", Text, comment="Business type of the command"),
    Column("data", Text, comment="Returned result, as sent"),
    _extra(),
    Column("message_id", Text, comment="Message that told it (raw_message)"),
    Column("observed_at", UtcTime, nullable=False, comment="When tuyahouse first heard it"),
    comment="Everything ever heard of a command, from the API and from messages",
)

# ----------------------------------------------------------------------------------------------------- core: messages

device_event = Table(
    "device_event",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id"),
    _key("code", "Code of the event or data point"),
    _key("happened_at", "When it happened, by the device", UtcTime),
    _key("data_id", "Tuya's id of the report; a fingerprint of the value where it sends none"),
    Column("value", Text, comment="Value as text; often a JSON document"),
    Column("dp_id", Text, comment="Numeric data point id, where sent"),
    Column("product_id", Text, comment="Product id (productKey)"),
    _extra(),
    Column("message_id", Text, comment="Message that told it first (raw_message)"),
    comment="What devices reported",
)

device_presence = Table(
    "device_presence",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id"),
    _key("happened_at", "When it happened", UtcTime),
    _key("online", "true: came online; false: went offline", Boolean),
    Column("uid", Text, comment="Tuya user"),
    _extra(),
    Column("message_id", Text, comment="Message that told it first"),
    comment="Every change of a device between online and offline; the latest by happened_at holds",
)

device_binding = Table(
    "device_binding",
    metadata,
    _account(),
    _key("device_id", "Tuya's device id"),
    _key("event", "bound (paired, or its information changed), unbound or gateway_unbound"),
    _key("happened_at", "When it happened", UtcTime),
    Column("uid", Text, comment="Tuya user"),
    Column("owner_id", Text, comment="Home group"),
    Column("project_id", Text, comment="Project"),
    Column("gateway_id", Text, comment="Gateway"),
    Column("cid", Text, comment="The vendor's own id"),
    Column("device_uuid", Text, comment="UUID"),
    Column("device_name", Text, comment="Name"),
    Column("product_type", Text, comment="Category code"),
    Column("product_id", Text, comment="Product id"),
    _extra(),
    Column("message_id", Text, comment="Message that told it first"),
    comment="Pairing, change of information and unbinding of devices, as messages told them",
)

# ---------------------------------------------------------------------------------------------------------------- raw

raw_block = Table(
    "raw_block",
    metadata,
    _account(),
    _key("kind", "What was asked: sn_flows, craft_line, devices, …"),
    _key("block_id", "Run id and chunk number"),
    Column("stored_at", UtcTime, nullable=False, comment="When it was committed"),
    Column("answers", Integer, nullable=False, comment="Answers inside"),
    Column("keys", LargeBinary, nullable=False, comment="The keys inside: zstandard over a MessagePack list of text"),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="The answers as Tuya sent them: zstandard over a MessagePack list of [key, bytes]",
    ),
    Index("ix_raw_block_stored_at", "stored_at"),
    comment="The changed answers of one chunk as Tuya sent them, for replay and explain without a call",
)

raw_message = Table(
    "raw_message",
    metadata,
    _account(),
    _key("message_id", "Pulsar message id ledger:entry:partition:batch, or the WebSocket frame's"),
    Column("topic", Text, comment="Topic"),
    Column("received_at", UtcTime, nullable=False, comment="When it was read"),
    Column("published_at", UtcTime, comment="When the broker or Tuya published it"),
    Column("cipher", Text, comment="Message property em; null: ECB"),
    Column("trace_id", Text, comment="Message property tid"),
    Column("envelope", Text, comment="A (data) or B (encryptPayload)"),
    Column("protocol", Integer, comment="Protocol number of envelope A"),
    Column("pushed_at", UtcTime, comment="Envelope's own time"),
    Column("signature", Text, comment="valid, invalid or absent; never a reason to drop"),
    Column("format", Text, comment="Recognised format, or unknown"),
    Column(
        "verdict", Text, nullable=False, comment="landed, unknown (kept, not understood) or dead (see ops_dead_letter)"
    ),
    Column("payload", LargeBinary, nullable=False, comment="The payload as received, encrypted"),
    Column("properties", Json, comment="Message properties"),
    Index("ix_raw_message_received_at", "received_at"),
    comment="Every message, stored before it is acknowledged",
)

# ---------------------------------------------------------------------------------------------------------------- ops

ops_run = Table(
    "ops_run",
    metadata,
    _account(),
    _key("flow", "Flow"),
    _key("run_key", "Intent of the run; the same run key continues where it stopped"),
    Column("run_id", Text, nullable=False, unique=True, comment="Short id used in other tables"),
    Column(
        "status",
        Text,
        nullable=False,
        comment="running, balanced, stopped (budget or quota; resumable), unbalanced, failed or interrupted",
    ),
    Column("parameters", Json, comment="Parameters it was started with, without secrets"),
    Column("started_at", UtcTime, nullable=False, comment="First start"),
    Column("ended_at", UtcTime, comment="Newest end; null: running or killed"),
    Column("starts", Integer, nullable=False, server_default="1", comment="How often it was started"),
    Column("planned", BigInteger, comment="Keys planned; null: not planned yet"),
    *[
        Column(name, BigInteger, nullable=False, server_default="0", comment=text)
        for name, text in (
            ("asked", "Keys asked"),
            ("answered", "Keys with a usable answer"),
            ("empty", "Keys Tuya does not know"),
            ("failed", "Keys that ended in an error (dead letters)"),
            ("rejected", "Answers of a wrong shape (dead letters)"),
            ("inserted", "Rows inserted"),
            ("updated", "Rows updated"),
            ("unchanged", "Answers that changed nothing"),
            ("calls", "Calls made"),
        )
    ],
    Column("note", Text, comment="What the operator should know or do"),
    comment="Every run with its balance: asked = answered + empty + failed + rejected",
)

ops_chunk = Table(
    "ops_chunk",
    metadata,
    _key("run_id", "Run (ops_run.run_id)"),
    _key("chunk", "Number in the run, from 0", Integer),
    Column("status", Text, nullable=False, comment="planned, partial or done"),
    Column("planned", Integer, nullable=False, comment="Keys planned"),
    Column("keys", LargeBinary, nullable=False, comment="Keys still to ask: zstandard over a MessagePack list of text"),
    *[
        Column(name, Integer, nullable=False, server_default="0", comment=f"See ops_run.{name}")
        for name in ("asked", "answered", "empty", "failed", "rejected", "inserted", "updated", "unchanged", "calls")
    ],
    Column("done_at", UtcTime, comment="When it was committed"),
    comment="The unit of work and commit of a run",
)

ops_lock = Table(
    "ops_lock",
    metadata,
    _key("name", "What is locked: account and flow"),
    Column("holder", Text, nullable=False, comment="Who holds it"),
    Column(
        "process", Text, nullable=False, comment="Process that holds it; a dead one of the same machine blocks nobody"
    ),
    Column("acquired_at", UtcTime, nullable=False, comment="Since when"),
    Column("expires_at", UtcTime, nullable=False, comment="Until when, unless renewed"),
    comment="Locks that end by time, so that a killed run blocks nobody for long",
)

ops_api_calls = Table(
    "ops_api_calls",
    metadata,
    _account(),
    _key("endpoint", "Method and path of the call"),
    _key("day", "Day, UTC", Date),
    Column(
        "calls",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Calls paid for; a killed process may leave it a little too high, never too low",
    ),
    Column("failures", BigInteger, nullable=False, server_default="0", comment="Calls answered with an error"),
    Column("throttled", BigInteger, nullable=False, server_default="0", comment="Calls answered with: slower"),
    comment="What was called how often on which day; the budget is held against it",
)

ops_pace = Table(
    "ops_pace",
    metadata,
    _account(),
    _key("endpoint", "Method and path of the call"),
    Column("next_slot", Double, nullable=False, comment="Earliest next start, Unix seconds by the database's clock"),
    Column("slowdown", Double, nullable=False, server_default="1", comment="1: the set pace; 2: half of it; …"),
    Column("throttled_at", Double, comment="Newest throttle answer, Unix seconds"),
    comment="Start slots shared by all processes of an account",
)

ops_token = Table(
    "ops_token",
    metadata,
    _account(),
    _key("kind", "platform or pms"),
    Column("token", LargeBinary, comment="Encrypted access token"),
    Column("refresh_token", LargeBinary, comment="Encrypted refresh token"),
    Column("fingerprint", Text, comment="First hex digits of the token's SHA-256, to tell tokens apart"),
    Column("expires_at", UtcTime, comment="End, by Tuya's clock"),
    Column("refreshed_at", UtcTime, comment="Newest refresh (PMS: at most one a day)"),
    Column("generation", Integer, nullable=False, server_default="0", comment="How many tokens there have been"),
    Column("changed_at", UtcTime, comment="When it was stored"),
    Column("lease_holder", Text, comment="Who is replacing it (SQLite)"),
    Column("lease_until", UtcTime, comment="Until when (SQLite)"),
    comment="The one live token of each account, encrypted",
)

ops_dead_letter = Table(
    "ops_dead_letter",
    metadata,
    _account(),
    _key("kind", "What it is: sn_flows, craft_line, devices, command, message, …"),
    _key("key", "Serial number, work order, device, message id, …"),
    _key("reason", "Class of the problem, e.g. unusable_answer, item_error, retries_exhausted"),
    Column("code", Text, comment="Tuya's error code, as sent"),
    Column("message", Text, comment="What happened and what to do"),
    Column("raw", LargeBinary, comment="What was received, as far as there was something (secrets redacted)"),
    Column("attempts", Integer, nullable=False, server_default="1", comment="How often this was met"),
    Column("first_seen_at", UtcTime, nullable=False, comment="First time"),
    Column("last_seen_at", UtcTime, nullable=False, comment="Newest time"),
    Column("resolved_at", UtcTime, comment="When a later answer was good; null: still open"),
    _open_ones("ix_ops_dead_letter_open", "resolved_at", "account", "kind", "key", "reason"),
    comment="Answers, items and messages that could not be used. Nothing is dropped without a row here",
)

ops_drift = Table(
    "ops_drift",
    metadata,
    _account(),
    _key("kind", "Answer or message format"),
    _key("field", "Field Tuya sends and the documentation does not know, or one with a new type or value"),
    Column("sample", Text, comment="An example value, cut"),
    Column("first_seen_at", UtcTime, nullable=False, comment="First time"),
    Column("last_seen_at", UtcTime, nullable=False, comment="Newest time"),
    Column("seen", BigInteger, nullable=False, server_default="1", comment="In how many changed answers"),
    comment="What Tuya sends that was not expected; kept in extra",
)

ops_message_gap = Table(
    "ops_message_gap",
    metadata,
    _account(),
    _key("gap_from", "Messages after this may be lost", UtcTime),
    Column("gap_to", UtcTime, nullable=False, comment="Messages before this may be lost"),
    Column("why", Text, nullable=False, comment="away_too_long or backlog_notice"),
    Column("detail", Text, comment="In words"),
    Column("closed_at", UtcTime, comment="When inventory and open commands were read in full since; null: open"),
    comment="Times in which messages may have been lost, to be answered by a full read",
)

ops_consumer = Table(
    "ops_consumer",
    metadata,
    _account(),
    _key("source", "pulsar or websocket"),
    Column("read_until", UtcTime, nullable=False, comment="Until when the stream is known to have been read"),
    Column("last_message_at", UtcTime, comment="Publish time of the newest message"),
    Column("messages", BigInteger, nullable=False, server_default="0", comment="Messages stored"),
    Column(
        "dead_letters",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Messages among them that were dead letters",
    ),
    Column("reconnects", BigInteger, nullable=False, server_default="0", comment="Connections lost and made again"),
    comment="How far the message stream has been read",
)

# -------------------------------------------------------------------------------------------------- ops: device lists

ops_device_list = Table(
    "ops_device_list",
    metadata,
    _account(),
    _key("project_id", "Project whose devices are listed"),
    Column("spelling", Text, comment="Spelling of the query that Tuya understood: snake, camel or dotted"),
    Column("first_page", Integer, comment="Number of the first page: 1, or 0 where that was found out"),
    Column("total", BigInteger, comment="How many devices Tuya last said there are"),
    Column("devices", BigInteger, comment="How many different ones its pages held"),
    Column("swept_at", UtcTime, comment="Start of the newest complete sweep; null: there was none"),
    Column("swept_run", Text, comment="Run of that sweep while its marks are kept (ops_sweep); null: they are not"),
    Column("tried_at", UtcTime, nullable=False, comment="Start of the newest sweep, complete or not"),
    Column("tried_run", Text, comment="Run of the newest sweep, complete or not"),
    Column("note", Text, comment="What was odd about the newest sweep; null: nothing"),
    comment="How the device list of each project was last read",
)

ops_sweep = Table(
    "ops_sweep",
    metadata,
    _account(),
    _key("device_id", "Device that was on one of its pages"),
    _key("project_id", "Project whose devices are listed"),
    _key("sweep", "Number of the sweep in this run, from 1", Integer),
    Column(
        "fact_hash", LargeBinary, nullable=False, comment="Fingerprint of what the page said of it, presence left out"
    ),
    comment="Marks of the sweep under way: which devices its pages held. Emptied when the next run begins",
)
