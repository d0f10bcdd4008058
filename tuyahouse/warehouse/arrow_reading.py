"""Reading by ADBC: columns of Arrow straight from the database's own protocol, with the types of the definitions."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tuyahouse.warehouse.database.address import sqlite_path
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import Field, Kind
from tuyahouse.warehouse.reading import Query

if TYPE_CHECKING:
    import pyarrow

    from tuyahouse.warehouse.database.database import Database

_DRIVERS = {"postgresql": "adbc_driver_postgresql.dbapi", "sqlite": "adbc_driver_sqlite.dbapi"}


def read(database: "Database", query: Query) -> "pyarrow.RecordBatchReader":
    """The rows as a reader of record batches; it holds a connection of its own until it is read to its end.

    Raises:
        WarehouseError: ADBC is not installed, or the database refuses the query.
    """
    import pyarrow

    schema = schema_of(query.fields)
    reader = _Reader(database, query)
    return pyarrow.RecordBatchReader.from_batches(schema, reader.batches(schema))


def schema_of(fields: tuple[Field, ...]) -> "pyarrow.Schema":
    """The Arrow types of these columns: texts, 64-bit counts, doubles, flags, UTC times in microseconds, dates."""
    import pyarrow as pa

    types = {
        Kind.COUNT: pa.int64(),
        Kind.BIG: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.TIME: pa.timestamp("us", "UTC"),
        Kind.DAY: pa.date32(),
        Kind.BYTES: pa.binary(),
    }
    return pa.schema([pa.field(one.name, types.get(one.kind, pa.string())) for one in fields])


class _Reader:
    """One query on a connection of its own."""

    def __init__(self, database: "Database", query: Query) -> None:
        try:
            connect: Callable[..., Any] = import_module(_DRIVERS[database.dialect]).connect
        except ImportError:
            raise WarehouseError(
                "Arrow is read by ADBC, which is not installed: pip install 'tuyahouse[fast]'. "
                "frames.read needs nothing more."
            ) from None
        statement, values = query.statement(database.dialect, "qmark" if database.dialect == "sqlite" else "dollar")
        self._rows_of_types = int(database.dialect == "sqlite")
        if self._rows_of_types:
            statement = _after_a_row_of_types(statement, query)
        self._connection = connect(_address(database))
        self._cursor = self._connection.cursor()
        try:
            if database.dialect == "postgresql":
                self._cursor.execute("SET TRANSACTION READ ONLY")
            self._cursor.execute(statement, values or None)
        except Exception as error:
            self.close()
            raise _refused(error) from error

    def batches(self, schema: "pyarrow.Schema") -> "Iterator[pyarrow.RecordBatch]":
        skip = self._rows_of_types
        try:
            reader = self._cursor.fetch_record_batch()
            while (batch := _next(reader)) is not None:
                yield _typed(batch.slice(skip), schema)
                skip = 0
        finally:
            self.close()

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()


def _next(reader: "pyarrow.RecordBatchReader") -> "pyarrow.RecordBatch | None":
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
    except Exception as error:
        raise _refused(error) from error


def _refused(error: Exception) -> WarehouseError:
    said = str(error).splitlines() or [type(error).__name__]
    return WarehouseError(f"The database refused the query: {said[0]}")


_OF_TYPE = {Kind.COUNT: "0", Kind.BIG: "0", Kind.FLAG: "0", Kind.NUMBER: "0.5", Kind.BYTES: "x'00'"}


def _after_a_row_of_types(statement: str, query: Query) -> str:
    """The statement after one row that has a value in every column.

    SQLite's driver takes the type of a column from the first rows: where these are null it says int64, and fails at the
    first text that follows. A LIMIT keeps the order of the inner query.
    """
    values = ", ".join(_OF_TYPE.get(one.kind, "''") for one in query.fields)
    endless = " LIMIT -1" if query.limit is None else ""
    return f"SELECT {values} UNION ALL SELECT * FROM ({statement}{endless})"


def _address(database: "Database") -> str:
    url = database.url
    if database.dialect == "sqlite":
        return str(sqlite_path(url))
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _typed(batch: "pyarrow.RecordBatch", schema: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    import pyarrow as pa

    columns = [_column(batch.column(place), schema.field(place).type) for place in range(len(schema))]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(column: Any, wanted: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == wanted:
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), wanted)
    if isinstance(column, pa.ExtensionArray):  # JSON documents and numbers of PostgreSQL that Arrow has no type for
        column = column.storage
    if pa.types.is_timestamp(wanted) and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC")
    return column.cast(wanted)
