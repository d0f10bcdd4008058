"""Which columns of a table hold the keys and what goes with them: serial number and work order, unless told otherwise. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuyahouse.sync.intake.rows import INVISIBLE, SourceError, id_text

# fmt: off
SN_NAMES = frozenset((
    "sn", "snno", "sncode", "snnumber", "serial", "serialno", "serialnum", "serialnumber", "serialcode",
    "productsn", "devicesn", "sn号", "sn码", "sn编号", "sn号码", "序列号", "序列号码", "序列码", "产品序列号", "设备序列号", "产品sn", "设备sn",
    "产品sn号", "设备sn号",
))
# fmt: on
# fmt: off
ORDER_NAMES = frozenset((
    "order", "orderno", "orderid", "ordercode", "ordernumber", "workorder", "workorderno", "workordercode",
    "workordernumber", "productionorder", "productionordercode", "工单", "工单号", "工单编号", "工单编码", "工单号码", "生产工单",
    "生产工单号", "生产订单", "生产订单号",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Headings:
    """What the columns of a table may be called; :func:`plain_name` of each.

    Args:
        key: names of the column that is needed.
        order_code: names of the column that goes with it where there is one.
        lacks: what is missing without the first, and ``remedy`` what to do then.
        or_else: names that mean the first column only where no other is called so.
    """

    key: frozenset[str]
    order_code: frozenset[str]
    lacks: str
    remedy: str
    or_else: frozenset[str] = frozenset()


SERIAL_NUMBERS = Headings(
    SN_NAMES,
    ORDER_NAMES,
    "serial number column",
    "Name one of them sn, serial_number or 序列号 (and, if there is one, the work order order_code or 工单号).",
)

HEADER_WITHIN = 10
"""The header is looked for in this many rows: people put titles above their tables."""

_SN_LIKE = re.compile(r"(?=(?:[^0-9]*[0-9]){3})[0-9A-Za-z][0-9A-Za-z._/-]{4,}")
_NOT_IN_NAMES = re.compile(r"[\s_\-.:#*（）()【】\[\]]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions in a row; ``skip`` rows from the top are titles and the header."""

    sn: int
    order_code: int | None
    skip: int


def plain_name(name: object) -> str:
    """A column's name without case, blanks and punctuation, full-width letters as plain ones."""
    text = "" if name is None else unicodedata.normalize("NFKC", str(name)).translate(INVISIBLE)
    return _NOT_IN_NAMES.sub("", text.casefold())


def find_columns(top: Sequence[Sequence[Any]], headings: Headings = SERIAL_NUMBERS) -> Columns | None:
    """Find the columns in the top rows of a table; None when no row names the column that is needed.

    A table of one column without a header is taken when its first cell looks like a serial number: at least five
    letters, digits and ``._/-`` with three digits among them.
    """
    for skip, row in enumerate(top[:HEADER_WITHIN], start=1):
        sn = _position(row, headings.key)
        if sn is None:
            sn = _position(row, headings.or_else)
        if sn is not None:
            return Columns(sn, _position(row, headings.order_code), skip)
    return _headless(top)


def _position(row: Sequence[Any], names: frozenset[str]) -> int | None:
    return next((i for i, cell in enumerate(row) if plain_name(cell) in names), None)


def _headless(top: Sequence[Sequence[Any]]) -> Columns | None:
    filled = [(skip, row) for skip, row in enumerate(top) if any(map(_is_filled, row))]
    if not filled or any(_is_filled(cell) for _, row in filled for cell in row[1:]):
        return None
    skip, first = filled[0]
    return Columns(0, None, skip) if looks_like_sn(first[0]) else None


def _is_filled(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.translate(INVISIBLE).strip()))


def looks_like_sn(cell: Any) -> bool:
    try:
        return _SN_LIKE.fullmatch(id_text(cell)) is not None
    except ValueError:
        return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def require_columns(top: Sequence[Sequence[Any]], what: str, headings: Headings = SERIAL_NUMBERS) -> Columns:
    """As :func:`find_columns`, or :class:`SourceError` that names the columns there are."""
    if found := find_columns(top, headings):
        return found
    names = next((row for row in top if any(map(_is_filled, row))), None)
    if names is None:
        raise SourceError(f"{what} is empty: there is no row in it.")
    raise SourceError(f"{what} has no {headings.lacks}. Its columns are: {_listed(names)}. {headings.remedy}")


def _listed(names: Sequence[Any], most: int = 30) -> str:
    texts = [str(name).strip()[:40] for name in names if _is_filled(name)]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
