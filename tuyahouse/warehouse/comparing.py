"""Values that columns are compared with: checked, and as each database holds them."""

from datetime import UTC, date, datetime, time
from operator import index
from typing import Any
from uuid import UUID

from tuyahouse.warehouse.database.values import sqlite_time
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import Field, Kind


def whole(name: str, value: Any, least: int) -> int:
    """The value of an argument that is a whole number.

    Raises:
        WarehouseError: it is not, or is less.
    """
    if not isinstance(value, bool) and hasattr(value, "__index__") and least <= index(value) < 2**63:
        return index(value)
    raise WarehouseError(f"{name}={value!r} is not a whole number of rows: write {least} or more.")


def comparable(of: Field, value: Any, *, required: bool = False) -> Any:
    """A scalar as Python has it, checked; what pandas and numpy write for a missing value is None."""
    plain = _plain_scalar(value)
    if plain is None and required:
        raise WarehouseError(f"{value!r} is no time: write 2026-03-02, or leave it out.")
    stored(of, plain, "postgresql")
    return plain


def _plain_scalar(value: Any) -> Any:
    if type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return None
    if not hasattr(value, "dtype"):
        return value
    if value.dtype.kind == "M":
        value = value.astype("datetime64[us]")  # finer ones are numbers to Python
    return _plain_scalar(value.item()) if getattr(value, "ndim", 1) == 0 else value


def stored(of: Field, value: Any, dialect: str) -> Any:
    """A value as the database compares it with this column.

    Raises:
        WarehouseError: it is nothing that this column may hold; says what to write.
    """
    try:
        if value is None:
            return None
        if of.kind is Kind.TIME:
            at = _time(value)
            return sqlite_time(at) if dialect == "sqlite" else at
        if of.kind is Kind.DAY:
            on = _time(value).date() if isinstance(value, datetime) else _day(value)
            return on.isoformat() if dialect == "sqlite" else on
        if of.kind is Kind.FLAG:
            return _flag(value)
        if of.kind in (Kind.COUNT, Kind.BIG):
            return _whole_number(value)
        if of.kind is Kind.NUMBER:
            return float(value)
        return _bytes(value) if of.kind is Kind.BYTES else _text(value)
    except (ValueError, TypeError, OverflowError):
        raise WarehouseError(
            f"{value!r} cannot be compared with {of.name}, which holds {_HOLDS.get(of.kind, of.kind)}."
        ) from None


_HOLDS = {
    Kind.TIME: "times: write 2026-03-02, or 2026-03-02T05:00+08:00 (without a zone it is UTC)",
    Kind.DAY: "days: write 2026-03-02",
    Kind.FLAG: "yes or no: write true or false",
    Kind.COUNT: "whole numbers",
    Kind.BIG: "whole numbers",
    Kind.NUMBER: "numbers",
    Kind.TEXT: "texts",
    Kind.JSON: "JSON as text",
    Kind.BYTES: "bytes",
}


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.fromisoformat(value) if isinstance(value, str) else datetime.combine(value, time(0))
    found: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
    return found.astimezone(UTC)


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return _time(value).date()


def _whole_number(value: Any) -> int:
    found = int(value)
    if isinstance(value, bool) or not -(2**63) <= found < 2**63 or (not isinstance(value, str) and found != value):
        raise ValueError
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise TypeError
    text_of = str(value)
    text_of.encode()  # half a character cannot be sent
    return text_of


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return value if isinstance(value, bool) else words[str(value).lower()] if str(value).lower() in words else _raise()


def _raise() -> bool:
    raise ValueError
