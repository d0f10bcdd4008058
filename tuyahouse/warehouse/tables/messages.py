"""The message stream: raw messages, what they report of devices, gaps and consumers."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table

from tuyahouse.warehouse.database.types import Json, Text, UtcTime
from tuyahouse.warehouse.tables.base import account_column, extra_column, key_column, metadata, sent_by_tuya

device_event = Table(
    "device_event",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("code", "Code of the event or data point"),
    key_column("happened_at", "When it happened, by the device", UtcTime),
    key_column("data_id", "Tuya's id of the report; a fingerprint of the value where it sends none"),
    Column("value", Text, comment="Value as text; often a JSON document"),
    Column("dp_id", Text, comment="Numeric data point id, where sent"),
    Column("product_id", Text, comment="Product id (productKey)"),
    extra_column(),
    Column("message_id", Text, comment="First message that reported it (raw_message)"),
    comment="What devices reported",
)
sent_by_tuya(
    device_event,
    "an item of status of a message that reports values",
    device_id="devId",
    code="code, else the number that names the value",
    happened_at="t, else t of the envelope",
    data_id="dataId",
    value="value",
    dp_id="the number that names the value",
    product_id="productKey",
)


device_presence = Table(
    "device_presence",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("happened_at", "When it happened", UtcTime),
    key_column("online", "true: came online; false: went offline", Boolean),
    Column("source", Text, comment="message, or inventory: a sweep that contradicted what was held; null is message"),
    Column("uid", Text, comment="Tuya user"),
    extra_column(),
    Column("message_id", Text, comment="First message that reported it"),
    Index("ix_device_presence_happened_at", "happened_at"),
    comment="Every change of a device between online and offline; the latest by happened_at holds",
)
sent_by_tuya(
    device_presence,
    "bizData of messages online and offline; of inventory, a device of its lists",
    device_id="devId",
    happened_at="time, else ts",
    online="bizCode; online_status",
    uid="uid",
)


device_binding = Table(
    "device_binding",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("event", "bound (paired, or its information changed), unbound or gateway_unbound"),
    key_column("happened_at", "When it happened", UtcTime),
    Column("uid", Text, comment="Tuya user"),
    Column("owner_id", Text, comment="Home group"),
    Column("project_id", Text, comment="Project"),
    Column("gateway_id", Text, comment="Gateway"),
    Column("cid", Text, comment="The vendor's own id"),
    Column("device_uuid", Text, comment="UUID"),
    Column("device_name", Text, comment="Name"),
    Column("product_type", Text, comment="Category code"),
    Column("product_id", Text, comment="Product id"),
    extra_column(),
    Column("message_id", Text, comment="First message that reported it"),
    comment="Pairing, change of information and unbinding of devices, as messages reported them",
)
sent_by_tuya(
    device_binding,
    "bizData of messages bindUser and delete",
    device_id="devId",
    event="bizCode",
    happened_at="ts",
    uid="uid",
    owner_id="ownerId",
    project_id="projectId",
    gateway_id="parentDevId",
    cid="cid",
    device_uuid="uuid",
    device_name="deviceName",
    product_type="productType",
    product_id="productKey",
)


raw_message = Table(
    "raw_message",
    metadata,
    account_column(),
    key_column("message_id", "Pulsar message id ledger:entry:partition:batch, or the WebSocket frame's"),
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
sent_by_tuya(
    raw_message,
    "a message of the stream and its envelope",
    message_id="message id of Pulsar; messageId of a WebSocket frame",
    cipher="property em",
    trace_id="property tid",
    protocol="protocol",
    pushed_at="t",
    payload="payload",
    properties="properties",
)


ops_message_gap = Table(
    "ops_message_gap",
    metadata,
    account_column(),
    key_column("gap_from", "Messages after this may be lost", UtcTime),
    Column("gap_to", UtcTime, nullable=False, comment="Messages before this may be lost"),
    Column("why", Text, nullable=False, comment="away_too_long or backlog_notice"),
    Column("detail", Text, comment="In words"),
    Column("closed_at", UtcTime, comment="When a full read of inventory and open commands closed it; null: open"),
    comment="Spans in which messages may have been lost, until a full read closes them",
)


ops_consumer = Table(
    "ops_consumer",
    metadata,
    account_column(),
    key_column("source", "pulsar or websocket"),
    Column("read_until", UtcTime, nullable=False, comment="Until when the stream is known to have been read"),
    Column("last_message_at", UtcTime, comment="Publish time of the newest message"),
    Column("messages", BigInteger, nullable=False, server_default="0", comment="Messages stored"),
    Column(
        "dead_letters",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Dead letters among them",
    ),
    Column("reconnects", BigInteger, nullable=False, server_default="0", comment="Connections lost and restored"),
    comment="How far the message stream has been read",
)
