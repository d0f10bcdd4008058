"""The warehouse: a database with our tables, at the schema of this version."""

import logging
from contextlib import closing
from datetime import timedelta
from functools import cached_property

from pydantic import SecretStr
from sqlalchemy import URL, Engine

from tuyahouse.warehouse import opening_checks, schema
from tuyahouse.warehouse.database.address import parse_url, sqlite_path
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.engine import LOCK_WAIT, make_engine
from tuyahouse.warehouse.database.postgres_locks import PostgresLockWatch
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.shared.sealing import Seal, key_beside
from tuyahouse.warehouse.shared.slots import WarehouseSlots
from tuyahouse.warehouse.shared.tokens import LeasedTokens, LockedTokens, WarehouseTokens

log = logging.getLogger(__name__)


class Warehouse(Database):
    """A SQLite file or PostgreSQL database with tuyahouse's tables. Use :meth:`open`."""

    def __init__(
        self, url: URL, engine: Engine, secret_key: str | None, watch: PostgresLockWatch | None = None
    ) -> None:
        super().__init__(url, engine, watch)
        self._secret_key = secret_key

    @classmethod
    def open(
        cls,
        url: str,
        secret_key: str | SecretStr | None = None,
        *,
        migrate: bool = False,
        create: bool = True,
        lock_wait: timedelta = timedelta(seconds=LOCK_WAIT),
    ) -> "Warehouse":
        """Open the database; an empty one gets its tables at once.

        With ``migrate`` an older schema is brought up to date, else it is refused. Without ``create`` nothing is made:
        neither a file nor tables. A statement waits for the lock of another session for ``lock_wait`` at most.

        Raises:
            SchemaError: older (says to run ``tuyahouse migrate``), newer or unknown schema.
            WarehouseAway: the server cannot be reached, or another session locks the tables for too long.
            NoWarehouse: without ``create``: there is none yet.
            WarehouseError: read-only, no access, not a database.
        """
        parsed = parse_url(url)
        if not create:
            opening_checks.require_file(parsed)
        key = secret_key.get_secret_value() if isinstance(secret_key, SecretStr) else secret_key
        engine, watch = make_engine(parsed, lock_wait.total_seconds())
        warehouse = cls(parsed, engine, key, watch)
        try:
            if migrate or not warehouse._is_current():
                if not create:
                    raise opening_checks.none_yet(parsed)
                before, _ = warehouse.migrate()
                if before is None:
                    log.info("Made a new warehouse: %s", warehouse.address)
        except BaseException:
            warehouse.close()
            raise
        return warehouse

    @classmethod
    def require_possible(cls, url: str, secret_key: str | SecretStr | None = None) -> None:
        """Return if a new warehouse could be made there and used; nothing is made.

        Raises:
            WarehouseError: it could not; says what to change.
        """
        parsed = parse_url(url)
        if parsed.drivername == "sqlite":
            opening_checks.require_folder(parsed)
            return
        key = secret_key.get_secret_value() if isinstance(secret_key, SecretStr) else secret_key
        engine, watch = make_engine(parsed)
        with closing(cls(parsed, engine, key, watch)) as warehouse:
            opening_checks.require_tables_allowed(warehouse)
            warehouse._key()

    def migrate(self) -> tuple[str | None, str]:
        """Migrate the schema in one transaction; returns the revisions before (None: empty) and after."""
        with self.begin() as conn:
            return schema.migrate(conn)

    def schema_version(self) -> str | None:
        """Revision of the tables; None if the database is empty."""
        with self.read() as conn:
            return schema.version(conn)

    @cached_property
    def tokens(self) -> WarehouseTokens:
        """The stored tokens.

        Raises:
            WarehouseError: TUYAHOUSE_SECRET_KEY is needed and not set.
        """
        seal = Seal(self._key())
        return LockedTokens(self, seal) if self.dialect == "postgresql" else LeasedTokens(self, seal)

    @cached_property
    def slots(self) -> WarehouseSlots:
        """Start slots and the ledger of calls."""
        return WarehouseSlots(self)

    def _is_current(self) -> bool:
        with self.read() as conn:
            return schema.check(conn)

    def _key(self) -> str:
        if self._secret_key:
            return self._secret_key
        if self.dialect == "sqlite":
            return key_beside(sqlite_path(self._url))
        raise WarehouseError(
            "TUYAHOUSE_SECRET_KEY is not set: it encrypts the tokens kept in PostgreSQL. "
            "Set it to a long random text, the same for all processes of this warehouse."
        )
