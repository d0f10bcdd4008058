"""Runs inside the transaction of :func:`tuyahouse.warehouse.schema.migrate`, so that a schema is never half made."""

from alembic import context

from tuyahouse.warehouse.schema import VERSION_TABLE
from tuyahouse.warehouse.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
