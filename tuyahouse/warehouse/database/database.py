"""A database, opened once and used by many threads: transactions, and errors in words. Knows no table."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import URL, Connection, Engine

from tuyahouse.warehouse.database.address import shown, whole
from tuyahouse.warehouse.database.postgres_locks import PostgresLockWatch
from tuyahouse.warehouse.driver_errors import in_words
from tuyahouse.warehouse.errors import WarehouseError


class Database:
    """An engine with its transactions. Every method may be called from any thread.

    Errors are :class:`WarehouseError` in words; :class:`WarehouseAway` is one that passes.
    """

    def __init__(self, url: URL, engine: Engine, watch: PostgresLockWatch | None = None) -> None:
        self._url = url
        self._engine = engine
        self._watch = watch

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @property
    def url(self) -> URL:
        """Its address, with the password: for a driver, not for people."""
        return self._url

    @property
    def name(self) -> str:
        """The database for people: its URL without the password, or the path of the file."""
        return shown(self._url)

    @property
    def address(self) -> str:
        """:attr:`name`, with the whole path of a file."""
        return whole(self._url)

    @contextmanager
    def begin(self, longest_pause: timedelta | None = None) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on any error.

        With ``longest_pause`` PostgreSQL ends it when it waits for this process for longer: a process that was stopped,
        or whose machine was, blocks no other then.
        """
        with self._in_words(), self._engine.connect() as plain:
            conn = plain.execution_options(tuyahouse_writes=True)
            with conn.begin():
                if longest_pause is not None and conn.dialect.name == "postgresql":
                    milliseconds = int(longest_pause.total_seconds() * 1000)
                    conn.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")
                yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; it blocks no writer. Always rolled back."""
        with self._in_words(), self._engine.connect() as conn:
            yield conn

    @contextmanager
    def savepoint(self, conn: Connection) -> Iterator[None]:
        """A part of a transaction under way: an error takes back this part alone."""
        with self._in_words(), conn.begin_nested():
            yield

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turn what drivers raise into words; WarehouseErrors and the caller's own errors pass unchanged."""
        try:
            yield
        except WarehouseError:
            raise
        except Exception as error:
            if (worded := in_words(error, self.name, self._watch.holder() if self._watch else "")) is not None:
                raise worded from error
            raise
