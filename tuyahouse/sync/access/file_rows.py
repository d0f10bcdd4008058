"""The rows of a file of writes: all are read before the first is written."""

from collections.abc import Iterator
from pathlib import Path

from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.rows import Blank, Note, Refusal, Row, SourceError

MOST_FILE_ROWS = 100_000
"""Rows of such a file: they are held in memory, and at the usual pace they already take seven hours."""


def read_rows(path: str | Path, headings: Headings, *, secret: bool = False) -> Iterator[Row | Written | Note]:
    """The rows of the file, in its order; a row that cannot be used is an invalid one, with the reason.

    ``secret``: rows may hold a password, so what stands in one that cannot be used is not repeated.

    Raises:
        SourceError: the file cannot be used, or has too many rows.
    """
    rows = 0
    for item in read_file(path, headings):
        rows += isinstance(item, Row | Refusal)
        if rows > MOST_FILE_ROWS:
            raise SourceError(
                f"{Path(path).name} has more than {MOST_FILE_ROWS:,} rows: nothing was written. Split it."
            )
        if isinstance(item, Refusal):
            what = item.place if secret else f"{item.place}: {item.value!r}"
            yield Written(what, End.INVALID, f"Not valid, because {item.reason}.")
        elif not isinstance(item, Blank):
            yield item
