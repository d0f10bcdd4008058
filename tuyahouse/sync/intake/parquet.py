"""Keys of a Parquet file."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tuyahouse.sync.intake.columns import Headings, require_columns
from tuyahouse.sync.intake.rows import MAX_LENGTH, Item, SourceError, entry

_BATCH = 10_000
_BATCH_BYTES = 16_000_000
LARGEST_ROW_GROUP = 64_000_000
"""Bytes of the columns that are read of a row group, unpacked. By default writers make groups of a third of it."""


def read_parquet(file: Path, headings: Headings) -> Iterator[Item]:
    """The keys of a Parquet file, some thousand in memory at once.

    Raises:
        SourceError: it cannot be read, its columns hold neither text nor numbers, several could hold the key, or a
            row group is too large for memory.
    """
    from pyarrow import ArrowException  # only a Parquet file needs it, and it takes a while to import
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file, pre_buffer=False) as parquet:
            yield from _rows(parquet, file, headings)
    except ArrowException as error:
        raise SourceError(f"{file.name} cannot be read as Parquet: {error}") from error


def _rows(parquet: Any, file: Path, headings: Headings) -> Iterator[Item]:
    schema, what = parquet.schema_arrow, file.name
    names = list(schema.names)
    columns = require_columns([names], what, headings)
    others = [name for name, _ in columns.more]
    beside = [] if columns.companion is None else [columns.companion]
    positions = [columns.key, *beside, *(i for _, i in columns.more)]
    times = {i for name, i in columns.more if name in headings.times}
    for i in positions:
        if i in times and _is_time(schema.field(i).type):
            continue
        if not _is_id(schema.field(i).type):
            raise SourceError(
                f"The column {names[i]} of {what} is {schema.field(i).type}, neither text nor numbers. Make it text."
            )
    wanted, number = [names[i] for i in positions], 0
    for batch in parquet.iter_batches(batch_size=_rows_at_once(parquet.metadata, file, wanted), columns=wanted):
        cells = [_cells(batch.column(name)) for name in wanted]
        for place, i in enumerate(positions):
            cells[place] = [_time_text(one) for one in cells[place]] if i in times else cells[place]
        if not beside:
            cells.insert(1, [None] * batch.num_rows)
        for key, companion, *more in zip(*cells, strict=True):
            number += 1
            yield entry(f"row {number}", key, companion, more=list(zip(others, more, strict=True)))


def _rows_at_once(metadata: Any, file: Path, wanted: list[str]) -> int:
    """How many rows are read together: a text that the file holds once may be that of thousands of rows."""
    longest = 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        parts = [part for i in range(group.num_columns) if (part := group.column(i)).path_in_schema in wanted]
        size = sum(part.total_uncompressed_size for part in parts)
        if size > LARGEST_ROW_GROUP:
            raise SourceError(
                f"{file.name} holds {size // 1_000_000:,} MB of {' and '.join(wanted)} in one row group, more than "
                f"{LARGEST_ROW_GROUP // 1_000_000} MB. Write it with smaller row groups, or save it as CSV."
            )
        for part in parts:
            if "DELTA_BYTE_ARRAY" in part.encodings:  # a row holds what differs from the one before
                longest = max(longest, size)
            elif part.physical_type == "BYTE_ARRAY" and part.has_dictionary_page:
                longest = max(longest, _longest_in_dictionary(file, number, part.path_in_schema))
    return max(1, min(_BATCH, _BATCH_BYTES // longest))


def _longest_in_dictionary(file: Path, group: int, name: str) -> int:
    from pyarrow import compute
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file, pre_buffer=False, buffer_size=1 << 16, read_dictionary=[name]) as parquet:
        for batch in parquet.iter_batches(batch_size=1, row_groups=[group], columns=[name]):
            return compute.max(compute.binary_length(batch.column(0).dictionary)).as_py() or 0
    return 0


def _cells(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # a writer that did not look: the rows that are no text are refused, and no others
        return list(column.cast("binary").to_pylist())


def _is_time(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_timestamp(kind) or types.is_date(kind))


def _time_text(value: Any) -> Any:
    """A date or time as text; other values stay unchanged."""
    return value.isoformat() if isinstance(value, date) else value


def _is_id(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_fixed_size_binary(kind):
        return bool(kind.byte_width <= MAX_LENGTH)
    checks = (types.is_string, types.is_large_string, types.is_string_view, types.is_integer, types.is_floating)
    binary = (types.is_binary, types.is_large_binary, types.is_decimal, types.is_null)
    return any(check(kind) for check in (*checks, *binary))
