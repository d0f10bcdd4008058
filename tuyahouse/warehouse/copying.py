"""Copying a whole warehouse into an empty one, e.g. from a SQLite file to PostgreSQL."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, Table, select, text

from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.database.dialect import now_time
from tuyahouse.warehouse.database.values import Row
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.tables import metadata, ops_lock, ops_pace, ops_token

NOT_COPIED = frozenset({ops_lock.name, ops_pace.name, ops_token.name})
"""What belongs to the processes of one warehouse: locks, start slots and live tokens. The copy gets its own."""

_ROWS, _BYTES = 5_000, 8_000_000
"""Where a batch ends. Raw blocks are large, so bytes count as well as rows."""


def copy_all(source: Database, target: Database, progress: Callable[[str, int], None]) -> dict[str, int]:
    """Copy the rows of every table but those of :data:`NOT_COPIED`, in one transaction of each database.

    The source is read as it was at one moment; the target holds everything or, after an error, nothing. Memory stays
    flat.

    Args:
        progress: called with a table's name and the number of its rows, once the table is copied.

    Returns:
        Rows copied, by table.

    Raises:
        WarehouseError: a run is under way in the source, the target holds rows, or a row did not arrive.
    """
    copied: dict[str, int] = {}
    with source.read() as rows, target.begin() as conn:
        _read_one_moment(rows)
        _require_no_runs(rows)
        _require_empty(conn, target.name)
        for table in metadata.sorted_tables:
            if table.name not in NOT_COPIED:
                copied[table.name] = _copy(rows, conn, table)
                progress(table.name, copied[table.name])
    return copied


def require_no_runs(source: Database) -> None:
    """Raise the :class:`WarehouseError` of a run that is under way, before a target is made for nothing."""
    with source.read() as rows:
        _require_no_runs(rows)


def _read_one_moment(conn: Connection) -> None:
    """SQLite reads so by itself."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _require_no_runs(conn: Connection) -> None:
    held = select(ops_lock.c.holder).where(ops_lock.c.expires_at > now_time(conn)).limit(1)
    if (holder := conn.execute(held).scalar()) is not None:
        raise WarehouseError(
            f"{holder} is under way: what it writes after this moment would be missing in the copy. Stop it, or wait "
            "for its end, then copy."
        )


def _require_empty(conn: Connection, name: str) -> None:
    for table in metadata.sorted_tables:
        if conn.execute(select(1).select_from(table).limit(1)).scalar() is not None:
            raise WarehouseError(
                f"{name} already holds rows in {table.name}, and nothing was copied. Name a database without rows."
            )


def _copy(source: Connection, target: Connection, table: Table) -> int:
    names = [column.name for column in table.columns]
    read = source.execution_options(yield_per=200).execute(select(*table.columns))
    count = 0
    for batch in _batches(tuple(row) for row in read):
        arrived = writer.insert_new(target, table, names, batch)
        if arrived != len(batch):
            raise WarehouseError(f"{len(batch) - arrived} rows of {table.name} did not arrive; nothing was copied.")
        count += arrived
    return count


def _batches(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if len(batch) == _ROWS or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
