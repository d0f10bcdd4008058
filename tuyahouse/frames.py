"""Tables and marts as pandas data frames, the same on both databases.

The types come from the definitions, not from the data: texts ``str``, counts ``Int64``, numbers ``float64``, flags
``boolean``, times ``datetime64[us, UTC]``, days ``datetime64[s]``, JSON as text. Transactions are read-only. A bad
name, column or account is a :class:`tuyahouse.WarehouseError` whose sentence names what is nearest::

    from tuyahouse import frames

    frames.read("mart_order", account="factory")
    frames.read("flow_step", account="factory", where={"order_code": "WO1"}, since="2026-03-01")
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tuyahouse.settings import load_settings
from tuyahouse.warehouse import arrow_reading, reading
from tuyahouse.warehouse.comparing import whole
from tuyahouse.warehouse.dictionary import sources
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import MARTS, Field, Kind
from tuyahouse.warehouse.reading import Query
from tuyahouse.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["arrow", "chunks", "describe", "names", "query", "read"]

When = str | date | datetime | None
_DTYPES = {
    Kind.TEXT: "str",
    Kind.JSON: "str",
    Kind.COUNT: "Int64",
    Kind.BIG: "Int64",
    Kind.NUMBER: "float64",
    Kind.FLAG: "boolean",
    Kind.TIME: "datetime64[us, UTC]",
    Kind.DAY: "datetime64[s]",
    Kind.BYTES: "object",
}


def read(
    name: str,
    *,
    warehouse: Warehouse | str | None = None,
    account: str | None = None,
    where: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    since: When = None,
    until: When = None,
    limit: int | None = None,
    time_zone: str = "UTC",
    index: bool = False,
) -> "pandas.DataFrame":
    """A table or mart as a frame, in the order of its key.

    Args:
        name: table or mart; :func:`names` lists the marts.
        warehouse: open, or its URL; default: that of the settings.
        account: one account; default: all of them.
        where: column → value, or a list of values.
        columns: these columns, in this order; default: all but bytes and ``extend_data``.
        since: begin (included), of the first of its times: a day, or a time in UTC where it names no zone.
        until: end (not included).
        limit: so many rows at most.
        time_zone: of the times in the frame.
        index: make the key the index.

    Raises:
        WarehouseError: a wrong name, column, account or value; the warehouse cannot be read.
    """
    import pandas

    given = reading.query_of(name, account=account, where=where, columns=columns, since=since, until=until, limit=limit)
    zone = _zone(time_zone)
    with _opened(warehouse) as found:
        parts = [frame_of(given.fields, rows, zone) for rows in reading.batches(found, given)]
    frame = parts[0] if len(parts) == 1 else pandas.concat(parts, ignore_index=True)
    return frame.set_index(_key(given)) if index else frame


def chunks(
    name: str,
    *,
    rows: int = 100_000,
    warehouse: Warehouse | str | None = None,
    account: str | None = None,
    where: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    since: When = None,
    until: When = None,
    limit: int | None = None,
    time_zone: str = "UTC",
) -> "Iterator[pandas.DataFrame]":
    """The same as frames of ``rows`` rows each, one in memory at a time; see :func:`read`."""
    given = reading.query_of(name, account=account, where=where, columns=columns, since=since, until=until, limit=limit)
    return _chunks(warehouse, given, whole("rows", rows, 1), _zone(time_zone))


def _chunks(warehouse: Warehouse | str | None, given: Query, rows: int, zone: str) -> "Iterator[pandas.DataFrame]":
    with _opened(warehouse) as found:
        for part in reading.batches(found, given, rows):
            yield frame_of(given.fields, part, zone)


def query(
    sql: str, params: Mapping[str, Any] | None = None, *, warehouse: Warehouse | str | None = None
) -> "pandas.DataFrame":
    """The result of a query of your own; ``:name`` stands for a parameter. The types are those that the database sends.

    Raises:
        WarehouseError: the database refuses it, for example because it writes.
    """
    import pandas

    with _opened(warehouse) as found:
        parts = list(reading.batches_of_sql(found, sql, params))
    return pandas.DataFrame.from_records([tuple(row) for _, rows in parts for row in rows], columns=parts[0][0])


def arrow(
    name: str,
    *,
    warehouse: Warehouse | str | None = None,
    account: str | None = None,
    where: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    since: When = None,
    until: When = None,
    limit: int | None = None,
) -> "pyarrow.RecordBatchReader":
    """The same as Arrow record batches, for polars or DuckDB: several times as fast. Needs ``tuyahouse[fast]`` (ADBC).

    Raises:
        WarehouseError: as :func:`read`; ADBC is not installed.
    """
    given = reading.query_of(name, account=account, where=where, columns=columns, since=since, until=until, limit=limit)
    with _opened(warehouse) as found:
        if account is not None:
            with reading.reading(found) as conn:
                reading.require_account(conn, account)
        return arrow_reading.read(found, given)


def names(*, warehouse: Warehouse | str | None = None) -> "pandas.DataFrame":
    """Every mart: name, meaning, grain, rows (kept ones), warnings."""
    import pandas

    marts = [one for one in reading.relations().values() if one.name in MARTS]
    with _opened(warehouse) as found:
        counted = {
            one.name: next(reading.batches_of_sql(found, f"SELECT COUNT(*) FROM {one.name}"))[1][0][0]
            for one in marts
            if not one.is_view
        }
    return pandas.DataFrame(
        {
            "name": pandas.array([one.name for one in marts], "str"),
            "meaning": pandas.array([one.meaning for one in marts], "str"),
            "grain": pandas.array([", ".join(one.grain) for one in marts], "str"),
            "rows": pandas.array([counted.get(one.name) for one in marts], "Int64"),
            "warnings": pandas.array([", ".join(one.warnings) for one in marts], "str"),
        }
    )


def describe(name: str) -> "pandas.DataFrame":
    """The columns of a table or mart: name, dtype, unit, what it means and where it comes from.

    The source of a mart's column are columns of the core, that of another table is what Tuya calls the field.
    """
    import pandas

    fields = reading.relation(name).fields
    made_of = sources(name)
    rows = [(one.name, _DTYPES[one.kind], one.unit, one.meaning, made_of[one.name]) for one in fields]
    return pandas.DataFrame(rows, columns=["column", "dtype", "unit", "meaning", "source"], dtype="str")


@contextmanager
def _opened(warehouse: Warehouse | str | None) -> Iterator[Warehouse]:
    if isinstance(warehouse, Warehouse):
        yield warehouse
        return
    opened = _open(warehouse)
    try:
        yield opened
    finally:
        opened.close()


def _open(url: str | None) -> Warehouse:
    if url is None:
        return Warehouse.open(load_settings().warehouse_url, create=False)
    if not isinstance(url, str) or "://" not in url:
        raise WarehouseError(
            "warehouse= is neither an open warehouse nor the URL of one: write sqlite:///file.db (four slashes before "
            "an absolute path) or postgresql://user@host/database."
        )
    try:
        return Warehouse.open(url, create=False)
    except WarehouseError as error:
        error.args = (str(error).replace("TUYAHOUSE_WAREHOUSE_URL", "warehouse="),)
        raise


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError, TypeError, AttributeError):
        raise WarehouseError(f"{name!r} is not a time zone; write one such as Asia/Shanghai or UTC.") from None


def _key(given: Query) -> list[str]:
    missing = [name for name in given.relation.grain if name not in [one.name for one in given.fields]]
    if missing:
        raise WarehouseError(f"index=True needs the columns of the key; columns lacks {', '.join(missing)}.")
    return list(given.relation.grain)


def frame_of(fields: Sequence[Field], rows: Sequence[Sequence[Any]], zone: str) -> "pandas.DataFrame":
    """Rows as the database gives them as a frame with the types of their columns."""
    import pandas

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(fields)
    series = {one.name: _series(one, values, zone) for one, values in zip(fields, columns, strict=True)}
    return pandas.DataFrame(series)


def _series(of: Field, values: Sequence[Any], zone: str) -> Any:
    import pandas

    if of.kind is Kind.TIME:
        times = pandas.to_datetime(pandas.Series(values, dtype=object), utc=True, format="ISO8601")
        times = times.astype("datetime64[us, UTC]")
        return times if zone == "UTC" else times.dt.tz_convert(zone)
    if of.kind is Kind.DAY:
        return pandas.to_datetime(pandas.Series(values, dtype=object)).astype("datetime64[s]")
    if of.kind is Kind.JSON:
        values = [reading.plain_value(of, value) for value in values]
    return pandas.Series(values, dtype=_DTYPES[of.kind])
