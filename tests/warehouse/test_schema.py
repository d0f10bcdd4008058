from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tuyahouse.warehouse import schema
from tuyahouse.warehouse.tables import metadata
from tuyahouse.warehouse.warehouse import Warehouse


def test_the_migrations_make_exactly_the_tables_of_the_code(warehouse: Warehouse) -> None:
    with warehouse.read() as conn:
        context = MigrationContext.configure(
            conn, opts={"version_table": schema.VERSION_TABLE, "compare_server_default": False}
        )
        assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(schema._config()).get_current_head() == schema.HEAD


def test_an_empty_database_is_migrated_when_it_is_opened(warehouse_url: str) -> None:
    opened = Warehouse.open(warehouse_url)
    assert opened.schema_version() == schema.HEAD
    assert opened.migrate() == (schema.HEAD, schema.HEAD)
    opened.close()
