"""Several readings of one moment: what a page shows fits together, whatever lands while it is read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from tuyahouse.warehouse import reading
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.marts import Field
from tuyahouse.warehouse.marts.sql import sql_of
from tuyahouse.warehouse.marts.summaries import SUMMARIES
from tuyahouse.warehouse.reading import Query

Rows = list[Sequence[Any]]


class Snapshot:
    """An account's marts at one moment: made by :func:`snapshot`."""

    def __init__(self, conn: Connection, account: str) -> None:
        self.conn = conn
        self._account = account

    def rows(self, query: Query) -> tuple[tuple[Field, ...], Rows]:
        """The columns and all rows of a query."""
        statement, values = query.statement(self.conn.dialect.name)
        parameters = {f"p{place}": value for place, value in enumerate(values)}
        return query.fields, list(self.conn.execute(text(statement), parameters))

    def summary(self, name: str) -> tuple[tuple[Field, ...], Rows]:
        """The columns and rows of a summary of :mod:`tuyahouse.warehouse.marts.summaries`."""
        of = SUMMARIES[name]
        statement = text(of.body(sql_of(self.conn.dialect.name)))
        return of.fields, list(self.conn.execute(statement, {"account": self._account}))


@contextmanager
def snapshot(database: Database, account: str) -> Iterator[Snapshot]:
    """A read-only transaction all of whose statements see the same rows."""
    with reading.reading(database, one_moment=True) as conn:
        yield Snapshot(conn, account)
