"""A set of keys that may outgrow memory, kept in a temporary file of SQLite's."""

import json
import sqlite3
from collections.abc import Sequence
from types import TracebackType


class KeySet:
    """A set of texts on disk that vanishes when it is closed. One thread at a time."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # "": a temporary file, not memory
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("CREATE TABLE keys (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, keys: Sequence[str]) -> set[str]:
        """Add the keys; returns those that were not in the set yet."""
        insert = "INSERT OR IGNORE INTO keys SELECT value FROM json_each(?) RETURNING key"
        return {key for (key,) in self._file.execute(insert, (json.dumps(sorted(set(keys))),))}

    def __enter__(self) -> "KeySet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
