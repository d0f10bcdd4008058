"""Opening a warehouse: what is accepted, what is refused, and in which words."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from tests.support.postgres import OwnPostgres
from tuyahouse.stores import Token
from tuyahouse.warehouse import schema
from tuyahouse.warehouse.bulk import writer
from tuyahouse.warehouse.errors import SchemaError, WarehouseAway, WarehouseError
from tuyahouse.warehouse.tables import device
from tuyahouse.warehouse.warehouse import Warehouse

TOKEN = Token("access", "refresh", 1_800_000_000.0, None, 1)


def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(statement)


def test_another_kind_of_database_is_refused_by_name() -> None:
    with pytest.raises(WarehouseError, match="names mysql: tuyahouse writes to sqlite and postgresql only"):
        Warehouse.open("mysql://root@localhost/x")


def test_a_text_that_is_no_url_is_refused_with_an_example() -> None:
    with pytest.raises(WarehouseError, match=r"Write sqlite:///file\.db or postgresql://"):
        Warehouse.open("my warehouse")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(WarehouseError, match="names no file"):
        Warehouse.open(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_is_the_same_driver(fresh_postgres_url: str, scheme: str) -> None:
    opened = Warehouse.open(fresh_postgres_url.replace("postgresql", scheme, 1))
    assert opened.dialect == "postgresql"
    opened.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("these are my notes, " * 100)
    with pytest.raises(SchemaError, match="is not a SQLite database"):
        Warehouse.open(f"sqlite:///{file}")
    assert file.read_text().startswith("these are my notes")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"nowhere/w\.db cannot be opened. Check that the folder exists"):
        Warehouse.open(f"sqlite:///{tmp_path}/nowhere/w.db")


def test_a_database_with_tables_of_something_else_is_refused(warehouse_url: str) -> None:
    execute(warehouse_url, "CREATE TABLE payroll (a text)")
    with pytest.raises(SchemaError, match=r"holds tables of something else \(payroll"):
        Warehouse.open(warehouse_url)


def test_a_schema_of_a_newer_tuyahouse_is_refused(warehouse_url: str) -> None:
    Warehouse.open(warehouse_url).close()
    execute(warehouse_url, "UPDATE tuyahouse_schema SET version_num = '9999'")
    with pytest.raises(SchemaError, match="has schema 9999, which this version of tuyahouse does not know"):
        Warehouse.open(warehouse_url)
    with pytest.raises(SchemaError, match="nothing was changed"):
        Warehouse.open(warehouse_url, migrate=True)


def test_an_older_schema_says_how_to_migrate(warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Warehouse.open(warehouse_url).close()
    monkeypatch.setattr(schema, "HEAD", "0999")
    with pytest.raises(SchemaError, match="older schema 0001, this version needs 0999: run `tuyahouse migrate`"):
        Warehouse.open(warehouse_url)


def test_many_processes_may_open_an_empty_database_at_once(warehouse_url: str) -> None:
    with ThreadPoolExecutor(12) as threads:
        opened = list(threads.map(lambda _: Warehouse.open(warehouse_url), range(12)))
    assert {one.schema_version() for one in opened} == {schema.HEAD}
    for one in opened:
        one.close()


def test_a_server_that_is_not_there_is_a_passing_fault() -> None:
    with pytest.raises(WarehouseAway, match=r"postgresql://reader:\*\*\*@127.0.0.1:1/x cannot be reached"):
        Warehouse.open("postgresql://reader:s3cret@127.0.0.1:1/x")


def test_the_password_is_in_no_error() -> None:
    with pytest.raises(WarehouseAway) as caught:
        Warehouse.open("postgresql://reader:s3cret@127.0.0.1:1/x?password=s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_database_that_does_not_exist_is_a_wrong_setting(postgres_url: str) -> None:
    with pytest.raises(WarehouseError, match="refuses the connection") as caught:
        Warehouse.open(postgres_url.replace("/postgres?", "/nowhere?"))
    assert not isinstance(caught.value, WarehouseAway)


def test_a_read_only_server_says_so(fresh_postgres_url: str) -> None:
    Warehouse.open(fresh_postgres_url).close()
    with psycopg.connect(fresh_postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on")
    opened = Warehouse.open(fresh_postgres_url)
    with pytest.raises(WarehouseError, match="is read-only"), opened.begin() as conn:
        conn.execute(text("DELETE FROM ops_run"))
    opened.close()


def test_a_read_only_file_says_so(tmp_path: Path) -> None:
    Warehouse.open(f"sqlite:///{tmp_path}/w.db").close()
    with pytest.raises(WarehouseError, match=r"w\.db is read-only"):
        opened = Warehouse.open(f"sqlite:///file:{tmp_path}/w.db?mode=ro&uri=true")
        with opened.begin() as conn:
            conn.execute(text("DELETE FROM ops_run"))


def test_a_server_that_restarts_is_a_passing_fault_and_then_forgotten(own_postgres: OwnPostgres) -> None:
    opened = Warehouse.open(own_postgres.create_database())
    with pytest.raises(WarehouseAway), opened.begin() as conn:
        conn.execute(text("SELECT 1"))
        own_postgres.stop()
        conn.execute(text("SELECT 1"))
    with pytest.raises(WarehouseAway), opened.begin():
        pass
    own_postgres.start()
    with opened.begin() as conn:
        assert conn.execute(text("SELECT count(*) FROM ops_run")).scalar() == 0
    opened.close()


def test_an_error_of_the_caller_passes_unchanged_and_rolls_back(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), warehouse.begin() as conn:
        conn.execute(text("INSERT INTO ops_lock VALUES ('n', 'h', 'p', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"))
        raise ZeroDivisionError
    with warehouse.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM ops_lock")).scalar() == 0


def test_writers_of_one_warehouse_wait_for_each_other(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        conn.execute(text("INSERT INTO ops_pace VALUES ('a', 'e', 0, 1, NULL)"))

    def count(_: int) -> None:
        with warehouse.begin() as conn:
            conn.execute(text("UPDATE ops_pace SET next_slot = next_slot + 1"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(100)))
    with warehouse.read() as conn:
        assert conn.execute(text("SELECT next_slot FROM ops_pace")).scalar() == 100


def test_writers_of_the_same_rows_in_opposite_order_do_not_deadlock(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")

    def write(turn: int) -> None:
        rows = [("f", f"d{n:04}", f"turn {turn}") for n in range(400)][:: 1 if turn % 2 else -1]
        with warehouse.begin() as conn:
            (writer.update if turn % 3 else writer.upsert)(conn, device, names, rows)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(24)))
    with warehouse.read() as conn:
        assert len(set(conn.execute(select(device.c.device_name)).scalars())) == 1


# ---------------------------------------------------------------------------------------------------------- secret key


def test_beside_a_sqlite_file_a_key_is_made_that_only_its_owner_may_read(tmp_path: Path) -> None:
    opened = Warehouse.open(f"sqlite:///{tmp_path}/w.db")
    with opened.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    key = tmp_path / "w.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = Warehouse.open(f"sqlite:///{tmp_path}/w.db", key.read_text().strip())
    assert again.tokens.read("factory", "platform") == TOKEN


def test_processes_that_need_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    from tuyahouse.warehouse.shared.sealing import key_beside

    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: key_beside(tmp_path / "w.db"), range(8)))
    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir() if "key" in file.name] == ["w.db.key"]


def test_on_postgresql_the_key_must_be_set(fresh_postgres_url: str) -> None:
    opened = Warehouse.open(fresh_postgres_url)
    with pytest.raises(WarehouseError, match="TUYAHOUSE_SECRET_KEY is not set"):
        _ = opened.tokens
    opened.close()


def test_a_token_under_another_key_counts_as_none(warehouse_url: str, caplog: pytest.LogCaptureFixture) -> None:
    one, other = Warehouse.open(warehouse_url, "one key"), Warehouse.open(warehouse_url, "another key")
    with one.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    assert other.tokens.read("factory", "platform") is None
    assert "encrypted with another TUYAHOUSE_SECRET_KEY" in caplog.text
    one.close()
    other.close()
