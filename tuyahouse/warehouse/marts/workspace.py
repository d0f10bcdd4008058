"""The refresh's temporary tables, made once a connection: what is at hand, every step of it, and the rows to be.

They are empty when a transaction begins. A kept table is brought to the new rows by statements that neither write nor
lock a row that does not differ.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Date, TextClause, bindparam, text

from tuyahouse.warehouse.bulk.sqlite import driver as sqlite_driver
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.marts import stage
from tuyahouse.warehouse.marts.catalogue import KEPT
from tuyahouse.warehouse.marts.definition import Mart
from tuyahouse.warehouse.marts.sql import Sql, sql_of

_POSTGRESQL = {"time": "timestamptz", "text": 'text COLLATE "C"'}
_TABLES = {"mart_todo": stage.TODO, "mart_stage": stage.STAGE}
_PARAMETERS: dict[str, Any] = {"as_of": UtcTime(), "first_day": Date(), "last_day": Date()}


class Workspace:
    """The temporary tables of one transaction that refreshes marts."""

    def __init__(self, conn: Connection, account: str) -> None:
        self.conn, self.account = conn, account
        self.sql: Sql = sql_of(conn.dialect.name)
        if self.sql.is_postgres:
            # A tenth of the usual sample suffices for tables that are as long as a batch.
            conn.execute(text("SET LOCAL work_mem = '64MB'"))
            conn.execute(text("SET LOCAL default_statistics_target = 10"))
        elif not _has_logarithms(conn):
            sqlite_driver(conn).create_function("log10", 1, math.log10, deterministic=True)
        for name, columns in _TABLES.items():
            self._create(name, f"({', '.join(f'{column} {self._type(kind)}' for column, kind in columns)})")
        for mart in KEPT:
            like = f"(LIKE {mart.name})" if self.sql.is_postgres else f"AS SELECT * FROM {mart.name} LIMIT 0"
            self._create(f"new_{mart.name}", like)

    def _type(self, kind: str) -> str:
        return _POSTGRESQL.get(kind, kind) if self.sql.is_postgres else kind.replace("time", "text")

    def _create(self, name: str, what: str) -> None:
        kept = " ON COMMIT DELETE ROWS" if self.sql.is_postgres else ""
        self.conn.execute(text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} {what}{kept}"))
        if not self.sql.is_postgres:
            self._empty(name)

    def _empty(self, name: str) -> None:
        self.conn.execute(text(f"{'TRUNCATE' if self.sql.is_postgres else 'DELETE FROM'} {name}"))

    def take(self, orders: Iterable[str]) -> None:
        """Name the work orders at hand."""
        self.conn.execute(text("INSERT INTO mart_todo VALUES (:order_code)"), [{"order_code": o} for o in orders])
        self._analyze("mart_todo")

    def stage_steps(self, *, false_is_failed: bool, again: bool = False) -> int:
        """Every step of the work orders at hand; returns how many there are.

        ``again`` does it anew, after the calendar was extended.
        """
        if again:
            self._empty("mart_stage")
        select = stage.stage(self.sql, false_is_failed=false_is_failed)
        count = self.conn.execute(text(f"INSERT INTO mart_stage {select}"), {"account": self.account}).rowcount
        self._analyze("mart_stage")
        return count

    def earliest_without_shift(self, since: datetime) -> datetime | None:
        """The first of the steps, not before ``since``, for which the calendar has no shift."""
        wanted = text("SELECT MIN(happened_at) AS at FROM mart_stage WHERE shift = 'none' AND happened_at >= :since")
        typed = wanted.bindparams(bindparam("since", type_=UtcTime())).columns(at=UtcTime())
        found: datetime | None = self.conn.execute(typed, {"since": since}).scalar()
        return found

    def fill(self, mart: Mart, **parameters: Any) -> int:
        """Compute the new rows of a kept mart; returns how many."""
        columns = ", ".join(mart.columns)
        body = mart.body(self.sql)
        given = {"account": self.account, **parameters}
        used = {name: value for name, value in given.items() if f":{name}" in body}
        typed = [bindparam(name, type_=_PARAMETERS[name]) for name in used if name in _PARAMETERS]
        statement: TextClause = text(f"INSERT INTO new_{mart.name} ({columns}) {body}").bindparams(*typed)
        return self.conn.execute(statement, used).rowcount

    def write(self, mart: Mart, new: int, scope: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Make the ``new`` rows those of the kept mart, within a scope of it; returns how many it wrote or deleted.

        ``scope`` is a condition on the kept table: rows inside it that are not among the new ones are deleted.
        """
        given = {"account": self.account, **(parameters or {})}
        typed = [bindparam(name, type_=_PARAMETERS[name]) for name in given if name in _PARAMETERS]
        key = [name for name in mart.grain if name != "account"]
        values = [name for name in mart.columns if name not in mart.grain]
        inside = f"account = :account AND {scope}"

        def execute(statement: str) -> CursorResult[Any]:
            return self.conn.execute(text(statement).bindparams(*typed), given)

        written = execute(
            f"INSERT INTO {mart.name} ({', '.join(mart.columns)}) "
            f"SELECT {', '.join(f'n.{name}' for name in mart.columns)} FROM new_{mart.name} n "
            f"LEFT JOIN (SELECT * FROM {mart.name} WHERE {inside}) k "
            f"ON {' AND '.join(f'k.{name} = n.{name}' for name in key)} "
            f"WHERE k.account IS NULL OR {self.sql.differ('k', 'n', values)} "
            f"ON CONFLICT ({', '.join(mart.grain)}) DO UPDATE SET "
            f"{', '.join(f'{name} = excluded.{name}' for name in values)}"
        ).rowcount
        if execute(f"SELECT COUNT(*) FROM {mart.name} WHERE {inside}").scalar_one() == new:
            return written
        keys = ", ".join(key)
        gone = f"DELETE FROM {mart.name} WHERE {inside} AND ({keys}) NOT IN (SELECT {keys} FROM new_{mart.name})"
        return written + execute(gone).rowcount

    def _analyze(self, name: str) -> None:
        """Tell PostgreSQL how much is in it, and how often each key: it would read all steps otherwise."""
        if self.sql.is_postgres:
            key = [column for column, _ in _TABLES[name] if column in ("order_code", "sn", "node")]
            self.conn.execute(text(f"ANALYZE {name} ({', '.join(key)})"))


def _has_logarithms(conn: Connection) -> bool:
    """Whether this SQLite was built with mathematical functions; Python's own cost a call a row."""
    options = conn.exec_driver_sql("PRAGMA compile_options").scalars()
    return "ENABLE_MATH_FUNCTIONS" in set(options)
