"""Keys of a Parquet file."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tuyahouse.sync.intake.columns import Headings, require_columns
from tuyahouse.sync.intake.rows import Item, SourceError, entry

_BATCH = 10_000


def read_parquet(file: Path, headings: Headings) -> Iterator[Item]:
    """The keys of a Parquet file, some thousand in memory at once.

    Raises:
        SourceError: it cannot be read, its columns hold neither text nor numbers, or several
            could hold the key.
    """
    from pyarrow import ArrowException  # only a Parquet file needs it, and it takes a while to import
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file, memory_map=False, pre_buffer=False) as parquet:
            yield from _rows(parquet, file.name, headings)
    except ArrowException as error:
        raise SourceError(f"{file.name} cannot be read as Parquet: {error}") from error


def _rows(parquet: Any, what: str, headings: Headings) -> Iterator[Item]:
    schema = parquet.schema_arrow
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
    for batch in parquet.iter_batches(batch_size=_BATCH, columns=wanted):
        cells = [batch.column(name).to_pylist() for name in wanted]
        for place, i in enumerate(positions):
            cells[place] = [_time_text(one) for one in cells[place]] if i in times else cells[place]
        if not beside:
            cells.insert(1, [None] * batch.num_rows)
        for key, companion, *more in zip(*cells, strict=True):
            number += 1
            yield entry(f"row {number}", key, companion, more=list(zip(others, more, strict=True)))


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
    checks = (types.is_string, types.is_large_string, types.is_string_view, types.is_integer, types.is_floating)
    binary = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_decimal, types.is_null)
    return any(check(kind) for check in (*checks, *binary))
