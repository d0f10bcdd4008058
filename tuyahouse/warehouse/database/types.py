"""Column types that hold the same on both dialects."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import (
    DateTime,
    Dialect,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import JSON

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Column type of a JSON document; comparable on both dialects."""

Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
"""Text compared and sorted by its bytes, on both dialects and on every server; indexes of it are much faster so."""


class UtcTime(TypeDecorator[datetime]):
    """A UTC timestamp: ``timestamptz`` on PostgreSQL, ISO text without zone on SQLite; aware datetimes in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        # Instead of process_result_value, which costs three calls for every value: chunks read thousands.
        read = self.impl_instance.result_processor(dialect, coltype)
        if read is None:
            return _in_utc
        return lambda value: _in_utc(read(value))


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
