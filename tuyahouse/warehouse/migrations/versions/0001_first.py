"""All tables of the first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UtcTime = sa.DateTime(timezone=True)
Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "app_user",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("app_schema", Text, nullable=False, comment="Schema of the app"),
        sa.Column("country_code", Text, nullable=False, comment="Country code, e.g. 86"),
        sa.Column("username", Text, nullable=False, comment="User name: phone number, e-mail address or another name"),
        sa.Column("username_type", Text, nullable=True, comment="phone, email or other"),
        sa.Column("nick_name", Text, nullable=True, comment="Nickname"),
        sa.Column("uid", Text, nullable=True, comment="Tuya's id of the user"),
        sa.Column("written_at", UtcTime, nullable=False, comment="When manage_users created or updated it last"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "app_schema", "country_code", "username"),
        comment="Users of the account's app that manage_users wrote. Passwords are never stored",
    )
    op.create_table(
        "authorization_grant",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("uid", Text, nullable=False, comment="Tuya's id of the authorized account (authorized_account.uid)"),
        sa.Column("project_id", Text, nullable=False, comment="Project whose rooms it may enter"),
        sa.Column("room_id", Text, nullable=False, comment="Room (space) of that project"),
        sa.Column("login_name", Text, nullable=True, comment="Login name of the account"),
        sa.Column("granted_at", UtcTime, nullable=False, comment="When Tuya confirmed it last"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "uid", "project_id", "room_id"),
        comment="Rooms that grant_access gave to authorized accounts. Tuya lists no permissions: others may exist",
    )
    op.create_table(
        "authorized_account",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("uid", Text, nullable=False, comment="Tuya's id of the authorized account (tuyaUid)"),
        sa.Column("login_name", Text, nullable=True, comment="Login name: the user name of the third-party system"),
        sa.Column(
            "country_code",
            Text,
            nullable=True,
            comment="Country code that grant_access authorized it with; Tuya lists none",
        ),
        sa.Column("nick_name", Text, nullable=True, comment="Nickname"),
        sa.Column("role_code", Text, nullable=True, comment="Code of its role"),
        sa.Column("role_name", Text, nullable=True, comment="Name of its role"),
        sa.Column("remark", Text, nullable=True, comment="Remark"),
        sa.Column("create_date", Text, nullable=True, comment="When it was authorized, as Tuya writes it"),
        sa.Column("admin_id", Text, nullable=True, comment="Tuya's id of the account as an administrator (adminId)"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column(
            "vanished_at", UtcTime, nullable=True, comment="When a complete list no longer held it; null: still there"
        ),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "uid"),
        comment="Accounts of third-party systems that may log in to Tuya, as Tuya lists them",
    )
    op.create_table(
        "command",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("command_sn", Text, nullable=False, comment="Record number of the command (Tuya calls it sn)"),
        sa.Column("device_id", Text, nullable=True, comment="Device the command went to"),
        sa.Column(
            "process_status",
            sa.Integer(),
            nullable=True,
            comment="Newest by the rules: 1 being sent, 2 sent, 3 succeeded, 4 failed, 5 unknown; other values as sent",
        ),
        sa.Column("message", Text, nullable=True, comment="Tuya's text on the result"),
        sa.Column("happened_at", UtcTime, nullable=True, comment="When that status happened"),
        sa.Column("api_status", sa.Integer(), nullable=True, comment="What the API last reported; null: nothing"),
        sa.Column("message_status", sa.Integer(), nullable=True, comment="What messages last reported; null: nothing"),
        sa.Column(
            "verdict",
            Text,
            nullable=True,
            comment="matched, api_ahead, message_ahead, conflict, stuck or unknown (docs/commands.md)",
        ),
        sa.Column(
            "source",
            Text,
            nullable=True,
            comment="How its number was learnt: file, message, write or given (to the flow)",
        ),
        sa.Column("added_at", UtcTime, nullable=False, comment="When its number was learnt"),
        sa.Column("first_asked_at", UtcTime, nullable=True, comment="First asked"),
        sa.Column("last_asked_at", UtcTime, nullable=True, comment="Last asked"),
        sa.Column("asked_times", sa.Integer(), server_default="0", nullable=False, comment="How often it was asked"),
        sa.Column(
            "unknown_since", UtcTime, nullable=True, comment="Since when Tuya answers that it does not know the record"
        ),
        sa.Column(
            "begun_at",
            UtcTime,
            nullable=True,
            comment="Earliest observation, by Tuya's clock; null: nothing was ever observed",
        ),
        sa.Column(
            "ended_at", UtcTime, nullable=True, comment="First final status (3 or 4), by Tuya's clock; null: none yet"
        ),
        sa.Column("done_at", UtcTime, nullable=True, comment="When it was settled; null: still followed"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "command_sn"),
        comment="Every command whose record number is known, followed until it ended",
    )
    op.create_index(
        "ix_command_open",
        "command",
        ["account", "command_sn"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "command_observation",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("command_sn", Text, nullable=False, comment="Record number of the command"),
        sa.Column("source", Text, nullable=False, comment="api or message"),
        sa.Column("process_status", sa.Integer(), nullable=False, comment="Status as observed"),
        sa.Column("happened_at", UtcTime, nullable=False, comment="When it happened, by Tuya"),
        sa.Column("device_id", Text, nullable=True, comment="Device"),
        sa.Column("message", Text, nullable=True, comment="Tuya's text"),
        sa.Column("data_flag", sa.Integer(), nullable=True, comment="1 data sync, 2 control command"),
        sa.Column("biz_id", Text, nullable=True, comment="Business id"),
        sa.Column("cmd_biz_type", Text, nullable=True, comment="Business type of the command"),
        sa.Column("data", Text, nullable=True, comment="Returned result, as sent"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column("message_id", Text, nullable=True, comment="Message that reported it (raw_message)"),
        sa.Column("observed_at", UtcTime, nullable=False, comment="When tuyahouse first received it"),
        sa.PrimaryKeyConstraint("account", "command_sn", "source", "process_status", "happened_at"),
        comment="Everything that API and messages ever reported about a command",
    )
    op.create_table(
        "craft_line",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("craft_line_code", Text, nullable=True, comment="Code of the craft line"),
        sa.Column("name", Text, nullable=True, comment="Name of the craft line"),
        sa.Column("type", Text, nullable=True, comment="pcba or production"),
        sa.Column(
            "last_node", Text, nullable=True, comment="Node with the highest sort: a unit that passed it is finished"
        ),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column("asked_at", UtcTime, nullable=True, comment="When it was asked"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "order_code"),
        comment="The craft line of a work order, asked once when the order first appears",
    )
    op.create_table(
        "craft_line_node",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("node", Text, nullable=False, comment="Station or process node"),
        sa.Column("sort", sa.Integer(), nullable=True, comment="Place in the line, ascending"),
        sa.Column("programs", Text, nullable=True, comment="Test programs of the node, comma-separated"),
        sa.Column("description", Text, nullable=True, comment="Readable text"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column(
            "gone_at",
            UtcTime,
            nullable=True,
            comment="When this node was first missing in an answer; null: still present",
        ),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "order_code", "node"),
        comment="The nodes of a work order's craft line in their order",
    )
    op.create_table(
        "device",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id (devId)"),
        sa.Column("project_id", Text, nullable=True, comment="Project the device was read under"),
        sa.Column("cid", Text, nullable=True, comment="The vendor's own id: serial number, MAC or IMEI"),
        sa.Column("gateway_id", Text, nullable=True, comment="Gateway that the device is connected to"),
        sa.Column("device_name", Text, nullable=True, comment="Name"),
        sa.Column("device_ip", Text, nullable=True, comment="IP address"),
        sa.Column("mac_address", Text, nullable=True, comment="MAC address"),
        sa.Column("install_location", Text, nullable=True, comment="Where it is installed"),
        sa.Column("product_type", Text, nullable=True, comment="Category code"),
        sa.Column("product_id", Text, nullable=True, comment="Product id (productKey)"),
        sa.Column("product_name", Text, nullable=True, comment="Product name"),
        sa.Column("supplier_code", Text, nullable=True, comment="Supplier code"),
        sa.Column("supplier_name", Text, nullable=True, comment="Supplier name"),
        sa.Column(
            "extend_data",
            Text,
            nullable=True,
            comment="The vendor's own data, as sent. May hold credentials: do not publish",
        ),
        sa.Column("active", sa.Boolean(), nullable=True, comment="Activated"),
        sa.Column("online", sa.Boolean(), nullable=True, comment="Online, by the newest of inventory and messages"),
        sa.Column("created_at", UtcTime, nullable=True, comment="When Tuya created the device"),
        sa.Column("uid", Text, nullable=True, comment="Tuya user the device belongs to"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column("online_at", UtcTime, nullable=True, comment="When the fact in online happened or was read"),
        sa.Column(
            "source",
            Text,
            nullable=True,
            comment="inventory, or message: first named by a message and not yet in the inventory",
        ),
        sa.Column("detail_at", UtcTime, nullable=True, comment="When details and functions were last read"),
        sa.Column(
            "detail_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="Fingerprint of their newest answers, presence left out; the same: nothing to do",
        ),
        sa.Column("changed_at", UtcTime, nullable=True, comment="When a fact last changed"),
        sa.Column(
            "answer_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="Fingerprint of the newest inventory answer, presence left out; null: known from messages only",
        ),
        sa.Column(
            "vanished_at",
            UtcTime,
            nullable=True,
            comment="When a complete sweep no longer held it, or it was unbound; null: present",
        ),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "device_id"),
        comment="The device inventory as it is now",
    )
    op.create_table(
        "device_binding",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column(
            "event",
            Text,
            nullable=False,
            comment="bound (paired, or its information changed), unbound or gateway_unbound",
        ),
        sa.Column("happened_at", UtcTime, nullable=False, comment="When it happened"),
        sa.Column("uid", Text, nullable=True, comment="Tuya user"),
        sa.Column("owner_id", Text, nullable=True, comment="Home group"),
        sa.Column("project_id", Text, nullable=True, comment="Project"),
        sa.Column("gateway_id", Text, nullable=True, comment="Gateway"),
        sa.Column("cid", Text, nullable=True, comment="The vendor's own id"),
        sa.Column("device_uuid", Text, nullable=True, comment="UUID"),
        sa.Column("device_name", Text, nullable=True, comment="Name"),
        sa.Column("product_type", Text, nullable=True, comment="Category code"),
        sa.Column("product_id", Text, nullable=True, comment="Product id"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column("message_id", Text, nullable=True, comment="First message that reported it"),
        sa.PrimaryKeyConstraint("account", "device_id", "event", "happened_at"),
        comment="Pairing, change of information and unbinding of devices, as messages reported them",
    )
    op.create_table(
        "device_event",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column("code", Text, nullable=False, comment="Code of the event or data point"),
        sa.Column("happened_at", UtcTime, nullable=False, comment="When it happened, by the device"),
        sa.Column(
            "data_id",
            Text,
            nullable=False,
            comment="Tuya's id of the report; a fingerprint of the value where it sends none",
        ),
        sa.Column("value", Text, nullable=True, comment="Value as text; often a JSON document"),
        sa.Column("dp_id", Text, nullable=True, comment="Numeric data point id, where sent"),
        sa.Column("product_id", Text, nullable=True, comment="Product id (productKey)"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column("message_id", Text, nullable=True, comment="First message that reported it (raw_message)"),
        sa.PrimaryKeyConstraint("account", "device_id", "code", "happened_at", "data_id"),
        comment="What devices reported",
    )
    op.create_table(
        "device_function",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column("function_code", Text, nullable=False, comment="Data point code"),
        sa.Column("function_name", Text, nullable=True, comment="Readable name"),
        sa.Column("enabled", sa.Boolean(), nullable=False, comment="true: enabled; false: possible only"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column(
            "gone_at", UtcTime, nullable=True, comment="When it was first missing in an answer; null: still present"
        ),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "device_id", "function_code"),
        comment="Data points of each device: those enabled and those possible",
    )
    op.create_table(
        "device_history",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column("valid_from", UtcTime, nullable=False, comment="Start of this state"),
        sa.Column("valid_to", UtcTime, nullable=True, comment="End of this state; null: it still holds"),
        sa.Column("project_id", Text, nullable=True, comment="Project the device was read under"),
        sa.Column("cid", Text, nullable=True, comment="The vendor's own id: serial number, MAC or IMEI"),
        sa.Column("gateway_id", Text, nullable=True, comment="Gateway that the device is connected to"),
        sa.Column("device_name", Text, nullable=True, comment="Name"),
        sa.Column("device_ip", Text, nullable=True, comment="IP address"),
        sa.Column("mac_address", Text, nullable=True, comment="MAC address"),
        sa.Column("install_location", Text, nullable=True, comment="Where it is installed"),
        sa.Column("product_type", Text, nullable=True, comment="Category code"),
        sa.Column("product_id", Text, nullable=True, comment="Product id (productKey)"),
        sa.Column("product_name", Text, nullable=True, comment="Product name"),
        sa.Column("supplier_code", Text, nullable=True, comment="Supplier code"),
        sa.Column("supplier_name", Text, nullable=True, comment="Supplier name"),
        sa.Column(
            "extend_data",
            Text,
            nullable=True,
            comment="The vendor's own data, as sent. May hold credentials: do not publish",
        ),
        sa.Column("active", sa.Boolean(), nullable=True, comment="Activated"),
        sa.Column("online", sa.Boolean(), nullable=True, comment="Online, by the newest of inventory and messages"),
        sa.Column("created_at", UtcTime, nullable=True, comment="When Tuya created the device"),
        sa.Column("uid", Text, nullable=True, comment="Tuya user the device belongs to"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column(
            "changed_columns",
            Text,
            nullable=True,
            comment="What differed from the row before, comma-separated; null: first row",
        ),
        sa.Column("ended_by", Text, nullable=True, comment="Why it ended: changed, vanished or unbound"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "device_id", "valid_from"),
        comment="The state of each device over time; one open row for each present device",
    )
    op.create_table(
        "device_person",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column("person_id", Text, nullable=False, comment="Tuya's id of the person (the uid of a user)"),
        sa.Column("added_at", UtcTime, nullable=True, comment="When manage_device_persons added the person last"),
        sa.Column("removed_at", UtcTime, nullable=True, comment="When it removed the person; null: has permission"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "device_id", "person_id"),
        comment="Persons with permission on a device, as far as manage_device_persons added or removed them",
    )
    op.create_table(
        "device_presence",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column("happened_at", UtcTime, nullable=False, comment="When it happened"),
        sa.Column("online", sa.Boolean(), nullable=False, comment="true: came online; false: went offline"),
        sa.Column(
            "source",
            Text,
            nullable=True,
            comment="message, or inventory: a sweep that contradicted what was held; null is message",
        ),
        sa.Column("uid", Text, nullable=True, comment="Tuya user"),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column("message_id", Text, nullable=True, comment="First message that reported it"),
        sa.PrimaryKeyConstraint("account", "device_id", "happened_at", "online"),
        comment="Every change of a device between online and offline; the latest by happened_at holds",
    )
    op.create_index("ix_device_presence_happened_at", "device_presence", ["happened_at"], unique=False)
    op.create_table(
        "device_serial_number",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Tuya's device id"),
        sa.Column("sn", Text, nullable=False, comment="Serial number"),
        sa.Column("source", Text, nullable=False, comment="Source of the link: pms, factory_infos or cid"),
        sa.Column("seen_at", UtcTime, nullable=False, comment="First seen"),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "device_id", "sn", "source"),
        comment="Factory to field: which serial number became which device. Sources may disagree: all are kept",
    )
    op.create_table(
        "flow_step",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("sn", Text, nullable=False, comment="Serial number"),
        sa.Column("node", Text, nullable=False, comment="Station or process node"),
        sa.Column("happened_at", UtcTime, nullable=False, comment="When the unit was at the node"),
        sa.Column("order_code", Text, nullable=True, comment="Work order"),
        sa.Column("craft_line_code", Text, nullable=True, comment="Craft line"),
        sa.Column("node_desc", Text, nullable=True, comment="Readable text; not a key"),
        sa.Column("request_id", Text, nullable=True, comment="Tuya's request id of the step, where it sends one"),
        sa.Column(
            "status",
            sa.Boolean(),
            nullable=True,
            comment="true: passed; false: failed or not yet passed (Tuya does not say which); null: not sent",
        ),
        sa.Column("extra", Json, nullable=True, comment="Fields Tuya sent beyond the documented ones"),
        sa.Column(
            "first_status",
            sa.Boolean(),
            nullable=True,
            comment="Status when the step was first seen; false that became true: not yet passed",
        ),
        sa.Column("seen_at", UtcTime, nullable=True, comment="When an answer first held this step"),
        sa.Column(
            "gone_at",
            UtcTime,
            nullable=True,
            comment="When this step was first missing in an answer; null: still present",
        ),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "sn", "node", "happened_at"),
        comment="One row for one process step of one unit: the answer to /v1.0/pms/station/sn/flows/get",
    )
    op.create_index("ix_flow_step_order_code", "flow_step", ["order_code"], unique=False)
    op.create_table(
        "ops_api_calls",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("endpoint", Text, nullable=False, comment="Method and path of the call"),
        sa.Column("day", sa.Date(), nullable=False, comment="Day, UTC"),
        sa.Column(
            "calls",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Calls paid for; a killed process may leave it a little too high, never too low",
        ),
        sa.Column(
            "failures", sa.BigInteger(), server_default="0", nullable=False, comment="Calls answered with an error"
        ),
        sa.Column(
            "throttled", sa.BigInteger(), server_default="0", nullable=False, comment="Calls that Tuya throttled"
        ),
        sa.PrimaryKeyConstraint("account", "endpoint", "day"),
        comment="Calls by endpoint and day; the budget is compared with their sum",
    )
    op.create_table(
        "ops_chunk",
        sa.Column("run_id", Text, nullable=False, comment="Run (ops_run.run_id)"),
        sa.Column("chunk", sa.Integer(), nullable=False, comment="Number in the run, from 0"),
        sa.Column("status", Text, nullable=False, comment="planned, refused (to be asked again), partial or done"),
        sa.Column("planned", sa.Integer(), nullable=False, comment="Keys planned"),
        sa.Column(
            "keys",
            sa.LargeBinary(),
            nullable=False,
            comment="Keys still to ask: zstandard over a MessagePack list of text",
        ),
        sa.Column(
            "refused",
            sa.LargeBinary(),
            comment="Keys that were refused, packed alike: asked again when the run continues",
        ),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.asked"),
        sa.Column("answered", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.answered"),
        sa.Column("empty", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.empty"),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.failed"),
        sa.Column("rejected", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.rejected"),
        sa.Column("inserted", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.inserted"),
        sa.Column("updated", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.updated"),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.unchanged"),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False, comment="See ops_run.calls"),
        sa.Column(
            "excused",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment=(
                "Of failed and rejected: keys whose dead letter is dismissed, or that need a right the account lacks"
            ),
        ),
        sa.Column("done_at", UtcTime, nullable=True, comment="When it was committed"),
        sa.PrimaryKeyConstraint("run_id", "chunk"),
        comment="The unit of work and commit of a run",
    )
    op.create_table(
        "ops_consumer",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("source", Text, nullable=False, comment="pulsar or websocket"),
        sa.Column("read_until", UtcTime, nullable=False, comment="Until when the stream is known to have been read"),
        sa.Column("last_message_at", UtcTime, nullable=True, comment="Publish time of the newest message"),
        sa.Column("messages", sa.BigInteger(), server_default="0", nullable=False, comment="Messages stored"),
        sa.Column(
            "dead_letters",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Dead letters among them",
        ),
        sa.Column(
            "reconnects", sa.BigInteger(), server_default="0", nullable=False, comment="Connections lost and restored"
        ),
        sa.PrimaryKeyConstraint("account", "source"),
        comment="How far the message stream has been read",
    )
    op.create_table(
        "ops_dead_letter",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column(
            "kind", Text, nullable=False, comment="What it is: sn_flows, craft_line, devices, command, message, …"
        ),
        sa.Column("key", Text, nullable=False, comment="Serial number, work order, device, message id, …"),
        sa.Column(
            "reason",
            Text,
            nullable=False,
            comment="Class of the problem, e.g. unusable_answer, item_error, retries_exhausted",
        ),
        sa.Column("code", Text, nullable=True, comment="Tuya's error code, as sent"),
        sa.Column("message", Text, nullable=True, comment="What happened and what to do"),
        sa.Column(
            "raw",
            sa.LargeBinary(),
            nullable=True,
            comment="What was received, if anything (secrets redacted)",
        ),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False, comment="How often this happened"),
        sa.Column("first_seen_at", UtcTime, nullable=False, comment="First time"),
        sa.Column("last_seen_at", UtcTime, nullable=False, comment="Newest time"),
        sa.Column("resolved_at", UtcTime, nullable=True, comment="When a later answer was good"),
        sa.Column(
            "dismissed_at",
            UtcTime,
            nullable=True,
            comment="When a person dismissed it; open: this and resolved_at are null",
        ),
        sa.Column("dismissed_by", Text, nullable=True, comment="Who dismissed it last; stays when it is opened again"),
        sa.Column("dismissed_why", Text, nullable=True, comment="The reason that was given then"),
        sa.PrimaryKeyConstraint("account", "kind", "key", "reason"),
        comment="Answers, items and messages that could not be used. Nothing is dropped without a row here",
    )
    op.create_index(
        "ix_ops_dead_letter_open",
        "ops_dead_letter",
        ["account", "kind", "key", "reason"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
        sqlite_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "ops_device_list",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("project_id", Text, nullable=False, comment="Project whose devices are listed"),
        sa.Column(
            "spelling",
            Text,
            nullable=True,
            comment="Spelling of the query that Tuya understood: snake, camel or dotted",
        ),
        sa.Column(
            "first_page",
            sa.Integer(),
            nullable=True,
            comment="Number of the first page: 1, or 0 if that was detected",
        ),
        sa.Column("total", sa.BigInteger(), nullable=True, comment="Number of devices that Tuya last announced"),
        sa.Column("devices", sa.BigInteger(), nullable=True, comment="How many different devices its pages held"),
        sa.Column(
            "swept_at", UtcTime, nullable=True, comment="Start of the newest complete sweep; null: there was none"
        ),
        sa.Column(
            "swept_run",
            Text,
            nullable=True,
            comment="Run of that sweep while its marks are kept (ops_sweep); null: they are not",
        ),
        sa.Column("tried_at", UtcTime, nullable=False, comment="Start of the newest sweep, complete or not"),
        sa.Column("tried_run", Text, nullable=True, comment="Run of the newest sweep, complete or not"),
        sa.Column("note", Text, nullable=True, comment="What was odd about the newest sweep; null: nothing"),
        sa.PrimaryKeyConstraint("account", "project_id"),
        comment="How the device list of each project was last read",
    )
    op.create_table(
        "ops_drift",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("kind", Text, nullable=False, comment="Answer or message format"),
        sa.Column(
            "field",
            Text,
            nullable=False,
            comment="Undocumented field, or a documented one with a new type or value",
        ),
        sa.Column("sample", Text, nullable=True, comment="An example value, cut"),
        sa.Column("first_seen_at", UtcTime, nullable=False, comment="First time"),
        sa.Column("last_seen_at", UtcTime, nullable=False, comment="Newest time"),
        sa.Column(
            "answers", sa.BigInteger(), server_default="1", nullable=False, comment="In how many changed answers"
        ),
        sa.PrimaryKeyConstraint("account", "kind", "field"),
        comment="Undocumented fields that Tuya sends; they are kept in extra",
    )
    op.create_table(
        "ops_lock",
        sa.Column("name", Text, nullable=False, comment="What is locked: account and flow"),
        sa.Column("holder", Text, nullable=False, comment="Who holds it"),
        sa.Column(
            "process",
            Text,
            nullable=False,
            comment="Process that holds it; a dead one of the same machine blocks nobody",
        ),
        sa.Column("acquired_at", UtcTime, nullable=False, comment="Since when"),
        sa.Column("expires_at", UtcTime, nullable=False, comment="Until when, unless renewed"),
        sa.PrimaryKeyConstraint("name"),
        comment="Locks that end by time, so that a killed run blocks nobody for long",
    )
    op.create_table(
        "ops_message_gap",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("gap_from", UtcTime, nullable=False, comment="Messages after this may be lost"),
        sa.Column("gap_to", UtcTime, nullable=False, comment="Messages before this may be lost"),
        sa.Column("why", Text, nullable=False, comment="away_too_long or backlog_notice"),
        sa.Column("detail", Text, nullable=True, comment="In words"),
        sa.Column(
            "closed_at",
            UtcTime,
            nullable=True,
            comment="When a full read of inventory and open commands closed it; null: open",
        ),
        sa.PrimaryKeyConstraint("account", "gap_from"),
        comment="Spans in which messages may have been lost, until a full read closes them",
    )
    op.create_table(
        "ops_pace",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("endpoint", Text, nullable=False, comment="Method and path of the call"),
        sa.Column(
            "next_slot",
            sa.Double(),
            nullable=False,
            comment="Earliest next start, Unix seconds by the database's clock",
        ),
        sa.Column(
            "slowdown", sa.Double(), server_default="1", nullable=False, comment="1: the set pace; 2: half of it; …"
        ),
        sa.Column("throttled_at", sa.Double(), nullable=True, comment="Newest throttle answer, Unix seconds"),
        sa.PrimaryKeyConstraint("account", "endpoint"),
        comment="Start slots shared by all processes of an account",
    )
    op.create_table(
        "ops_run",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("flow", Text, nullable=False, comment="Flow"),
        sa.Column(
            "run_key", Text, nullable=False, comment="Intent of the run; the same run key continues where it stopped"
        ),
        sa.Column("run_id", Text, nullable=False, comment="Short id used in other tables"),
        sa.Column(
            "status",
            Text,
            nullable=False,
            comment="running, balanced, stopped (budget or quota; resumable), unbalanced, failed or interrupted",
        ),
        sa.Column(
            "parent_run",
            Text,
            nullable=True,
            comment="Run that this one is a part of (nightly_sync); null: started by itself",
        ),
        sa.Column("parameters", Json, nullable=True, comment="Parameters it was started with, without secrets"),
        sa.Column("started_at", UtcTime, nullable=False, comment="First start"),
        sa.Column("ended_at", UtcTime, nullable=True, comment="Newest end; null: running or killed"),
        sa.Column("starts", sa.Integer(), server_default="1", nullable=False, comment="How often it was started"),
        sa.Column("planned", sa.BigInteger(), nullable=True, comment="Keys planned; null: not planned yet"),
        sa.Column("asked", sa.BigInteger(), server_default="0", nullable=False, comment="Keys asked"),
        sa.Column("answered", sa.BigInteger(), server_default="0", nullable=False, comment="Keys with a usable answer"),
        sa.Column("empty", sa.BigInteger(), server_default="0", nullable=False, comment="Keys Tuya does not know"),
        sa.Column(
            "failed",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Keys that ended in an error (dead letters)",
        ),
        sa.Column(
            "rejected",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Answers of a wrong shape (dead letters)",
        ),
        sa.Column("inserted", sa.BigInteger(), server_default="0", nullable=False, comment="Rows inserted"),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False, comment="Rows updated"),
        sa.Column(
            "unchanged", sa.BigInteger(), server_default="0", nullable=False, comment="Answers that changed nothing"
        ),
        sa.Column("calls", sa.BigInteger(), server_default="0", nullable=False, comment="Calls made"),
        sa.Column("note", Text, nullable=True, comment="What the operator should know or do"),
        sa.PrimaryKeyConstraint("account", "flow", "run_key"),
        sa.UniqueConstraint("run_id"),
        comment="Every run with its balance: asked = answered + empty + failed + rejected",
    )
    op.create_table(
        "ops_sweep",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("device_id", Text, nullable=False, comment="Device that was on one of its pages"),
        sa.Column("project_id", Text, nullable=False, comment="Project whose devices are listed"),
        sa.Column("sweep", sa.Integer(), nullable=False, comment="Number of the sweep in this run, from 1"),
        sa.Column(
            "fact_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="Fingerprint of its row on the page, presence left out",
        ),
        sa.PrimaryKeyConstraint("account", "device_id", "project_id", "sweep"),
        comment="Marks of the sweep under way: which devices its pages held. Emptied when the next run begins",
    )
    op.create_table(
        "ops_token",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("kind", Text, nullable=False, comment="platform or pms"),
        sa.Column("token", sa.LargeBinary(), nullable=True, comment="Encrypted access token"),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True, comment="Encrypted refresh token"),
        sa.Column(
            "fingerprint", Text, nullable=True, comment="First hex digits of the token's SHA-256, to tell tokens apart"
        ),
        sa.Column("expires_at", UtcTime, nullable=True, comment="End, by Tuya's clock"),
        sa.Column("refreshed_at", UtcTime, nullable=True, comment="Newest refresh (PMS: at most one a day)"),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False, comment="Number of tokens so far"),
        sa.Column("changed_at", UtcTime, nullable=True, comment="When it was stored"),
        sa.Column("lease_holder", Text, nullable=True, comment="Who is replacing it (SQLite)"),
        sa.Column("lease_until", UtcTime, nullable=True, comment="Until when (SQLite)"),
        sa.PrimaryKeyConstraint("account", "kind"),
        comment="The one live token of each account, encrypted",
    )
    op.create_table(
        "ops_write",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column(
            "intent_key", Text, nullable=False, comment="Run key of the run, and a fingerprint of what it was to write"
        ),
        sa.Column("call", Text, nullable=False, comment="Method and path of the call"),
        sa.Column("target", Text, nullable=False, comment="What is written to; one write to it at a time"),
        sa.Column(
            "content",
            Text,
            nullable=False,
            comment="Fingerprint of call, target and request: the same intent of any run",
        ),
        sa.Column("what", Text, nullable=False, comment="The write, in words"),
        sa.Column("request", Json, nullable=True, comment="What was asked for (secrets masked)"),
        sa.Column(
            "outcome",
            Text,
            nullable=False,
            comment="pending: committed before the call; done; refused: not carried out; unknown: it may have been",
        ),
        sa.Column("code", Text, nullable=True, comment="Tuya's error code, as sent"),
        sa.Column("note", Text, nullable=True, comment="What happened and what to do"),
        sa.Column("result", Json, nullable=True, comment="What Tuya answered (secrets left out)"),
        sa.Column("run_id", Text, nullable=False, comment="Run that wrote (ops_run.run_id)"),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="How often the call was begun; 0: never, as an earlier one of the same may have been carried out",
        ),
        sa.Column(
            "asked_at",
            UtcTime,
            nullable=False,
            comment="When the last attempt began; of 0 attempts: the earlier one",
        ),
        sa.Column("ended_at", UtcTime, nullable=True, comment="When its outcome was recorded"),
        sa.Column(
            "settled_at",
            UtcTime,
            nullable=True,
            comment="Since when nothing is left to find out; null: pending, or unknown",
        ),
        sa.Column("settled_by", Text, nullable=True, comment="Run that settled it (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "intent_key"),
        comment="Audit of every write to Tuya: who was given what, when, by which run, and what came of it",
    )
    op.create_index(
        "ix_ops_write_open",
        "ops_write",
        ["account", "target"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
        sqlite_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_ops_write_target", "ops_write", ["target"], unique=False)
    op.create_table(
        "raw_block",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("kind", Text, nullable=False, comment="What was asked: sn_flows, craft_line, devices, …"),
        sa.Column("block_id", Text, nullable=False, comment="Run id and chunk number"),
        sa.Column("stored_at", UtcTime, nullable=False, comment="When it was committed"),
        sa.Column("answers", sa.Integer(), nullable=False, comment="Answers inside"),
        sa.Column(
            "keys",
            sa.LargeBinary(),
            nullable=False,
            comment="The keys inside: zstandard over a MessagePack list of text",
        ),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="The answers as Tuya sent them: zstandard over a MessagePack list of [key, bytes]",
        ),
        sa.PrimaryKeyConstraint("account", "kind", "block_id"),
        comment="The changed answers of one chunk as Tuya sent them, for replay and explain without a call",
    )
    op.create_index("ix_raw_block_stored_at", "raw_block", ["stored_at"], unique=False)
    op.create_table(
        "raw_message",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column(
            "message_id",
            Text,
            nullable=False,
            comment="Pulsar message id ledger:entry:partition:batch, or the WebSocket frame's",
        ),
        sa.Column("topic", Text, nullable=True, comment="Topic"),
        sa.Column("received_at", UtcTime, nullable=False, comment="When it was read"),
        sa.Column("published_at", UtcTime, nullable=True, comment="When the broker or Tuya published it"),
        sa.Column("cipher", Text, nullable=True, comment="Message property em; null: ECB"),
        sa.Column("trace_id", Text, nullable=True, comment="Message property tid"),
        sa.Column("envelope", Text, nullable=True, comment="A (data) or B (encryptPayload)"),
        sa.Column("protocol", sa.Integer(), nullable=True, comment="Protocol number of envelope A"),
        sa.Column("pushed_at", UtcTime, nullable=True, comment="Envelope's own time"),
        sa.Column("signature", Text, nullable=True, comment="valid, invalid or absent; never a reason to drop"),
        sa.Column("format", Text, nullable=True, comment="Recognised format, or unknown"),
        sa.Column(
            "verdict",
            Text,
            nullable=False,
            comment="landed, unknown (kept, not understood) or dead (see ops_dead_letter)",
        ),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="The payload as received, encrypted"),
        sa.Column("properties", Json, nullable=True, comment="Message properties"),
        sa.PrimaryKeyConstraint("account", "message_id"),
        comment="Every message, stored before it is acknowledged",
    )
    op.create_index("ix_raw_message_received_at", "raw_message", ["received_at"], unique=False)
    op.create_table(
        "serial_number",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("sn", Text, nullable=False, comment="Serial number of a unit, as PMS knows it"),
        sa.Column(
            "order_code",
            Text,
            nullable=True,
            comment="Work order; from the file that added it, later from Tuya's answer",
        ),
        sa.Column("craft_line_code", Text, nullable=True, comment="Craft line of its newest step"),
        sa.Column(
            "state",
            Text,
            nullable=False,
            comment="new: never asked; open: under way; finished: passed its last node; unknown: Tuya does not know it",
        ),
        sa.Column("source", Text, nullable=True, comment="Where it came from: file name, pattern or query"),
        sa.Column("added_at", UtcTime, nullable=False, comment="When it was registered"),
        sa.Column("first_asked_at", UtcTime, nullable=True, comment="First asked"),
        sa.Column("last_asked_at", UtcTime, nullable=True, comment="Last asked, with whatever result"),
        sa.Column("last_changed_at", UtcTime, nullable=True, comment="Newest answer that differed from the one before"),
        sa.Column(
            "unknown_times",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Consecutive answers that Tuya does not know it",
        ),
        sa.Column(
            "answer_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="Fingerprint of the newest answer; the same fingerprint means nothing to do",
        ),
        sa.PrimaryKeyConstraint("account", "sn"),
        comment="The registry: every serial number to ask, from files, patterns and queries: Tuya lists none",
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE serial_number SET (fillfactor = 45)")
    op.create_index("ix_serial_number_order_code", "serial_number", ["order_code"], unique=False)
    op.create_table(
        "visual_token",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("product_key", Text, nullable=False, comment="Product key of the device"),
        sa.Column("device_name", Text, nullable=False, comment="Name of the device under that product key"),
        sa.Column(
            "fingerprint", Text, nullable=True, comment="First hex digits of the token's SHA-256, to tell tokens apart"
        ),
        sa.Column("issued_at", UtcTime, nullable=False, comment="When it was issued"),
        sa.Column(
            "expires_at", UtcTime, nullable=True, comment="When it expires, by the token itself, else by Tuya's answer"
        ),
        sa.Column(
            "kept_in",
            Text,
            nullable=True,
            comment="File below TUYAHOUSE_TOKEN_DIR, or name of the Prefect block, that holds it",
        ),
        sa.Column("first_run", Text, nullable=True, comment="Run that inserted this row (ops_run.run_id)"),
        sa.Column("last_run", Text, nullable=True, comment="Run that last changed this row (ops_run.run_id)"),
        sa.PrimaryKeyConstraint("account", "product_key", "device_name"),
        comment="Visual tokens that were issued. The tokens themselves are never in the warehouse",
    )
    op.create_table(
        "mart_bucket",
        sa.Column("bucket", sa.BigInteger(), autoincrement=False, nullable=False, comment="Number of the bucket"),
        sa.Column("from_s", sa.Double(), nullable=False, comment="Shortest time in it, in seconds"),
        sa.Column("to_s", sa.Double(), nullable=False, comment="Time at which the next bucket begins, in seconds"),
        sa.PrimaryKeyConstraint("bucket"),
        comment="Buckets of the histograms of times: ten for each power of ten; 0 holds what is shorter than a second",
    )
    op.create_table(
        "mart_control",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("craft_line_code", Text, nullable=False, comment="Craft line of the work order"),
        sa.Column("node", Text, nullable=False, comment="Station or process node"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Local day that begins with the first shift"),
        sa.Column("units", sa.Integer(), nullable=False, comment="Units whose first attempt was decided (units)"),
        sa.Column("share", sa.Double(), nullable=True, comment="First-pass yield of the day (0 to 1)"),
        sa.Column(
            "mean",
            sa.Double(),
            nullable=True,
            comment="Mean of the 28 days before the newest one; null with fewer than 8 days (0 to 1)",
        ),
        sa.Column(
            "sigma_z",
            sa.Double(),
            nullable=True,
            comment="How much days vary beyond chance (Laney): 1 is chance alone (ratio)",
        ),
        sa.Column("lower", sa.Double(), nullable=True, comment="Lower limit of the day (0 to 1)"),
        sa.Column("upper", sa.Double(), nullable=True, comment="Upper limit of the day (0 to 1)"),
        sa.Column("is_out", sa.Boolean(), nullable=False, comment="The share lies outside of its limits"),
        sa.PrimaryKeyConstraint("account", "craft_line_code", "node", "factory_day"),
        comment=(
            "Control chart of the first-pass yield of each node: the newest 60 factory days with their "
            "limits. One row for each account, craft_line_code, node, factory_day"
        ),
    )
    op.create_table(
        "mart_day",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Factory day"),
        sa.Column("starts_at", UtcTime, nullable=False, comment="Begin of its first shift"),
        sa.Column("ends_at", UtcTime, nullable=False, comment="End of its last shift"),
        sa.Column(
            "is_workday",
            sa.Boolean(),
            nullable=False,
            comment="Past: a step happened. From today on: steps on at least half of these weekdays in 28 days",
        ),
        sa.Column("workday_no", sa.Integer(), nullable=False, comment="Workdays up to and with this day"),
        sa.PrimaryKeyConstraint("account", "factory_day"),
        comment="One row for one factory day",
    )
    op.create_table(
        "mart_interval_day",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("from_node", Text, nullable=False, comment="Node of the step before"),
        sa.Column("to_node", Text, nullable=False, comment="Node of the step"),
        sa.Column(
            "kind",
            Text,
            nullable=False,
            comment="forward, retest (same node), back, off_route (a node is not in the craft line) or level",
        ),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Local day that begins with the first shift"),
        sa.Column("bucket", sa.Integer(), nullable=False, comment="Bucket of the time, see mart_bucket"),
        sa.Column("units", sa.Integer(), nullable=False, comment="Intervals in it (intervals)"),
        sa.Column("ms", sa.BigInteger(), nullable=False, comment="Sum of their times (milliseconds)"),
        sa.PrimaryKeyConstraint("account", "order_code", "from_node", "to_node", "kind", "factory_day", "bucket"),
        comment=(
            "Times between neighbouring steps as a histogram, by the factory day of arrival. One row for "
            "each account, order_code, from_node, to_node, kind, factory_day, bucket"
        ),
    )
    op.create_table(
        "mart_order_day",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Local day that begins with the first shift"),
        sa.Column("shift", Text, nullable=False, comment="Shift; none outside of the calendar"),
        sa.Column("started", sa.Integer(), nullable=False, comment="Units whose first step lies there (units)"),
        sa.Column("finished", sa.Integer(), nullable=False, comment="Units that were finished there (units)"),
        sa.PrimaryKeyConstraint("account", "order_code", "factory_day", "shift"),
        comment=(
            "Units that each work order started and finished, by factory day and shift; a unit counts once "
            "each. One row for each account, order_code, factory_day, shift"
        ),
    )
    op.create_table(
        "mart_order_state",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column(
            "units", sa.Integer(), nullable=False, comment="Units registered for the order or with a step of it (units)"
        ),
        sa.Column(
            "waiting",
            sa.Integer(),
            nullable=False,
            comment="Units registered for the order that have no step in it (units)",
        ),
        sa.Column("open", sa.Integer(), nullable=False, comment="Units under way (units)"),
        sa.Column("finished", sa.Integer(), nullable=False, comment="Units that are finished (units)"),
        sa.Column(
            "left_",
            sa.Integer(),
            nullable=False,
            comment="Units not finished that went on in another work order (units)",
        ),
        sa.Column(
            "forgotten",
            sa.Integer(),
            nullable=False,
            comment="Units not finished of which Tuya shows no step any more (units)",
        ),
        sa.Column(
            "clean",
            sa.Integer(),
            nullable=False,
            comment="Finished units without a failure, a repeat or an erased step (units)",
        ),
        sa.Column(
            "reworked", sa.Integer(), nullable=False, comment="Units with a failure, a repeat or an erased step (units)"
        ),
        sa.Column("started", sa.Integer(), nullable=False, comment="Units with a step (units)"),
        sa.Column("first_step_at", UtcTime, nullable=True, comment="Earliest step (UTC)"),
        sa.Column("last_step_at", UtcTime, nullable=True, comment="Newest shown step (UTC)"),
        sa.Column("last_finished_at", UtcTime, nullable=True, comment="When a unit was finished last (UTC)"),
        sa.PrimaryKeyConstraint("account", "order_code"),
        comment="Units of each work order by state. One row for each account, order_code",
    )
    op.create_table(
        "mart_presence_day",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("project_id", Text, nullable=False, comment="Project of the devices; empty: unknown"),
        sa.Column("product_id", Text, nullable=False, comment="Product id (productKey); empty: unknown"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Local day that begins with the first shift"),
        sa.Column(
            "devices", sa.Integer(), nullable=False, comment="Devices that were there at some time of the day (devices)"
        ),
        sa.Column("online_ms", sa.BigInteger(), nullable=False, comment="Time online, over all of them (milliseconds)"),
        sa.Column("offline_ms", sa.BigInteger(), nullable=False, comment="Time offline (milliseconds)"),
        sa.Column(
            "unknown_ms",
            sa.BigInteger(),
            nullable=False,
            comment="Time of which nothing is known; the three add up to their existence (milliseconds)",
        ),
        sa.Column("flips", sa.Integer(), nullable=False, comment="Changes of presence (events)"),
        sa.Column(
            "never_online",
            sa.Integer(),
            nullable=False,
            comment="Devices known to be offline and never online (devices)",
        ),
        sa.PrimaryKeyConstraint("account", "project_id", "product_id", "factory_day"),
        comment=(
            "How long devices were online. An event holds until the next one, or until messages may be "
            "missing. One row for each account, project_id, product_id, factory_day"
        ),
    )
    op.create_table(
        "mart_shift",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("starts_at", UtcTime, nullable=False, comment="Begin"),
        sa.Column("ends_at", UtcTime, nullable=False, comment="End"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Day on which the day's first shift began"),
        sa.Column("shift", Text, nullable=False, comment="Name of the shift"),
        sa.PrimaryKeyConstraint("account", "starts_at"),
        comment="Every shift of the factory's calendar, without gaps",
    )
    op.create_table(
        "mart_slot",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("slot_at", UtcTime, nullable=False, comment="Begin of a quarter of an hour"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Factory day it belongs to"),
        sa.Column("shift", Text, nullable=False, comment="Shift it belongs to"),
        sa.PrimaryKeyConstraint("account", "slot_at"),
        comment="The calendar by quarter hours: a time finds its shift by equality",
    )
    op.create_table(
        "mart_station_day",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("node", Text, nullable=False, comment="Station or process node"),
        sa.Column("factory_day", sa.Date(), nullable=False, comment="Local day that begins with the first shift"),
        sa.Column("shift", Text, nullable=False, comment="Shift; none outside of the calendar"),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="Results recorded at the node, counted when each happened (attempts)",
        ),
        sa.Column("passed", sa.Integer(), nullable=False, comment="Attempts that passed (attempts)"),
        sa.Column("failed", sa.Integer(), nullable=False, comment="Attempts that failed (attempts)"),
        sa.Column("undecided", sa.Integer(), nullable=False, comment="Attempts without a verdict (attempts)"),
        sa.Column(
            "erased", sa.Integer(), nullable=False, comment="Attempts among them that Tuya no longer shows (attempts)"
        ),
        sa.Column(
            "units", sa.Integer(), nullable=False, comment="Units, counted at their first attempt at the node (units)"
        ),
        sa.Column("first_passed", sa.Integer(), nullable=False, comment="Units whose first attempt passed (units)"),
        sa.Column("first_failed", sa.Integer(), nullable=False, comment="Units whose first attempt failed (units)"),
        sa.Column(
            "recovered",
            sa.Integer(),
            nullable=False,
            comment="Units whose first attempt did not pass and a later one did, as of the refresh (units)",
        ),
        sa.Column(
            "repeated",
            sa.Integer(),
            nullable=False,
            comment="Units with more than one attempt, as of the refresh (units)",
        ),
        sa.PrimaryKeyConstraint("account", "order_code", "node", "factory_day", "shift"),
        comment=(
            "What each node did each shift; every count may be added up over any column of the key. One row "
            "for each account, order_code, node, factory_day, shift"
        ),
    )
    op.create_table(
        "mart_unit",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("sn", Text, nullable=False, comment="Serial number of the unit"),
        sa.Column(
            "state",
            Text,
            nullable=False,
            comment=(
                "waiting: no step in this order; finished: see finished_at; left: its newest step is of another "
                "order; forgotten: Tuya shows no step of it any more; open: all others"
            ),
        ),
        sa.Column(
            "is_current", sa.Boolean(), nullable=False, comment="The registry says that this is the unit's work order"
        ),
        sa.Column("first_step_at", UtcTime, nullable=True, comment="Earliest step ever seen (UTC)"),
        sa.Column("last_step_at", UtcTime, nullable=True, comment="Newest shown step (UTC)"),
        sa.Column(
            "last_node",
            Text,
            nullable=True,
            comment="Node of the newest shown step; of several at that instant the one furthest down the line",
        ),
        sa.Column("last_result", Text, nullable=True, comment="Result of that step: passed, failed or undecided"),
        sa.Column(
            "finished_at",
            UtcTime,
            nullable=True,
            comment="Pass at the craft line's last node; null unless the newest shown result there is passed (UTC)",
        ),
        sa.Column("gone_at", UtcTime, nullable=True, comment="Since when Tuya shows no step of it any more (UTC)"),
        sa.Column("steps", sa.Integer(), nullable=False, comment="Steps that Tuya shows now (steps)"),
        sa.Column(
            "erased",
            sa.Integer(),
            nullable=False,
            comment="Steps seen once and no longer shown, as after a reset (steps)",
        ),
        sa.Column("failed", sa.Integer(), nullable=False, comment="Steps with result failed, erased ones too (steps)"),
        sa.Column("repeats", sa.Integer(), nullable=False, comment="Attempts beyond the first at any node (steps)"),
        sa.Column("repasses", sa.Integer(), nullable=False, comment="Passes beyond the first at the same node (steps)"),
        sa.Column(
            "back_moves",
            sa.Integer(),
            nullable=False,
            comment="Steps whose node lies before that of the step before (steps)",
        ),
        sa.Column(
            "off_route", sa.Integer(), nullable=False, comment="Steps at nodes that the live craft line lacks (steps)"
        ),
        sa.Column("nodes_passed", sa.Integer(), nullable=False, comment="Nodes with a shown pass (nodes)"),
        sa.Column("clean", sa.Boolean(), nullable=False, comment="Finished, and failed, repeats and erased are 0"),
        sa.PrimaryKeyConstraint("account", "order_code", "sn"),
        comment=(
            "Where every unit stands in each work order that it has steps of or is registered for, and what "
            "it went through. One row for each account, order_code, sn"
        ),
    )
    op.create_index(
        "ix_mart_unit_open",
        "mart_unit",
        ["order_code", "last_node"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "ops_mart",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("as_of", UtcTime, nullable=False, comment="The present of all marts: they know nothing later"),
        sa.Column("refreshed_at", UtcTime, nullable=False, comment="When a refresh last changed something"),
        sa.Column(
            "definitions", sa.Integer(), nullable=False, comment="Number of the definitions that the kept marts follow"
        ),
        sa.Column("time_zone", Text, nullable=False, comment="FACTORY_TIME_ZONE in force"),
        sa.Column("shifts", Text, nullable=False, comment="FACTORY_SHIFTS in force"),
        sa.Column("false_means", Text, nullable=False, comment="FALSE_MEANS in force: failed or open"),
        sa.Column("stuck_after_h", sa.Integer(), nullable=False, comment="STUCK_AFTER in force, in hours"),
        sa.PrimaryKeyConstraint("account"),
        comment="The present and the settings of each account's marts",
    )
    op.create_table(
        "ops_mart_dirty",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column(
            "order_code", Text, nullable=False, comment="Work order, or presence/DAY for a factory day of presence"
        ),
        sa.Column(
            "mark",
            Text,
            nullable=False,
            comment="What changed it: run, chunk and what was asked before; a name for other causes",
        ),
        sa.PrimaryKeyConstraint("account", "order_code", "mark"),
        comment="What the next refresh of the marts has to work on; landing inserts, the refresh deletes what it read",
    )
    op.create_table(
        "work_order",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("planned_units", sa.Integer(), nullable=True, comment="Units to be made"),
        sa.Column("due_at", UtcTime, nullable=True, comment="When they are due"),
        sa.Column("product", Text, nullable=True, comment="What is made, as the plan names it"),
        sa.Column("source", Text, nullable=True, comment="File that named it last"),
        sa.PrimaryKeyConstraint("account", "order_code"),
        comment="Plans of work orders, from files (tuyahouse orders add): no API of Tuya gives quantity or due date",
    )
    op.create_table(
        "station_pass_count",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column("order_code", Text, nullable=False, comment="Work order"),
        sa.Column("node", Text, nullable=False, comment="Station or process node"),
        sa.Column("checked_at", UtcTime, nullable=False, comment="When Tuya was asked"),
        sa.Column(
            "tuya_count", sa.Integer(), nullable=False, comment="Units that passed the node, as Tuya counts them"
        ),
        sa.Column(
            "warehouse_count",
            sa.Integer(),
            nullable=True,
            comment="The same by the steps in the warehouse, of that time; null until the run compared them",
        ),
        sa.PrimaryKeyConstraint("account", "order_code", "node", "checked_at"),
        comment="Pass counts: answers to /v1.0/pms/production/station/pass/amount beside the warehouse's own counts",
    )
    op.create_table(
        "ops_count_trust",
        sa.Column("account", Text, nullable=False, comment="Tuya cloud project, by its name in the settings"),
        sa.Column(
            "definition",
            Text,
            nullable=True,
            comment="What Tuya's counts proved to count: passed, reached or passed_hour_late",
        ),
        sa.Column(
            "agreed",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Nights in a row in which they agreed",
        ),
        sa.Column("last_run", Text, nullable=True, comment="Run that compared them last (ops_run.run_id)"),
        sa.Column("fell_at", UtcTime, nullable=True, comment="When they were contradicted last"),
        sa.Column("reason", Text, nullable=True, comment="What contradicted them, or why they are not asked"),
        sa.Column(
            "refused_at",
            UtcTime,
            nullable=True,
            comment="When Tuya refused them for lack of rights; null: it did not",
        ),
        sa.PrimaryKeyConstraint("account"),
        comment="Whether pass counts of an account may decide which serial numbers are left alone tonight",
    )
