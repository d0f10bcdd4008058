"""What is made from the definitions: views with the types they promise, comments, the dictionary, examples that run."""

import msgspec
import pytest
from sqlalchemy import text

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill
from tuyahouse import frames
from tuyahouse.cloud.calls import pms
from tuyahouse.cloud.calls.device_fields import FACTS
from tuyahouse.messages.formats.bizcode_events import _BIND_USER
from tuyahouse.messages.formats.commands import COMMAND
from tuyahouse.warehouse import dictionary
from tuyahouse.warehouse.marts import KEPT, MARTS, VIEWS, WARNINGS
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.marts.sources import source_of
from tuyahouse.warehouse.tables import metadata
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def example(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return warehouse


def test_the_columns_of_every_mart_are_those_of_its_definition(warehouse: Warehouse) -> None:
    with warehouse.read() as conn:
        for mart in MARTS.values():
            assert tuple(conn.execute(text(f"SELECT * FROM {mart.name}")).keys()) == mart.columns


def test_postgresql_gives_the_types_and_the_comments_of_the_definitions(warehouse: Warehouse) -> None:
    if warehouse.dialect == "sqlite":
        return
    columns = text(
        "SELECT c.column_name, c.data_type, col_description(a.attrelid, a.attnum) FROM information_schema.columns c "
        "JOIN pg_attribute a ON a.attrelid = CAST(CAST(:name AS text) AS regclass) AND a.attname = c.column_name "
        "WHERE c.table_name = CAST(:name AS text) ORDER BY c.ordinal_position"
    )
    with warehouse.read() as conn:
        for mart in MARTS.values():
            found = [tuple(row) for row in conn.execute(columns, {"name": mart.name})]
            assert found == [(one.name, one.postgres_type, one.comment) for one in mart.fields], mart.name
            said = conn.execute(
                text("SELECT obj_description(CAST(CAST(:name AS text) AS regclass))"), {"name": mart.name}
            ).scalar()
            assert said == mart.comment


def test_the_example_query_of_every_mart_runs(example: Warehouse) -> None:
    with example.read() as conn:
        answers = {mart.name: conn.execute(text(mart.example), {"account": ACCOUNT}).all() for mart in MARTS.values()}
    assert [name for name, rows in answers.items() if not rows] == [
        "mart_station_yield",  # it leaves nodes with few units out
        "mart_control",
        "mart_change",
        "mart_pass_count",  # nothing was counted
    ]


def test_no_view_calls_the_clock() -> None:
    for mart in VIEWS:
        for dialect in ("sqlite", "postgresql"):
            from tuyahouse.warehouse.marts.sql import sql_of

            words = mart.body(sql_of(dialect)).lower()
            assert not [word for word in ("now()", "current_", "clock_", "'now'") if word in words], mart.name


def test_every_mart_is_in_the_dictionary_with_all_its_words() -> None:
    page, web = dictionary.markdown(), dictionary.html()
    for mart in MARTS.values():
        assert f"## {mart.name}\n" in page and f'id="{mart.name}"' in web
        assert mart.example in page
        assert set(mart.warnings) <= set(WARNINGS)
        for field in mart.fields:
            assert (
                f"{field.name}** | {field.postgres_type}" in page or f"| {field.name} | {field.postgres_type}" in page
            )
    assert "<script" not in web and "http" not in web.replace("http-equiv", "")
    assert {entry.table for entry in dictionary.entries()} >= set(MARTS)


def test_views_are_made_anew_by_a_migration(warehouse: Warehouse) -> None:
    from tuyahouse.warehouse.marts import views

    with warehouse.begin() as conn:
        views.drop(conn)
        conn.execute(text("CREATE VIEW mart_of_another_version AS SELECT 1 AS one"))
        views.drop(conn)
        views.create(conn)
    with warehouse.read() as conn:
        for mart in (*KEPT, *VIEWS):
            conn.execute(text(f"SELECT COUNT(*) FROM {mart.name}"))


def test_the_core_says_what_tuya_calls_each_field_and_those_are_the_names_that_are_read() -> None:
    said = {
        table.name: {c.name: c.info["sent_as"] for c in table.columns if c.info.get("sent_as")}
        for table in metadata.tables.values()
    }
    steps = {field.name: field.encode_name for field in msgspec.structs.fields(pms.FlowStep) if field.name != "extra"}
    steps["happened_at"] = steps.pop("time_ms")
    assert {name: said["flow_step"][name].split(",")[0] for name in steps} == steps
    for table in ("device", "device_history"):
        assert {name: said[table][name] for name in FACTS} == {name: sent for name, (sent, _) in FACTS.items()}
    of_messages = COMMAND | _BIND_USER | {"productKey"}
    for table, columns in (
        ("command_observation", ("data_flag", "biz_id", "cmd_biz_type", "data", "message")),
        ("device_binding", ("uid", "owner_id", "project_id", "gateway_id", "cid", "device_uuid", "product_id")),
    ):
        assert {said[table][name] for name in columns} <= of_messages
    documented = {table.name for table in metadata.tables.values() if "extra" in table.c}
    assert documented <= {name for name, columns in said.items() if columns}
    page, web = dictionary.markdown(), dictionary.html()
    assert "| **happened_at** | timestamp with time zone | When the unit was at the node | time |" in page
    assert "<td>When the unit was at the node<td>time" in web
    assert "Tuya's fields are those of an item of result of the answer to /v1.0/pms/station/sn/flows/get." in page
    assert frames.describe("flow_step").set_index("column")["source"]["order_code"] == "orderCode"


def test_every_column_of_a_mart_says_what_it_is_made_of_and_that_is_there() -> None:
    there = {f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.columns}
    settings = {"FACTORY_TIME_ZONE", "FACTORY_SHIFTS", "FALSE_MEANS", "STUCK_AFTER"}
    for mart in MARTS.values():
        for field in mart.fields:
            said = source_of(mart.name, field.name)
            parts = set(said.split(", ")) - {"the name of the account in the settings"}
            assert parts <= there | set(metadata.tables) | settings, (mart.name, field.name, parts)
