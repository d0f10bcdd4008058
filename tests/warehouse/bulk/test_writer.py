"""Bulk writing: one suite, both dialects."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, Table, select, text

from tuyahouse.warehouse.bulk.writer import Written, insert_columns, insert_new, replace_set, update, upsert
from tuyahouse.warehouse.database import types
from tuyahouse.warehouse.tables import device, flow_step, metadata, ops_api_calls
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
COLUMNS = ("account", "device_id", "device_name", "last_run", "first_run")
RULES: dict[str, Any] = {"first": ["first_run"], "stamp": ["last_run"]}


def stored(conn: Connection, table: Table, *names: str) -> list[tuple[Any, ...]]:
    rows = conn.execute(select(*[table.c[name] for name in names]).order_by(*table.primary_key.columns))
    return [tuple(row) for row in rows]


def test_new_rows_are_inserted(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        assert upsert(conn, device, COLUMNS, [("f", "d1", "door", "r1", "r1")], **RULES) == Written(inserted=1)
        assert stored(conn, device, *COLUMNS) == [("f", "d1", "door", "r1", "r1")]


def test_no_rows_are_no_work(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        assert upsert(conn, device, COLUMNS, []) == Written()
        assert insert_new(conn, device, COLUMNS, []) == 0
        assert update(conn, device, COLUMNS, []) == 0


def test_a_row_that_differs_is_updated_and_stamped_but_first_columns_stay(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        upsert(conn, device, COLUMNS, [("f", "d1", "door", "r1", "r1")], **RULES)
        assert upsert(conn, device, COLUMNS, [("f", "d1", "gate", "r2", "r2")], **RULES) == Written(updated=1)
        assert stored(conn, device, *COLUMNS) == [("f", "d1", "gate", "r2", "r1")]


def test_a_row_that_differs_in_a_stamp_alone_is_unchanged(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        upsert(conn, device, COLUMNS, [("f", "d1", "door", "r1", "r1")], **RULES)
        assert upsert(conn, device, COLUMNS, [("f", "d1", "door", "r2", "r2")], **RULES) == Written(unchanged=1)
        assert stored(conn, device, *COLUMNS) == [("f", "d1", "door", "r1", "r1")]


def test_a_value_may_become_null_and_come_back(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", "d1", "door")])
        assert upsert(conn, device, names, [("f", "d1", None)]) == Written(updated=1)
        assert stored(conn, device, "device_name") == [(None,)]
        assert upsert(conn, device, names, [("f", "d1", "door")]) == Written(updated=1)


def test_new_changed_and_same_rows_of_one_batch_are_counted_apart(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", f"d{n:02}", "old") for n in range(30)])
        batch = [("f", f"d{n:02}", "old" if n < 20 else "new") for n in range(50)]
        assert upsert(conn, device, names, batch) == Written(inserted=20, updated=10, unchanged=20)


def test_of_several_rows_with_one_key_the_last_counts(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")
    with warehouse.begin() as conn:
        assert upsert(conn, device, names, [("f", "d1", "a"), ("f", "d1", "b")]) == Written(inserted=1)
        assert stored(conn, device, "device_name") == [("b",)]


def test_an_older_row_never_overwrites_a_newer_one(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "online", "online_at")
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", "d1", True, LATER)], newest="online_at")
        assert upsert(conn, device, names, [("f", "d1", False, AT)], newest="online_at") == Written(unchanged=1)
        assert stored(conn, device, "online", "online_at") == [(True, LATER)]


def test_of_several_rows_with_one_key_the_newest_counts_whatever_their_order(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "online", "online_at")
    rows = [("f", "d1", True, LATER), ("f", "d1", False, AT), ("f", "d1", False, None)]
    with warehouse.begin() as conn:
        upsert(conn, device, names, rows, newest="online_at")
        assert stored(conn, device, "online", "online_at") == [(True, LATER)]


def test_in_a_keep_column_none_does_not_overwrite(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name", "uid")
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", "d1", "door", "u1")])
        changed = upsert(conn, device, names, [("f", "d1", None, "u2")], keep=["device_name"])
        assert (changed, stored(conn, device, "device_name", "uid")) == (Written(updated=1), [("door", "u2")])
        assert upsert(conn, device, names, [("f", "d1", None, "u2")], keep=["device_name"]) == Written(unchanged=1)


def test_times_of_any_zone_are_the_same_instant(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "created_at")
    in_china = AT.astimezone(timezone(timedelta(hours=8)))
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", "d1", in_china)])
        assert stored(conn, device, "created_at") == [(AT,)]
        assert upsert(conn, device, names, [("f", "d1", AT)]) == Written(unchanged=1)


def test_json_with_its_keys_in_another_order_is_unchanged(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "extra")
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", "d1", {"a": 1, "b": [1, {"x": "y"}]})])
        assert stored(conn, device, "extra") == [({"a": 1, "b": [1, {"x": "y"}]},)]
        assert upsert(conn, device, names, [("f", "d1", {"b": [1, {"x": "y"}], "a": 1})]) == Written(unchanged=1)


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b", "a\udfffb"])
def test_what_postgresql_cannot_hold_in_text_is_replaced_on_both(warehouse: Warehouse, bad: str) -> None:
    names = ("account", "device_id", "device_name", "extra")
    with warehouse.begin() as conn:
        upsert(conn, device, names, [("f", bad, "täglich 每天", {"field": bad, bad: [bad]}), ("f", "d", bad, None)])
        assert stored(conn, device, *names[1:]) == [
            ("a\ufffdb", "täglich 每天", {"field": "a\ufffdb", "a\ufffdb": ["a\ufffdb"]}),
            ("d", "a\ufffdb", None),
        ]


def test_every_kind_of_value_comes_back_as_it_was(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        upsert(conn, device, ("account", "device_id", "answer_hash", "active"), [("f", "d", b"\x00\xff", False)])
        assert stored(conn, device, "answer_hash", "active", "online") == [(b"\x00\xff", False, None)]
        row = ("f", "GET /", date(2026, 11, 20), 10**12)
        upsert(conn, ops_api_calls, ("account", "endpoint", "day", "calls"), [row])
        assert stored(conn, ops_api_calls, "day", "calls") == [(date(2026, 11, 20), 10**12)]


def test_json_holds_numbers_beyond_64_bits_and_no_nan(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        upsert(conn, device, ("account", "device_id", "extra"), [("f", "d", {"n": 2**80, "x": float("nan")})])
        assert stored(conn, device, "extra") == [({"n": 2**80, "x": None},)]


def test_insert_new_leaves_what_is_there(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")
    with warehouse.begin() as conn:
        assert insert_new(conn, device, names, [("f", "d1", "a"), ("f", "d1", "b")]) == 1
        assert insert_new(conn, device, names, [("f", "d1", "c"), ("f", "d2", "c")]) == 1
        assert stored(conn, device, "device_name") == [("a",), ("c",)]


def test_update_changes_rows_that_are_there_and_counts_those_that_differ(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")
    with warehouse.begin() as conn:
        insert_new(conn, device, names, [("f", "d1", "a"), ("f", "d2", "b")])
        assert update(conn, device, names, [("f", "d1", "a"), ("f", "d2", "x"), ("f", "d3", "y")]) == 1
        assert stored(conn, device, "device_id", "device_name") == [("d1", "a"), ("d2", "x")]


def test_update_fills_only_what_is_empty_and_keeps_what_none_would_erase(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name", "uid")
    with warehouse.begin() as conn:
        insert_new(conn, device, names, [("f", "d1", "a", "u"), ("f", "d2", None, "u")])
        rows = [("f", "d1", "x", None), ("f", "d2", "x", None)]
        assert update(conn, device, names, rows, fill=["device_name"], keep=["uid"]) == 1
        assert stored(conn, device, "device_name", "uid") == [("a", "u"), ("x", "u")]


def test_many_batches_of_one_transaction_do_not_mix(warehouse: Warehouse) -> None:
    names = ("account", "device_id", "device_name")
    with warehouse.begin() as conn:
        for batch in range(5):
            assert insert_new(conn, device, names, [("f", f"d{batch}{n}", "a") for n in range(3)]) == 3
    with warehouse.begin() as conn:
        assert len(stored(conn, device, "device_id")) == 15
        assert upsert(conn, device, names, [("f", "d00", "a")]) == Written(unchanged=1)


def test_a_batch_without_a_key_column_is_a_mistake_that_is_named(warehouse: Warehouse) -> None:
    with (
        warehouse.begin() as conn,
        pytest.raises(ValueError, match=r"device: the batch lacks the columns \['account'\]"),
    ):
        upsert(conn, device, ("device_id",), [("d",)])


# --------------------------------------------------------------------------------------------------------- replace_set

STEP = ("account", "sn", "node", "happened_at", "status", "first_run", "last_run")


def steps(sn: str, nodes: str, run: str = "r1", status: bool = True) -> list[tuple[Any, ...]]:
    return [("f", sn, node, AT, status, run, run) for node in nodes]


def set_of(conn: Connection, rows: list[tuple[Any, ...]], *sns: str, at: datetime = AT, run: str = "r1") -> Written:
    return replace_set(
        conn,
        flow_step,
        STEP,
        rows,
        scope=("account", "sn"),
        scopes=[("f", sn) for sn in sns],
        gone="gone_at",
        at=at,
        first=("first_run",),
        stamp=("last_run",),
        gone_stamp={"last_run": run},
    )


def test_a_row_that_the_set_no_longer_holds_stays_and_is_marked_gone(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        set_of(conn, steps("S1", "AB"), "S1")
        assert set_of(conn, steps("S1", "A"), "S1", at=LATER, run="r2") == Written(unchanged=1, retired=1)
        assert stored(conn, flow_step, "node", "gone_at", "last_run") == [("A", None, "r1"), ("B", LATER, "r2")]


def test_a_row_that_is_gone_already_keeps_the_time_it_went(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        set_of(conn, steps("S1", "A"), "S1")
        set_of(conn, [], "S1", at=AT)
        assert set_of(conn, [], "S1", at=LATER) == Written()
        assert stored(conn, flow_step, "gone_at") == [(AT,)]


def test_a_row_that_comes_back_is_there_again(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        set_of(conn, steps("S1", "A"), "S1")
        set_of(conn, [], "S1")
        assert set_of(conn, steps("S1", "A", "r3"), "S1", run="r3") == Written(updated=1)
        assert stored(conn, flow_step, "gone_at", "first_run", "last_run") == [(None, "r1", "r3")]


def test_sets_that_were_not_asked_stay_as_they_are(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        set_of(conn, steps("S1", "AB") + steps("S2", "AB"), "S1", "S2")
        assert set_of(conn, [], "S1").retired == 2
        assert stored(conn, flow_step, "sn", "gone_at")[2:] == [("S2", None), ("S2", None)]


def test_duplicates_in_a_set_do_not_hide_a_missing_row(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        set_of(conn, steps("S1", "AB"), "S1")
        assert set_of(conn, steps("S1", "AA"), "S1") == Written(unchanged=1, retired=1)


# ---------------------------------------------------------------------------------------------------------------- quiet


def test_loading_the_same_rows_again_writes_and_locks_nothing(warehouse: Warehouse) -> None:
    rows = [step for n in range(50) for step in steps(f"S{n:03}", "ABC")]
    sns = sorted({row[1] for row in rows})
    with warehouse.begin() as conn:
        assert set_of(conn, rows, *sns).inserted == 150
    before = fingerprints(warehouse)
    with warehouse.begin() as conn:
        assert set_of(conn, rows, *sns, at=LATER, run="r2") == Written(unchanged=150)
        if warehouse.dialect == "sqlite":
            assert conn.connection.driver_connection.total_changes == 0  # type: ignore[union-attr]
    assert fingerprints(warehouse) == before


def fingerprints(warehouse: Warehouse) -> list[Any]:
    """What shows any write to a row: its place, its version, its lock. On SQLite a new connection counts writes."""
    if warehouse.dialect == "sqlite":
        warehouse.close()
        return []
    with warehouse.read() as conn:
        return [tuple(row) for row in conn.execute(text("SELECT ctid, xmin, xmax FROM flow_step ORDER BY ctid"))]


def test_every_table_can_be_written(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        for table in metadata.tables.values():
            names = tuple(column.name for column in table.columns)
            row = tuple(SAMPLES[type(column.type)] for column in table.columns)
            assert upsert(conn, table, names, [row, row]) == Written(inserted=1), table.name
            assert upsert(conn, table, names, [row]) == Written(unchanged=1), table.name
            assert stored(conn, table, *names) == [row], table.name


SAMPLES: dict[type, Any] = {
    sqlalchemy.Text: "text",
    sqlalchemy.Integer: 7,
    sqlalchemy.BigInteger: 2**60,
    sqlalchemy.Boolean: True,
    sqlalchemy.LargeBinary: b"bytes",
    sqlalchemy.JSON: {"a": [1]},
    sqlalchemy.Date: AT.date(),
    sqlalchemy.Double: 1.5,
    types.UtcTime: AT,
}


def test_columns_that_all_rows_share_make_the_same_set(warehouse: Warehouse) -> None:
    def shared(conn: Connection, sn: str, nodes: str, run: str) -> Written:
        return replace_set(
            conn,
            flow_step,
            ("sn", "node", "happened_at", "status"),
            [(sn, node, AT, True) for node in nodes],
            scope=("account", "sn"),
            scopes=[("f", sn)],
            gone="gone_at",
            at=LATER,
            first=("first_run",),
            stamp=("last_run",),
            gone_stamp={"last_run": run},
            same={"account": "f", "first_run": run, "last_run": run},
        )

    with warehouse.begin() as conn:
        assert shared(conn, "S1", "AB", "r1") == Written(inserted=2)
        assert shared(conn, "S'2", "A", "r1") == Written(inserted=1)
        assert shared(conn, "S1", "BC", "r2") == Written(inserted=1, unchanged=1, retired=1)
        assert shared(conn, "S1", "ABC", "r3") == Written(updated=1, unchanged=2)
        assert shared(conn, "S'2", "", "r4") == Written(retired=1)
        assert stored(conn, flow_step, "account", "sn", "node", "gone_at", "first_run", "last_run") == [
            ("f", "S'2", "A", LATER, "r1", "r4"),
            ("f", "S1", "A", None, "r1", "r3"),
            ("f", "S1", "B", None, "r1", "r1"),
            ("f", "S1", "C", None, "r2", "r2"),
        ]


def test_times_by_column_may_be_whole_milliseconds(warehouse: Warehouse) -> None:
    sent = [1, 946_684_799_999, 1_690_000_000_123, 7_999_999_999_999]
    columns = {"sn": ["A", "B", "C", "D"], "node": ["n"] * 4, "happened_at": sent}
    with warehouse.begin() as conn:
        assert insert_columns(conn, flow_step, columns, same={"account": "f"}) == 4
        found = [at for (at,) in stored(conn, flow_step, "happened_at")]
    assert found == [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value) for value in sent]


def test_values_by_column_are_inserted_as_rows_are(warehouse: Warehouse) -> None:
    columns = {"sn": ["A", "B\0", "C"], "node": ["n"] * 3, "happened_at": [AT] * 3, "extra": [None, {"b": 1}, None]}
    with warehouse.begin() as conn:
        assert insert_columns(conn, flow_step, columns, same={"account": "f"}) == 3
        assert insert_columns(conn, flow_step, {**columns, "sn": ["A", "D", "E"]}, same={"account": "f"}) == 2
        assert stored(conn, flow_step, "account", "sn", "extra") == [
            ("f", "A", None),
            ("f", "B\ufffd", {"b": 1}),
            ("f", "C", None),
            ("f", "D", {"b": 1}),
            ("f", "E", None),
        ]
