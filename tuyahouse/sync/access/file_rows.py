"""The rows of a file that names what is to be written, one after the other."""

from collections.abc import Iterator
from pathlib import Path

from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.rows import Blank, Note, Refusal, Row


def read_rows(path: str | Path, headings: Headings, *, secret: bool = False) -> Iterator[Row | Written]:
    """The rows of the file, in its order; a row that cannot be used is an invalid one, with the reason.

    ``secret``: rows may hold a password, so what stands in one that cannot be used is not repeated.

    Raises:
        SourceError: the file cannot be used.
    """
    for item in read_file(path, headings):
        if isinstance(item, Refusal):
            what = item.place if secret else f"{item.place}: {item.value!r}"
            yield Written(what, End.INVALID, f"Not valid, because {item.reason}.")
        elif not isinstance(item, Blank | Note):
            yield item
