"""The limit of the texts of a key: PostgreSQL refuses rows that do not fit into a page of an index."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, Text

from tuyahouse.warehouse.errors import ValueRefused

LONGEST_KEY = 2_400
"""Bytes of all texts of an index together. PostgreSQL's limit is 2,704 including its overhead, but it compresses
repetitive texts; with a limit of our own, both databases refuse the same keys."""


def require_short_keys(table: Table, names: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
    """Check values that are given column by column.

    Raises:
        ValueRefused: the key of a row, or the columns of another index, are too long together.
    """
    for places in _indexed_texts(table, tuple(names)):
        indexed = [values[place] for place in places]
        if sum(map(_longest, indexed)) * 4 <= LONGEST_KEY:
            continue  # the common case, without encoding any text: a character has at most four bytes
        for row in zip(*indexed, strict=True):
            if (size := sum(len(text.encode(errors="replace")) for text in row if text)) > LONGEST_KEY:
                columns = ", ".join(names[place] for place in places)
                raise ValueRefused(
                    f"{table.name} cannot hold a key of {size:,} bytes ({columns}): "
                    f"at most {LONGEST_KEY:,} are indexed."
                )


@lru_cache(256)
def _indexed_texts(table: Table, names: tuple[str, ...]) -> list[list[int]]:
    """The text columns of each index, by their places in ``names``."""
    indexes = [list(table.primary_key), *(list(index.columns) for index in table.indexes)]
    found = [
        [names.index(column.name) for column in index if isinstance(column.type, Text) and column.name in names]
        for index in indexes
    ]
    return [places for places in found if places]


def _longest(texts: Sequence[str | None]) -> int:
    try:
        return max(map(len, texts), default=0)  # type: ignore[arg-type]  # a column without NULLs, as most are
    except TypeError:
        return max((len(text) for text in texts if text is not None), default=0)
