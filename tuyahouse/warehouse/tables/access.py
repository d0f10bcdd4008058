"""Who was given access to what, and the audit of every write to Tuya."""

from sqlalchemy import Column, Index, Integer, Table

from tuyahouse.warehouse.database.types import Json, Text, UtcTime
from tuyahouse.warehouse.tables.base import (
    account_column,
    extra_column,
    key_column,
    metadata,
    open_rows_index,
    run_columns,
    sent_by_tuya,
)

authorized_account = Table(
    "authorized_account",
    metadata,
    account_column(),
    key_column("uid", "Tuya's id of the authorized account (tuyaUid)"),
    Column("login_name", Text, comment="Login name: the user name of the third-party system"),
    Column("country_code", Text, comment="Country code that grant_access authorized it with; Tuya lists none"),
    Column("nick_name", Text, comment="Nickname"),
    Column("role_code", Text, comment="Code of its role"),
    Column("role_name", Text, comment="Name of its role"),
    Column("remark", Text, comment="Remark"),
    Column("create_date", Text, comment="When it was authorized, as Tuya writes it"),
    Column("admin_id", Text, comment="Tuya's id of the account as an administrator (adminId)"),
    extra_column(),
    Column("vanished_at", UtcTime, comment="When a complete list no longer held it; null: still there"),
    *run_columns(),
    comment="Accounts of third-party systems that may log in to Tuya, as Tuya lists them",
)
sent_by_tuya(
    authorized_account,
    "an account of the answer to /v1.0/illumination/account/list",
    uid="uid",
    login_name="loginName",
    nick_name="nickName",
    role_code="roleCode",
    role_name="roleName",
    remark="remark",
    create_date="createDate",
    admin_id="adminId",
)


authorization_grant = Table(
    "authorization_grant",
    metadata,
    account_column(),
    key_column("uid", "Tuya's id of the authorized account (authorized_account.uid)"),
    key_column("project_id", "Project whose rooms it may enter"),
    key_column("room_id", "Room (space) of that project"),
    Column("login_name", Text, comment="Login name of the account"),
    Column("granted_at", UtcTime, nullable=False, comment="When Tuya confirmed it last"),
    *run_columns(),
    comment="Rooms that grant_access gave to authorized accounts. Tuya lists no permissions: others may exist",
)


app_user = Table(
    "app_user",
    metadata,
    account_column(),
    key_column("app_schema", "Schema of the app"),
    key_column("country_code", "Country code, e.g. 86"),
    key_column("username", "User name: phone number, e-mail address or another name"),
    Column("username_type", Text, comment="phone, email or other"),
    Column("nick_name", Text, comment="Nickname"),
    Column("uid", Text, comment="Tuya's id of the user"),
    Column("written_at", UtcTime, nullable=False, comment="When manage_users created or updated it last"),
    *run_columns(),
    comment="Users of the account's app that manage_users wrote. Passwords are never stored",
)


device_person = Table(
    "device_person",
    metadata,
    account_column(),
    key_column("device_id", "Tuya's device id"),
    key_column("person_id", "Tuya's id of the person (the uid of a user)"),
    Column("added_at", UtcTime, comment="When manage_device_persons added the person last"),
    Column("removed_at", UtcTime, comment="When it removed the person; null: has permission"),
    *run_columns(),
    comment="Persons with permission on a device, as far as manage_device_persons added or removed them",
)


visual_token = Table(
    "visual_token",
    metadata,
    account_column(),
    key_column("product_key", "Product key of the device"),
    key_column("device_name", "Name of the device under that product key"),
    Column("fingerprint", Text, comment="First hex digits of the token's SHA-256, to tell tokens apart"),
    Column("issued_at", UtcTime, nullable=False, comment="When it was issued"),
    Column("expires_at", UtcTime, comment="When it expires, by the token itself, else by Tuya's answer"),
    Column("kept_in", Text, comment="File below TUYAHOUSE_TOKEN_DIR, or name of the Prefect block, that holds it"),
    *run_columns(),
    comment="Visual tokens that were issued. The tokens themselves are never in the warehouse",
)


ops_write = Table(
    "ops_write",
    metadata,
    account_column(),
    key_column("intent_key", "Run key of the run, and a fingerprint of what it was to write"),
    Column("call", Text, nullable=False, comment="Method and path of the call"),
    Column("target", Text, nullable=False, comment="What is written to; one write to it at a time"),
    Column(
        "content", Text, nullable=False, comment="Fingerprint of call, target and request: the same intent of any run"
    ),
    Column("what", Text, nullable=False, comment="The write, in words"),
    Column("request", Json, comment="What was asked for (secrets masked)"),
    Column(
        "outcome",
        Text,
        nullable=False,
        comment="pending: committed before the call; done; refused: not carried out; unknown: it may have been",
    ),
    Column("code", Text, comment="Tuya's error code, as sent"),
    Column("note", Text, comment="What happened and what to do"),
    Column("result", Json, comment="What Tuya answered (secrets left out)"),
    Column("run_id", Text, nullable=False, comment="Run that wrote (ops_run.run_id)"),
    Column(
        "attempts",
        Integer,
        nullable=False,
        comment="How often the call was begun; 0: never, as an earlier one of the same may have been carried out",
    ),
    Column("asked_at", UtcTime, nullable=False, comment="When the last attempt began; of 0 attempts: the earlier one"),
    Column("ended_at", UtcTime, comment="When its outcome was recorded"),
    Column("settled_at", UtcTime, comment="Since when nothing is left to find out; null: pending, or unknown"),
    Column("settled_by", Text, comment="Run that settled it (ops_run.run_id)"),
    open_rows_index("ix_ops_write_open", "settled_at", "account", "target"),
    Index("ix_ops_write_target", "target"),
    comment="Audit of every write to Tuya: who was given what, when, by which run, and what came of it",
)
