"""The factory day and the shift of a time, as columns of a mart."""

from tuyahouse.warehouse.marts.sql import Sql


def slot_of(sql: Sql, time: str, alias: str = "q") -> str:
    """The join that finds the factory day and shift of a time."""
    return f"LEFT JOIN mart_slot {alias} ON {alias}.account = :account AND {alias}.slot_at = {sql.slot(time)}"


def day_and_shift(sql: Sql, time: str, alias: str = "q") -> tuple[str, str]:
    """Factory day and shift by that join; outside of the calendar the UTC date and ``none``."""
    return f"COALESCE({alias}.factory_day, {sql.day(time)})", f"COALESCE({alias}.shift, 'none')"
