"""The one source of keys that a person names: a file, a pattern or a query."""

from collections.abc import Iterator
from pathlib import Path

from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.pattern import read_pattern
from tuyahouse.sync.intake.query import query_label, read_query
from tuyahouse.sync.intake.rows import Entry, SourceError


def source(
    path: str | Path | None = None,
    pattern: str | None = None,
    query_url: str | None = None,
    query: str | None = None,
) -> tuple[Iterator[Entry], str]:
    """The entries of the one source that is named, and what to call it in the registry (never with a password).

    Raises:
        SourceError: none or several are named, or a query lacks its URL or text.
    """
    named = [
        name for name, value in (("a file", path), ("a pattern", pattern), ("a query", query_url or query)) if value
    ]
    if len(named) != 1:
        raise SourceError(
            f"Name one source of serial numbers: a file, a pattern or a query (named: {', '.join(named) or 'none'})."
        )
    if path:
        return read_file(path), Path(path).name
    if pattern:
        return read_pattern(pattern), pattern.strip()
    if not query or not query_url:
        raise SourceError("A query needs both its URL and its SQL text.")
    return read_query(query_url, query), query_label(query_url)
