"""One batch on its way into a table: the roles of its columns, and one row per key. Pure; shared by both dialects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import Table

from tuyahouse.warehouse.database.values import Row


@dataclass(slots=True)
class Written:
    """What a batch did, in rows of the table."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    retired: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.retired + other.retired,
        )


@dataclass(frozen=True)
class Shape:
    """The columns of a batch and their rules (see :func:`tuyahouse.warehouse.bulk.writer.upsert`).

    The last of ``names`` may be ``constant``: they have one value for all rows, which do not hold them.
    """

    table: Table
    names: tuple[str, ...]
    first: frozenset[str] = frozenset()
    stamp: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    newest: str | None = None
    gone: str | None = None
    constant: tuple[str, ...] = ()
    key: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        key = tuple(column.name for column in self.table.primary_key)
        missing = [name for name in (*key, *self.first, *self.stamp, *self.keep) if name not in self.names]
        if missing:
            raise ValueError(f"{self.table.name}: the batch lacks the columns {missing}")
        object.__setattr__(self, "key", key)

    @property
    def sent(self) -> tuple[str, ...]:
        """The columns that the rows hold."""
        return self.names[: len(self.names) - len(self.constant)]

    @property
    def compared(self) -> list[str]:
        """Columns in which a difference causes an update."""
        apart = {*self.key, *self.first, *self.stamp}
        return [name for name in self.names if name not in apart]

    @property
    def changed(self) -> list[str]:
        """Columns that an update writes."""
        return self.compared + [name for name in self.names if name in self.stamp]

    def place(self, name: str) -> int:
        return self.names.index(name)

    def key_of(self) -> Callable[[Row], Any]:
        return itemgetter(*[self.place(name) for name in self.key if name not in self.constant])


def one_a_key(shape: Shape, rows: Sequence[Row]) -> Sequence[Row]:
    """The last row of each key, or the newest by ``newest`` (of two equally new ones, the later).

    ``keep`` columns that are None in it are filled from the rows before it; ``first`` columns come from the first row.
    """
    key_of = shape.key_of()
    if len(set(map(key_of, rows))) == len(rows):
        return rows
    if shape.newest:
        rows = _oldest_first(rows, shape.place(shape.newest))
    if not (shape.first or shape.keep):
        return list({key_of(row): row for row in rows}.values())
    return _merged(shape, rows)


def _oldest_first(rows: Sequence[Row], place: int) -> list[Row]:
    known = [row for row in rows if row[place] is not None]
    return [row for row in rows if row[place] is None] + sorted(known, key=itemgetter(place))


def _merged(shape: Shape, rows: Sequence[Row]) -> list[Row]:
    key_of = shape.key_of()
    first = [shape.place(name) for name in shape.first if name not in shape.constant]
    keep = [shape.place(name) for name in shape.keep if name not in shape.constant]
    merged: dict[Any, Row] = {}
    for row in rows:
        key = key_of(row)
        if (before := merged.get(key)) is not None:
            cells = list(row)
            for place in first:
                cells[place] = before[place]
            for place in keep:
                cells[place] = before[place] if cells[place] is None else cells[place]
            row = tuple(cells)
        merged[key] = row
    return list(merged.values())
