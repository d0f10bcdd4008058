"""Serial numbers from a SQL query."""

import sqlite3

import pytest

from tuyahouse.sync.intake.rows import Row, SourceError
from tuyahouse.sync.serial_numbers.sources import read_query
from tuyahouse.warehouse.external import label


@pytest.fixture
def mes(tmp_path):
    path = tmp_path / "mes.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE unit (barcode TEXT, wo TEXT, number INTEGER)")
        database.execute("INSERT INTO unit VALUES ('YZCB04ZZR00001', 'WO-1', 9007199254740993)")
        database.execute("INSERT INTO unit VALUES ('YZCB04ZZR00002', NULL, 2)")
    return f"sqlite:///{path}"


def refused(url, sql):
    with pytest.raises(SourceError) as caught:
        list(read_query(url, sql))
    return str(caught.value)


def test_a_query_names_its_columns(mes):
    sql = "SELECT wo AS order_code, barcode AS sn FROM unit ORDER BY barcode"
    assert list(read_query(mes, sql)) == [Row("row 1", "YZCB04ZZR00001", "WO-1"), Row("row 2", "YZCB04ZZR00002")]


def test_a_query_of_one_column_needs_no_name_for_it(mes):
    assert list(read_query(mes, "SELECT barcode FROM unit WHERE wo = 'WO-1'")) == [Row("row 1", "YZCB04ZZR00001")]


def test_integers_of_a_query_are_exact(mes):
    assert [row.key for row in read_query(mes, "SELECT number FROM unit ORDER BY number")] == ["2", "9007199254740993"]


def test_a_colon_in_a_query_is_left_alone(mes):
    assert [row.key for row in read_query(mes, "SELECT barcode FROM unit WHERE wo <> ':x'")] == ["YZCB04ZZR00001"]


def test_a_query_without_a_serial_number_column_names_those_it_has(mes):
    assert "The query's answer has no serial number column. Its columns are: barcode, wo" in refused(
        mes, "SELECT barcode, wo FROM unit"
    )


def test_a_query_cannot_write(mes):
    assert "readonly" in refused(mes, "DELETE FROM unit")
    assert len(list(read_query(mes, "SELECT barcode FROM unit"))) == 2


def test_a_wrong_query_is_refused_in_the_databases_words(mes):
    assert "no such table: units" in refused(mes, "SELECT sn FROM units")


def test_a_missing_sqlite_file_is_not_created(tmp_path):
    assert refused(f"sqlite:///{tmp_path}/none.db", "SELECT 1 AS sn") == f"There is no SQLite file {tmp_path}/none.db."
    assert not (tmp_path / "none.db").exists()


def test_something_that_is_no_url_is_refused_without_repeating_it():
    said = refused("reader:hunter2secret@mes", "SELECT 1")
    assert "is not valid: write dialect://" in said
    assert "hunter2secret" not in said


def test_a_database_without_a_driver_says_so():
    said = refused("oracle://reader:hunter2secret@mes/factory", "SELECT 1")
    assert "No driver for oracle" in said
    assert "hunter2secret" not in said


def test_a_database_that_is_away_is_named_without_its_password():
    said = refused("postgresql://reader:hunter2%2Fsecret@127.0.0.1:1/factory", "SELECT 1")
    assert said.startswith("The query on postgresql://127.0.0.1:1/factory failed:")
    assert "hunter2" not in said


def test_a_label_of_a_url_holds_no_user_password_or_option():
    assert (
        label("postgresql+psycopg://reader:hunter2@mes:5433/factory?sslpassword=x") == "postgresql://mes:5433/factory"
    )


def test_a_percent_sign_is_left_alone_on_postgresql_too(fresh_postgres_url):
    sql = "SELECT sn FROM (VALUES ('P1'), ('X%2')) unit (sn) WHERE sn LIKE 'X%' AND 7 % 2 = 1"
    assert list(read_query(fresh_postgres_url, sql)) == [Row("row 1", "X%2")]


def test_postgresql_answers_streamed_and_read_only(fresh_postgres_url):
    sql = "SELECT 'P' || lpad(n::text, 6, '0') AS sn, 7 AS work_order FROM generate_series(1, 12000) n"
    rows = list(read_query(fresh_postgres_url, sql))
    assert (len(rows), rows[0], rows[-1].key) == (12000, Row("row 1", "P000001", "7"), "P012000")
    assert "read-only transaction" in refused(fresh_postgres_url, "SELECT lo_create(0) AS sn")
