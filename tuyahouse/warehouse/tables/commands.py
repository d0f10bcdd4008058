"""Command records, and what API and messages reported of them."""

from sqlalchemy import Column, Integer, Table

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.tables.base import (
    account_column,
    extra_column,
    key_column,
    metadata,
    open_rows_index,
    run_columns,
    sent_by_tuya,
)

command = Table(
    "command",
    metadata,
    account_column(),
    key_column("command_sn", "Record number of the command (Tuya calls it sn)"),
    Column("device_id", Text, comment="Device the command went to"),
    Column(
        "process_status",
        Integer,
        comment="Newest by the rules: 1 being sent, 2 sent, 3 succeeded, 4 failed, 5 unknown; other values as sent",
    ),
    Column("message", Text, comment="Tuya's text on the result"),
    Column("happened_at", UtcTime, comment="When that status happened"),
    Column("api_status", Integer, comment="What the API last reported; null: nothing"),
    Column("message_status", Integer, comment="What messages last reported; null: nothing"),
    Column("verdict", Text, comment="matched, api_ahead, message_ahead, conflict, stuck or unknown (docs/commands.md)"),
    Column("source", Text, comment="How its number was learnt: file, message, write or given (to the flow)"),
    Column("added_at", UtcTime, nullable=False, comment="When its number was learnt"),
    Column("first_asked_at", UtcTime, comment="First asked"),
    Column("last_asked_at", UtcTime, comment="Last asked"),
    Column("asked_times", Integer, nullable=False, server_default="0", comment="How often it was asked"),
    Column("unknown_since", UtcTime, comment="Since when Tuya answers that it does not know the record"),
    Column("begun_at", UtcTime, comment="Earliest observation, by Tuya's clock; null: nothing was ever observed"),
    Column("ended_at", UtcTime, comment="First final status (3 or 4), by Tuya's clock; null: none yet"),
    Column("done_at", UtcTime, comment="When it was settled; null: still followed"),
    *run_columns(),
    open_rows_index("ix_command_open", "done_at", "account", "command_sn"),
    comment="Every command whose record number is known, followed until it ended",
)
sent_by_tuya(
    command,
    "the answer to /v1.0/expand/cmds/{sn} and messages cmdIssueResult, the newer by the rules",
    command_sn="sn",
    device_id="device_id; deviceId or devId",
    process_status="process_status; processStatus",
    message="message",
    happened_at="happen_time; happenTime",
    api_status="process_status",
    message_status="processStatus",
)


command_observation = Table(
    "command_observation",
    metadata,
    account_column(),
    key_column("command_sn", "Record number of the command"),
    key_column("source", "api or message"),
    key_column("process_status", "Status as observed", Integer),
    key_column("happened_at", "When it happened, by Tuya", UtcTime),
    Column("device_id", Text, comment="Device"),
    Column("message", Text, comment="Tuya's text"),
    Column("data_flag", Integer, comment="1 data sync, 2 control command"),
    Column("biz_id", Text, comment="Business id"),
    Column("cmd_biz_type", Text, comment="Business type of the command"),
    Column("data", Text, comment="Returned result, as sent"),
    extra_column(),
    Column("message_id", Text, comment="Message that reported it (raw_message)"),
    Column("observed_at", UtcTime, nullable=False, comment="When tuyahouse first received it"),
    comment="Everything that API and messages ever reported about a command",
)
sent_by_tuya(
    command_observation,
    "the answer to /v1.0/expand/cmds/{sn}; of messages, bizData of cmdIssueResult",
    command_sn="sn",
    process_status="process_status; processStatus",
    happened_at="happen_time; happenTime, else ts",
    device_id="device_id; deviceId or devId",
    message="message",
    data_flag="dataFlag",
    biz_id="bizId",
    cmd_biz_type="cmdBizType",
    data="data",
)
