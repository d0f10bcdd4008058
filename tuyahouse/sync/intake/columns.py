"""Finds the columns of a table that hold the keys and their companions; the subject names them. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tuyahouse.sync.intake.rows import INVISIBLE, SourceError, first_of, id_text


@dataclass(frozen=True, slots=True)
class Headings:
    """What the columns of a table may be called; :func:`plain_name` of each.

    Args:
        key: names of the column that is needed.
        companion: names of the optional column that goes with it.
        holds: what the two columns hold, each in the singular.
        remedy: how to name them.
        or_else: names that mean the first column only if no column has one of ``key``.
        companion_or_else: the same for the second column.
        lacks: what is missing without the first column.
        more: further columns, each with the names that it may have.
        times: those of them that may hold dates and times.
        by_option: whether a column and a sheet can be named by an option beside the file.
    """

    key: frozenset[str]
    companion: frozenset[str]
    holds: tuple[str, str]
    remedy: str
    or_else: frozenset[str] = frozenset()
    companion_or_else: frozenset[str] = frozenset()
    lacks: str = field(kw_only=True)
    more: tuple[tuple[str, frozenset[str]], ...] = ()
    times: frozenset[str] = frozenset()
    by_option: bool = True

    def naming(self, column: str | None) -> "Headings":
        """The same headings with only that name for the column of keys; None changes nothing."""
        if not column:
            return self
        name = plain_name(column)
        return replace(
            self,
            key=frozenset((name,)),
            or_else=frozenset(),
            companion=self.companion - {name},
            companion_or_else=self.companion_or_else - {name},
            lacks=f"column {column}",
        )

    def is_heading(self, cell: Any) -> bool:
        """Whether a cell is one of the names of the column of keys."""
        return _means(cell, self.key) or _means(cell, self.or_else)


HEADER_WITHIN = 10
"""The header is searched for in this many rows: people put titles above their tables."""

_KEY_LIKE = re.compile(r"(?=(?:[^0-9]*[0-9]){3})[0-9A-Za-z][0-9A-Za-z._/-]{4,}")
_NOT_IN_NAMES = re.compile(r"[\s_\-.:#*/\\\"'（）()【】\[\]]+")
_REMARK = re.compile(r"[(（\[【].*?[)）\]】]", re.DOTALL)
_BETWEEN_NAMES = re.compile(r"[\s/|,;、]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions in a row. ``skip`` rows from the top are titles and the header; there is no header unless ``named``.

    ``rivals`` are the headings of several columns that could each hold the same thing, and what that is. ``more``
    are the further columns that there are.
    """

    key: int
    companion: int | None
    skip: int
    named: bool = True
    rivals: tuple[str, tuple[str, ...]] | None = None
    more: tuple[tuple[str, int], ...] = ()


def plain_name(name: object) -> str:
    """A column's name without case, blanks and punctuation, full-width letters as plain ones."""
    text = "" if name is None else unicodedata.normalize("NFKC", str(name)).translate(INVISIBLE)
    return _NOT_IN_NAMES.sub("", text.casefold())


def find_columns(top: Sequence[Sequence[Any]], headings: Headings) -> Columns | None:
    """Find the columns in the top rows of a table; None if no row names the column that is needed.

    A table of one column without a header is taken when its first cell looks like a key: at least five letters,
    digits and ``._/-`` with three digits among them.
    """
    for skip, row in enumerate(top[:HEADER_WITHIN], start=1):
        keys = _positions(row, headings.key, headings.or_else)
        if keys:
            beside = _positions(row, headings.companion, headings.companion_or_else)
            more = [(name, _positions(row, names, frozenset())) for name, names in headings.more]
            holds = (*headings.holds, *(name for name, _ in more))
            rivals = _rivals(row, holds, (keys, beside, *(found for _, found in more)))
            there = tuple((name, found[0]) for name, found in more if found)
            return Columns(keys[0], beside[0] if beside else None, skip, rivals=rivals, more=there)
    return _headless(top)


def _positions(row: Sequence[Any], names: frozenset[str], or_else: frozenset[str]) -> list[int]:
    """Where a row has one of the names; if it has none, one of the others."""
    found = [i for i, cell in enumerate(row) if _means(cell, names)]
    return found or [i for i, cell in enumerate(row) if _means(cell, or_else)]


def _rivals(
    row: Sequence[Any], holds: Sequence[str], positions: Sequence[list[int]]
) -> tuple[str, tuple[str, ...]] | None:
    several = ((what, found) for what, found in zip(holds, positions, strict=True) if len(found) > 1)
    return next(((what, tuple(str(row[i]).strip() for i in found)) for what, found in several), None)


def _means(cell: Any, names: frozenset[str]) -> bool:
    """Whether a heading is one of the names; a remark in brackets or a second language does not matter."""
    if not names or not isinstance(cell, str) or len(cell) > 100:
        return False
    if plain_name(cell) in names:
        return True
    bare = _REMARK.sub(" ", unicodedata.normalize("NFKC", cell))
    parts = [plain_name(part) for part in _BETWEEN_NAMES.split(bare.strip()) if part]
    return plain_name(bare) in names or (len(parts) > 1 and all(part in names for part in parts))


def _headless(top: Sequence[Sequence[Any]]) -> Columns | None:
    filled = [(skip, row) for skip, row in enumerate(top, start=1) if any(map(_is_filled, row))]
    if not filled or any(_is_filled(cell) for _, row in filled for cell in row[1:]):
        return None
    skip, first = filled[0]
    return Columns(0, None, skip - 1, named=False) if looks_like_key(first[0]) else None


def _is_filled(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.translate(INVISIBLE).strip()))


def looks_like_key(cell: Any) -> bool:
    try:
        return _KEY_LIKE.fullmatch(id_text(cell)) is not None
    except ValueError:
        return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def require_columns(top: Sequence[Sequence[Any]], what: str, headings: Headings) -> Columns:
    """As :func:`find_columns`, or :class:`SourceError` that names the columns there are."""
    if found := find_columns(top, headings):
        refuse_rivals(found, what, headings)
        return found
    names = next((row for row in top if any(map(_is_filled, row))), None)
    if names is None:
        raise SourceError(f"{what} is empty: it has no rows.")
    raise SourceError(f"{what} has no {headings.lacks}. Its columns are: {_listed(names)}. {headings.remedy}")


def refuse_rivals(columns: Columns, what: str, headings: Headings) -> None:
    """Refuse a table in which several columns could hold the same thing.

    Raises:
        SourceError: names the columns and how to choose one.
    """
    if columns.rivals is None:
        return
    holds, names = columns.rivals
    if len({plain_name(name) for name in names}) == 1:
        raise SourceError(f"{what} has the column {names[0]} {len(names)} times. Keep one of them.")
    choosable = headings.by_option and holds == headings.holds[0]
    remedy = "Choose one with --column." if choosable else "Keep one of them, or rename the others."
    raise SourceError(f"{what} has {len(names)} columns that could hold the {holds}: {_listed(names)}. {remedy}")


def _listed(names: Sequence[Any], most: int = 30) -> str:
    texts = [str(name).strip()[:40] for name in names if _is_filled(name)]
    return first_of(texts, most)
