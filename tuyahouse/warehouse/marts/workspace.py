"""The refresh's temporary tables, made once a connection: what is at hand, every step of it, and the rows to be.

They are emptied before they are filled, so that what a rolled back transaction left is never read. A kept table is
brought to the new rows by two statements that write nothing where nothing differs.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Date, TextClause, bindparam, text

from tuyahouse.warehouse.bulk.sqlite import driver as sqlite_driver
from tuyahouse.warehouse.database.types import UtcTime
from tuyahouse.warehouse.marts import stage
from tuyahouse.warehouse.marts.catalogue import KEPT
from tuyahouse.warehouse.marts.definition import Mart
from tuyahouse.warehouse.marts.sql import Sql, sql_of

_POSTGRESQL = {"time": "timestamptz", "text": 'text COLLATE "C"'}
_TABLES = {"mart_todo": stage.TODO, "mart_stage": stage.STAGE, "mart_at_node": stage.AT_NODE}
_PARAMETERS: dict[str, Any] = {"as_of": UtcTime(), "first_day": Date(), "last_day": Date()}
_FILLED = {"mart_stage": stage.stage, "mart_at_node": stage.at_node}


class Workspace:
    """The temporary tables of one transaction that refreshes marts."""

    def __init__(self, conn: Connection, account: str) -> None:
        self.conn, self.account = conn, account
        self.sql: Sql = sql_of(conn.dialect.name)
        if self.sql.is_postgres:
            conn.execute(text("SET LOCAL work_mem = '64MB'"))
        else:
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
        self.conn.execute(text(f"{'TRUNCATE' if self.sql.is_postgres else 'DELETE FROM'} {name}"))

    def take(self, orders: Iterable[str]) -> None:
        """Name the work orders at hand."""
        self.conn.execute(text("INSERT INTO mart_todo VALUES (:order_code)"), [{"order_code": o} for o in orders])
        self._analyze("mart_todo")

    def stage_steps(self) -> None:
        """Every step of the work orders at hand, and one row a unit and node."""
        for name, select in _FILLED.items():
            self.conn.execute(text(f"INSERT INTO {name} {select(self.sql)}"), {"account": self.account})
            self._analyze(name)

    def fill(self, mart: Mart, **parameters: Any) -> None:
        """Compute the new rows of a kept mart."""
        columns = ", ".join(mart.columns)
        body = mart.body(self.sql)
        given = {"account": self.account, **parameters}
        used = {name: value for name, value in given.items() if f":{name}" in body}
        typed = [bindparam(name, type_=_PARAMETERS[name]) for name in used if name in _PARAMETERS]
        statement: TextClause = text(f"INSERT INTO new_{mart.name} ({columns}) {body}").bindparams(*typed)
        self.conn.execute(statement, used)

    def write(self, mart: Mart, scope: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Make the new rows those of the kept mart, within a scope of it; returns how many it wrote or deleted.

        ``scope`` is a condition on the kept table: rows inside it that are not among the new ones are deleted.
        """
        given = {"account": self.account, **(parameters or {})}
        typed = [bindparam(name, type_=_PARAMETERS[name]) for name in given if name in _PARAMETERS]
        columns, key = ", ".join(mart.columns), [name for name in mart.grain if name != "account"]
        values = [name for name in mart.columns if name not in mart.grain]
        changes = ", ".join(f"{name} = excluded.{name}" for name in values)
        keys = ", ".join(key)
        written = self.conn.execute(
            text(
                f"INSERT INTO {mart.name} ({columns}) SELECT {columns} FROM ("
                f"SELECT {columns} FROM new_{mart.name} "
                f"EXCEPT SELECT {columns} FROM {mart.name} WHERE account = :account AND {scope}) x WHERE true "
                f"ON CONFLICT ({', '.join(mart.grain)}) DO UPDATE SET {changes}"
            ).bindparams(*typed),
            given,
        ).rowcount
        gone = self.conn.execute(
            text(
                f"DELETE FROM {mart.name} WHERE account = :account AND {scope} "
                f"AND ({keys}) NOT IN (SELECT {keys} FROM new_{mart.name})"
            ).bindparams(*typed),
            given,
        ).rowcount
        return written + gone

    def _analyze(self, name: str) -> None:
        """Tell PostgreSQL how much is in it, and how often each key: it would read all steps otherwise."""
        if self.sql.is_postgres:
            key = [column for column, _ in _TABLES[name] if column in ("order_code", "sn", "node")]
            self.conn.execute(text(f"ANALYZE {name} ({', '.join(key)})"))
