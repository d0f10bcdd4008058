"""The expressions that PostgreSQL and SQLite spell differently, as far as marts need them.

Numbers come out alike on both: times are whole milliseconds, shares are rounded with whole numbers, and floating point
numbers are only added, multiplied and divided, which both do by IEEE 754.
"""

from collections.abc import Sequence
from dataclasses import dataclass


def share(part: str, whole: str, digits: int = 4) -> str:
    """``part / whole``, rounded half up; null where the whole is 0. Both are whole numbers, not negative."""
    scale = 10**digits
    part, whole = f"CAST({part} AS BIGINT)", f"CAST({whole} AS BIGINT)"
    return f"CAST(({2 * scale} * {part} + {whole}) / NULLIF(2 * {whole}, 0) AS DOUBLE PRECISION) / {scale}"


def scaled(number: str, unit: int, digits: int) -> str:
    """A whole number in units of ``unit``, rounded half away from zero: milliseconds in hours, for example."""
    scale = 10**digits
    rounded = f"(ABS({number}) * {2 * scale} + {unit}) / {2 * unit}"
    return f"CAST(CASE WHEN {number} < 0 THEN -1 ELSE 1 END * ({rounded}) AS DOUBLE PRECISION) / {scale}"


def hours(milliseconds: str) -> str:
    """Milliseconds in hours, two digits."""
    return scaled(milliseconds, 3_600_000, 2)


@dataclass(frozen=True, slots=True)
class Sql:
    """One dialect. Arguments and results are SQL expressions."""

    name: str

    @property
    def is_postgres(self) -> bool:
        return self.name == "postgresql"

    def at_ms(self, time: str) -> str:
        """A time as whole milliseconds since 1970."""
        if self.is_postgres:
            return f"CAST(FLOOR(EXTRACT(EPOCH FROM {time}) * 1000) AS BIGINT)"
        return f"(CAST(strftime('%s', {time}) AS INTEGER) * 1000 + CAST(substr({time}, 21, 3) AS INTEGER))"

    def ms(self, later: str, earlier: str) -> str:
        """Milliseconds between two times."""
        return f"({self.at_ms(later)} - {self.at_ms(earlier)})"

    def day(self, time: str) -> str:
        """The UTC date of a time."""
        return f"CAST({time} AT TIME ZONE 'UTC' AS DATE)" if self.is_postgres else f"date({time})"

    def days_before(self, day: str, days: int) -> str:
        return f"({day} - {days})" if self.is_postgres else f"date({day}, '-{days} days')"

    def hours_after(self, time: str, count: str) -> str:
        """The time ``count`` hours (an expression) later; a negative count is earlier."""
        if self.is_postgres:
            return f"({time} + {count} * interval '1 hour')"
        return f"(datetime(substr({time}, 1, 19), ({count}) || ' hours') || substr({time}, 20))"

    def slot(self, time: str) -> str:
        """The begin of the quarter of an hour that a time lies in."""
        if self.is_postgres:
            return f"date_bin('15 minutes', {time}, TIMESTAMPTZ '2000-01-01 00:00:00+00')"
        minute = f"substr({time}, 15, 2)"
        whens = " ".join(f"WHEN {minute} < '{quarter + 15}' THEN '{quarter:02}:00.000000'" for quarter in (0, 15, 30))
        return f"(substr({time}, 1, 14) || CASE {whens} ELSE '45:00.000000' END)"

    def time_text(self, time: str) -> str:
        """A time as text, in UTC and whole seconds."""
        if self.is_postgres:
            return f"to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
        return f"substr({time}, 1, 19)"

    def least(self, *values: str) -> str:
        return f"{'LEAST' if self.is_postgres else 'MIN'}({', '.join(values)})"

    def greatest(self, *values: str) -> str:
        return f"{'GREATEST' if self.is_postgres else 'MAX'}({', '.join(values)})"

    def differ(self, one: str, other: str, columns: Sequence[str]) -> str:
        """Whether rows of two tables (by their aliases) differ in any of the columns; nulls are equal."""
        rows = [f"({', '.join(f'{alias}.{name}' for name in columns)})" for alias in (one, other)]
        return f"{rows[0]} {'IS DISTINCT FROM' if self.is_postgres else 'IS NOT'} {rows[1]}"

    def then_join(self, table: str, condition: str) -> str:
        """A join whose left side is read first: SQLite, which counts no rows, would read a whole table before it."""
        return f"{'JOIN' if self.is_postgres else 'CROSS JOIN'} {table} ON {condition}"

    def not_by_index(self, column: str) -> str:
        """A column by whose index no row is looked up: SQLite, which counts no rows, would choose the index of more."""
        return column if self.is_postgres else f"+{column}"

    def floor(self, value: str) -> str:
        """A floating point number that is not negative, cut to a whole one."""
        return f"CAST(FLOOR({value}) AS BIGINT)" if self.is_postgres else f"CAST({value} AS INTEGER)"

    def ceil(self, value: str) -> str:
        """The same, up to the next whole one."""
        if self.is_postgres:
            return f"CAST(CEIL({value}) AS INTEGER)"
        return f"(CAST({value} AS INTEGER) + (CAST({value} AS INTEGER) < {value}))"

    def rounded(self, value: str, digits: int) -> str:
        """A floating point number that is not negative, rounded half up."""
        return f"CAST({self.floor(f'{value} * {10**digits} + 0.5')} AS DOUBLE PRECISION) / {10**digits}"

    def tenth_of_decade(self, milliseconds: str) -> str:
        """``floor(10 · log10(seconds))``; on SQLite the connection needs a function ``log10``."""
        seconds = f"CAST({milliseconds} AS DOUBLE PRECISION) / 1000"
        logarithm = "LOG" if self.is_postgres else "log10"
        return f"CAST({self.floor(f'{logarithm}({seconds}) * 10 + 1e-9')} AS INTEGER)"


POSTGRESQL, SQLITE = Sql("postgresql"), Sql("sqlite")


def sql_of(dialect: str) -> Sql:
    """The expressions of a dialect by its name."""
    return POSTGRESQL if dialect == "postgresql" else SQLITE
