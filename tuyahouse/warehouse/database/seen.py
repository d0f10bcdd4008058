"""Which keys were met before, for any number of keys in little memory: a temporary file that SQLite keeps."""

import json
import sqlite3
from collections.abc import Sequence
from types import TracebackType


class SeenKeys:
    """A set of texts on disk that vanishes when it is closed. One thread at a time."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # "": a temporary file, not memory
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("CREATE TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, keys: Sequence[str]) -> set[str]:
        """Remember the keys; those among them that were never met before."""
        insert = "INSERT OR IGNORE INTO seen SELECT value FROM json_each(?) RETURNING key"
        return {key for (key,) in self._file.execute(insert, (json.dumps(sorted(set(keys))),))}

    def __enter__(self) -> "SeenKeys":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
