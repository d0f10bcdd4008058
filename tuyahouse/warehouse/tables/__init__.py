"""Every table of the warehouse, once: DDL, writer, comments and data dictionary all come from here."""

from tuyahouse.warehouse.tables.access import (
    app_user,
    authorization_grant,
    authorized_account,
    device_person,
    ops_write,
    visual_token,
)
from tuyahouse.warehouse.tables.base import metadata
from tuyahouse.warehouse.tables.commands import command, command_observation
from tuyahouse.warehouse.tables.devices import (
    DEVICE_COLUMNS,
    device,
    device_function,
    device_history,
    device_serial_number,
    ops_device_list,
    ops_sweep,
)
from tuyahouse.warehouse.tables.ledgers import ops_chunk, ops_dead_letter, ops_drift, ops_run, raw_block
from tuyahouse.warehouse.tables.marts import (
    mart_bucket,
    mart_day,
    mart_shift,
    mart_slot,
    ops_mart,
    ops_mart_dirty,
    work_order,
)
from tuyahouse.warehouse.tables.messages import (
    device_binding,
    device_event,
    device_presence,
    ops_consumer,
    ops_message_gap,
    raw_message,
)
from tuyahouse.warehouse.tables.pass_counts import ops_count_trust, station_pass_count
from tuyahouse.warehouse.tables.serial_numbers import craft_line, craft_line_node, flow_step, serial_number
from tuyahouse.warehouse.tables.shared import ops_api_calls, ops_lock, ops_pace, ops_token

__all__ = [
    "DEVICE_COLUMNS",
    "app_user",
    "authorization_grant",
    "authorized_account",
    "command",
    "command_observation",
    "craft_line",
    "craft_line_node",
    "device",
    "device_binding",
    "device_event",
    "device_function",
    "device_history",
    "device_person",
    "device_presence",
    "device_serial_number",
    "flow_step",
    "mart_bucket",
    "mart_day",
    "mart_shift",
    "mart_slot",
    "metadata",
    "ops_api_calls",
    "ops_chunk",
    "ops_consumer",
    "ops_count_trust",
    "ops_dead_letter",
    "ops_device_list",
    "ops_drift",
    "ops_lock",
    "ops_mart",
    "ops_mart_dirty",
    "ops_message_gap",
    "ops_pace",
    "ops_run",
    "ops_sweep",
    "ops_token",
    "ops_write",
    "raw_block",
    "raw_message",
    "serial_number",
    "station_pass_count",
    "visual_token",
    "work_order",
]
