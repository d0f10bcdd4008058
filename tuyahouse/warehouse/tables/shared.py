"""What the processes of an account share: locks, the ledger of calls, pace and tokens."""

from sqlalchemy import BigInteger, Column, Date, Double, Integer, LargeBinary, Table

from tuyahouse.warehouse.database.types import Text, UtcTime
from tuyahouse.warehouse.tables.base import account_column, key_column, metadata

ops_lock = Table(
    "ops_lock",
    metadata,
    key_column("name", "What is locked: account and flow"),
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
    account_column(),
    key_column("endpoint", "Method and path of the call"),
    key_column("day", "Day, UTC", Date),
    Column(
        "calls",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Calls paid for; a killed process may leave it a little too high, never too low",
    ),
    Column("failures", BigInteger, nullable=False, server_default="0", comment="Calls answered with an error"),
    Column("throttled", BigInteger, nullable=False, server_default="0", comment="Calls that Tuya throttled"),
    comment="Calls by endpoint and day; the budget is compared with their sum",
)


ops_pace = Table(
    "ops_pace",
    metadata,
    account_column(),
    key_column("endpoint", "Method and path of the call"),
    Column("next_slot", Double, nullable=False, comment="Earliest next start, Unix seconds by the database's clock"),
    Column("slowdown", Double, nullable=False, server_default="1", comment="1: the set pace; 2: half of it; …"),
    Column("throttled_at", Double, comment="Newest throttle answer, Unix seconds"),
    comment="Start slots shared by all processes of an account",
)


ops_token = Table(
    "ops_token",
    metadata,
    account_column(),
    key_column("kind", "platform or pms"),
    Column("token", LargeBinary, comment="Encrypted access token"),
    Column("refresh_token", LargeBinary, comment="Encrypted refresh token"),
    Column("fingerprint", Text, comment="First hex digits of the token's SHA-256, to tell tokens apart"),
    Column("expires_at", UtcTime, comment="End, by Tuya's clock"),
    Column("refreshed_at", UtcTime, comment="Newest refresh (PMS: at most one a day)"),
    Column("generation", Integer, nullable=False, server_default="0", comment="Number of tokens so far"),
    Column("changed_at", UtcTime, comment="When it was stored"),
    Column("lease_holder", Text, comment="Who is replacing it (SQLite)"),
    Column("lease_until", UtcTime, comment="Until when (SQLite)"),
    comment="The one live token of each account, encrypted",
)
