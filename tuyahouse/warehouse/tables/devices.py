"""The device inventory with its history, functions and links to serial numbers, and the state of its lists."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.tables.base import (
    account_column,
    extra_column,
    key_column,
    metadata,
    run_columns,
    sent_by_tuya,
)

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
"""What Tuya reports of a device: the columns shared by device and device_history."""


def _device_facts() -> list[Column[Any]]:
    return [
        Column("project_id", Text, comment="Project the device was read under"),
        Column("cid", Text, comment="The vendor's own id: serial number, MAC or IMEI"),
        Column("gateway_id", Text, comment="Gateway that the device is connected to"),
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
        extra_column(),
    ]


device = Table(
    "device",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id (devId)"),
    *_device_facts(),
    Column("online_at", UtcTime, comment="When the fact in online happened or was read"),
    Column("source", Text, comment="inventory, or message: first named by a message and not yet in the inventory"),
    Column("detail_at", UtcTime, comment="When details and functions were last read"),
    Column(
        "detail_hash",
        LargeBinary,
        comment="Fingerprint of their newest answers, presence left out; the same: nothing to do",
    ),
    Column("changed_at", UtcTime, comment="When a fact last changed"),
    Column(
        "answer_hash",
        LargeBinary,
        comment="Fingerprint of the newest inventory answer, presence left out; null: known from messages only",
    ),
    Column("vanished_at", UtcTime, comment="When a complete sweep no longer held it, or it was unbound; null: present"),
    *run_columns(),
    comment="The device inventory as it is now",
)


device_history = Table(
    "device_history",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("valid_from", "Start of this state", UtcTime),
    Column("valid_to", UtcTime, comment="End of this state; null: it still holds"),
    *_device_facts(),
    Column("changed_columns", Text, comment="What differed from the row before, comma-separated; null: first row"),
    Column("ended_by", Text, comment="Why it ended: changed, vanished or unbound"),
    *run_columns(),
    comment="The state of each device over time; one open row for each present device",
)
_SENT_AS = {name: name for name in DEVICE_COLUMNS} | {
    "device_id": "device_id",
    "active": "active_status",
    "created_at": "create_time",
    "online": "online_status, or bizCode online and offline of a newer message",
}
for _table in (device, device_history):
    sent_by_tuya(
        _table,
        "a device of the answers to /v1.0/expand/devices and /v1.0/expand/devices/{device_id}",
        **_SENT_AS,
    )


device_function = Table(
    "device_function",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("function_code", "Data point code"),
    Column("function_name", Text, comment="Readable name"),
    Column("enabled", Boolean, nullable=False, comment="true: enabled; false: possible only"),
    extra_column(),
    Column("gone_at", UtcTime, comment="When it was first missing in an answer; null: still present"),
    *run_columns(),
    comment="Data points of each device: those enabled and those possible",
)
sent_by_tuya(
    device_function,
    "the answers to /v1.0/expand/devices/{device_id}/functions and …/function-pool",
    device_id="device_id of the path",
    function_code="function_code",
    function_name="function_name",
    enabled="whether functions holds it, or function-pool alone",
)


device_serial_number = Table(
    "device_serial_number",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("sn", "Serial number"),
    key_column("source", "Source of the link: pms, factory_infos or cid"),
    Column("seen_at", UtcTime, nullable=False, comment="First seen"),
    *run_columns(),
    comment="Factory to field: which serial number became which device. Sources may disagree: all are kept",
)
sent_by_tuya(
    device_serial_number,
    "the answers to /v1.0/iot-03/devices/factory-infos and /v1.0/pms/production/device/sn/get, and a device's cid",
    device_id="id; of pms the one asked about",
    sn="sn; of pms the result; of cid the device's cid",
)


ops_device_list = Table(
    "ops_device_list",
    metadata,
    account_column(),
    key_column("project_id", "Project whose devices are listed"),
    Column("spelling", Text, comment="Spelling of the query that Tuya understood: snake, camel or dotted"),
    Column("first_page", Integer, comment="Number of the first page: 1, or 0 if that was detected"),
    Column("total", BigInteger, comment="Number of devices that Tuya last announced"),
    Column("devices", BigInteger, comment="How many different devices its pages held"),
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
    account_column(),
    key_column("device_id", "Device that was on one of its pages"),
    key_column("project_id", "Project whose devices are listed"),
    key_column("sweep", "Number of the sweep in this run, from 1", Integer),
    Column("fact_hash", LargeBinary, nullable=False, comment="Fingerprint of its row on the page, presence left out"),
    comment="Marks of the sweep under way: which devices its pages held. Emptied when the next run begins",
)
