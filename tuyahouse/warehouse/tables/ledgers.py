"""The state of the pipeline: runs, chunks, dead letters, drift and raw answers."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table

from tuyahouse.warehouse.database.types import Json, Text, UtcTime
from tuyahouse.warehouse.tables.base import account_column, key_column, metadata, open_rows_index

raw_block = Table(
    "raw_block",
    metadata,
    account_column(),
    key_column("kind", "What was asked: sn_flows, craft_line, devices, …"),
    key_column("block_id", "Run id and chunk number"),
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


ops_run = Table(
    "ops_run",
    metadata,
    account_column(),
    key_column("flow", "Flow"),
    key_column("run_key", "Intent of the run; the same run key continues where it stopped"),
    Column("run_id", Text, nullable=False, unique=True, comment="Short id used in other tables"),
    Column(
        "status",
        Text,
        nullable=False,
        comment="running, balanced, stopped (budget or quota; resumable), unbalanced, failed or interrupted",
    ),
    Column("parent_run", Text, comment="Run that this one is a part of (nightly_sync); null: started by itself"),
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
    key_column("run_id", "Run (ops_run.run_id)"),
    key_column("chunk", "Number in the run, from 0", Integer),
    Column("status", Text, nullable=False, comment="planned, refused (to be asked again), partial or done"),
    Column("planned", Integer, nullable=False, comment="Keys planned"),
    Column("keys", LargeBinary, nullable=False, comment="Keys still to ask: zstandard over a MessagePack list of text"),
    Column("refused", LargeBinary, comment="Keys that were refused, packed alike: asked again when the run continues"),
    *[
        Column(name, Integer, nullable=False, server_default="0", comment=f"See ops_run.{name}")
        for name in ("asked", "answered", "empty", "failed", "rejected", "inserted", "updated", "unchanged", "calls")
    ],
    Column(
        "excused",
        Integer,
        nullable=False,
        server_default="0",
        comment="Of failed and rejected: keys whose dead letter is dismissed, or that need a right the account lacks",
    ),
    Column("done_at", UtcTime, comment="When it was committed"),
    comment="The unit of work and commit of a run",
)


ops_dead_letter = Table(
    "ops_dead_letter",
    metadata,
    account_column(),
    key_column("kind", "What it is: sn_flows, craft_line, devices, command, message, …"),
    key_column("key", "Serial number, work order, device, message id, …"),
    key_column("reason", "Class of the problem, e.g. unusable_answer, item_error, retries_exhausted"),
    Column("code", Text, comment="Tuya's error code, as sent"),
    Column("message", Text, comment="What happened and what to do"),
    Column("raw", LargeBinary, comment="What was received, if anything (secrets redacted)"),
    Column("attempts", Integer, nullable=False, server_default="1", comment="How often this happened"),
    Column("first_seen_at", UtcTime, nullable=False, comment="First time"),
    Column("last_seen_at", UtcTime, nullable=False, comment="Newest time"),
    Column("resolved_at", UtcTime, comment="When a later answer was good"),
    Column("dismissed_at", UtcTime, comment="When a person dismissed it; open: this and resolved_at are null"),
    Column("dismissed_by", Text, comment="Who dismissed it last; stays when it is opened again"),
    Column("dismissed_why", Text, comment="The reason that was given then"),
    open_rows_index("ix_ops_dead_letter_open", "resolved_at", "account", "kind", "key", "reason"),
    comment="Answers, items and messages that could not be used. Nothing is dropped without a row here",
)


ops_drift = Table(
    "ops_drift",
    metadata,
    account_column(),
    key_column("kind", "Answer or message format"),
    key_column("field", "Undocumented field, or a documented one with a new type or value"),
    Column("sample", Text, comment="An example value, cut"),
    Column("first_seen_at", UtcTime, nullable=False, comment="First time"),
    Column("last_seen_at", UtcTime, nullable=False, comment="Newest time"),
    Column("answers", BigInteger, nullable=False, server_default="1", comment="In how many changed answers"),
    comment="Undocumented fields that Tuya sends; they are kept in extra",
)
