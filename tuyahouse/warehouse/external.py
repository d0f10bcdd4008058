"""Rows of a query on another database: streamed, read-only, without showing its password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

_BATCH = 5_000


class ExternalDatabaseError(Exception):
    """The other database or the query cannot be used; in words, without the password of its URL."""


@contextmanager
def read_rows(url: str, sql: str) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Run one query and give its column names and an iterator over its rows, some thousand in memory at once.

    The transaction is read-only where the database knows that (PostgreSQL, MySQL, SQLite) and rolled back everywhere.

    Raises:
        ExternalDatabaseError: wrong URL, missing driver, database away, refused or failing query.
    """
    address = _parse(url)
    with _in_words(address):
        engine = _engine(address)
        try:
            with engine.connect() as connection:
                yield _run(connection, sql)
        finally:
            engine.dispose()


def label(url: str) -> str:
    """A URL without user, password and options, to be stored and shown: ``postgresql://host/database``."""
    return _label(_parse(url))


def _label(address: URL) -> str:
    return URL.create(
        address.get_backend_name(), host=address.host, port=address.port, database=address.database
    ).render_as_string()


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ExternalDatabaseError(
            "The query's URL is not valid: write dialect://user:password@host/database, for example postgresql://reader:…@mes/factory."
        ) from None
    if address.drivername in ("postgresql", "postgres"):
        return address.set(
            drivername="postgresql+psycopg"
        )  # the driver that is installed; SQLAlchemy thinks of another
    return address


def _engine(address: URL) -> Engine:
    if address.get_backend_name() == "sqlite" and not (address.database and Path(address.database).is_file()):
        raise ExternalDatabaseError(f"There is no SQLite file {address.database}.")
    try:
        engine = create_engine(address, poolclass=NullPool)
    except (ImportError, NoSuchModuleError) as error:
        raise ExternalDatabaseError(f"No driver for {address.drivername} is installed ({error}).") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    return engine


def _run(connection: Connection, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    elif connection.dialect.name in ("mysql", "mariadb"):
        connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
    # exec_driver_sql, not text(): a colon in the query is not a parameter, nor is a percent sign
    as_written = connection.execution_options(stream_results=True, yield_per=_BATCH, no_parameters=True)
    result = as_written.exec_driver_sql(sql)
    if not result.returns_rows:
        raise ExternalDatabaseError("The query does not return rows: write a SELECT.")
    return list(result.keys()), (tuple(row) for row in result)


@contextmanager
def _in_words(address: URL) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        said = str(error.orig) if isinstance(error, DBAPIError) and error.orig else str(error)
        raise ExternalDatabaseError(
            f"The query on {_label(address)} failed: {_without_password(said, address)}"
        ) from None


def _without_password(said: str, address: URL) -> str:
    password = str(address.password or "")
    for form in {password, quote(password), quote(password, safe=""), quote_plus(password)} - {""}:
        said = said.replace(form, "***")
    return said.strip()
