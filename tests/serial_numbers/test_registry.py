"""The registry of serial numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update

from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.tables import serial_number
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
LATER = AT + timedelta(days=1)


@dataclass
class Entry:
    sn: str
    order_code: str | None = None


def add(warehouse: Warehouse, *entries: Entry, at: datetime = AT) -> registry.Added:
    with warehouse.begin() as conn:
        return registry.add(conn, "factory", entries, "sns.csv", at)


def known(warehouse: Warehouse, sn: str) -> registry.Known:
    return registry.known(warehouse, "factory", [sn])[sn]


def times(warehouse: Warehouse) -> tuple[Any, ...]:
    """When the only one was first asked, last asked, last changed."""
    columns = (serial_number.c.first_asked_at, serial_number.c.last_asked_at, serial_number.c.last_changed_at)
    with warehouse.read() as conn:
        return tuple(conn.execute(select(*columns)).one())


def change(sn: str = "S1", **fields: Any) -> registry.Change:
    plain = {"order_code": "W1", "craft_line_code": "L1", "state": "open", "unknown_times": 0, "answer_hash": b"h"}
    return registry.Change(**{"sn": sn, "at": LATER, **plain, **fields})


def test_new_and_duplicate_ones_are_counted(warehouse: Warehouse) -> None:
    assert add(warehouse, Entry("S1"), Entry("S2"), Entry("S1")) == registry.Added(inserted=2, duplicate=1)
    assert add(warehouse, Entry("S2"), Entry("S3")) == registry.Added(inserted=1, duplicate=1)


def test_a_new_one_is_new_and_never_asked(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1", "W1"))
    assert known(warehouse, "S1") == registry.Known("S1", "new", "W1", None, 0, None)


def test_a_registered_one_keeps_its_work_order_and_gets_one_if_it_had_none(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1", "W1"), Entry("S2"))
    add(warehouse, Entry("S1", "W9"), Entry("S2", "W9"), Entry("S2"))
    assert (known(warehouse, "S1").order_code, known(warehouse, "S2").order_code) == ("W1", "W9")


def test_those_not_registered_are_not_known(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1"))
    assert list(registry.known(warehouse, "factory", ["S1", "S2"])) == ["S1"]
    assert registry.known(warehouse, "factory", []) == {}
    assert registry.known(warehouse, "other", ["S1"]) == {}


def test_a_changed_answer_is_remembered_with_what_it_means(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1"))
    with warehouse.begin() as conn:
        assert registry.mark_changed(conn, "factory", [change(), change("S9")]) == 1
    assert known(warehouse, "S1") == registry.Known("S1", "open", "W1", "L1", 0, b"h", LATER)
    assert times(warehouse) == (LATER, LATER, LATER)


def test_a_changed_answer_without_work_order_keeps_the_known_one(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1", "W1"))
    with warehouse.begin() as conn:
        registry.mark_changed(conn, "factory", [change(order_code=None, craft_line_code=None)])
    assert known(warehouse, "S1").order_code == "W1"


def test_an_unchanged_answer_changes_only_the_time_of_asking(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1"))
    with warehouse.begin() as conn:
        registry.mark_changed(conn, "factory", [change(at=AT)])
        assert registry.mark_asked(conn, "factory", {"S1": LATER, "S9": LATER}) == 1
    assert known(warehouse, "S1") == registry.Known("S1", "open", "W1", "L1", 0, b"h", LATER)
    assert times(warehouse) == (AT, LATER, AT)


def test_a_key_that_no_database_holds_does_not_hinder_the_others(warehouse: Warehouse) -> None:
    to_the_microsecond = AT + timedelta(microseconds=123_457)
    add(warehouse, Entry("S1"))
    with warehouse.begin() as conn:
        assert registry.mark_asked(conn, "factory", {"S1": to_the_microsecond, "half\ud800": AT, "zero\0": AT}) == 1
    assert times(warehouse) == (to_the_microsecond, to_the_microsecond, None)


def test_one_that_tuya_does_not_know_is_counted_up(warehouse: Warehouse) -> None:
    add(warehouse, Entry("S1"))
    with warehouse.begin() as conn:
        registry.mark_unknown(conn, "factory", {"S1": AT})
        registry.mark_unknown(conn, "factory", {"S1": LATER})
    found = known(warehouse, "S1")
    assert (found.state, found.unknown_times) == ("unknown", 2)
    assert times(warehouse) == (AT, LATER, None)


def test_marking_none_writes_nothing(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        assert registry.mark_asked(conn, "factory", {}) == 0
        assert registry.mark_unknown(conn, "factory", {}) == 0
        assert registry.mark_changed(conn, "factory", []) == 0


def sns(found: Iterable[registry.Candidate]) -> list[str]:
    return [one.sn for one in found]


def with_states(warehouse: Warehouse) -> None:
    """Asked earlier, the higher the number; N2 was registered before N1."""
    add(warehouse, Entry("N1"), at=LATER)
    states = {"F2": "finished", "F1": "finished", "U1": "unknown", "O2": "open", "O1": "open", "n3": "new"}
    add(warehouse, Entry("N2"), *(Entry(sn, "W" + sn[0]) for sn in states))
    with warehouse.begin() as conn:
        for sn, state in states.items():
            asked = None if state == "new" else AT - timedelta(days=int(sn[1]))
            mine = update(serial_number).where(serial_number.c.sn == sn)
            conn.execute(mine.values(state=state, last_asked_at=asked))


def test_candidates_are_new_then_open_unknown_and_finished_each_longest_unasked_first(
    warehouse: Warehouse,
) -> None:
    with_states(warehouse)
    with warehouse.read() as conn:
        found = list(registry.candidates(conn, "factory"))
    assert sns(found) == ["N2", "n3", "N1", "O2", "O1", "U1", "F2", "F1"]
    assert found[3] == registry.Candidate("O2", "open", AT, AT - timedelta(days=2), None, 0)


def test_candidates_can_be_given_by_serial_number_or_work_order(warehouse: Warehouse) -> None:
    with_states(warehouse)
    with warehouse.read() as conn:
        assert sns(registry.candidates(conn, "factory", sns=["F1", "N1", "X"])) == ["N1", "F1"]
        assert sns(registry.candidates(conn, "factory", orders=["WO"])) == ["O2", "O1"]
        assert sns(registry.candidates(conn, "factory", orders=[])) == []


def test_states_are_counted(warehouse: Warehouse) -> None:
    with_states(warehouse)
    with warehouse.read() as conn:
        assert registry.counts(conn, "factory") == {"new": 3, "open": 2, "unknown": 1, "finished": 2}


def test_the_registry_is_listed_by_name(warehouse: Warehouse) -> None:
    with_states(warehouse)
    with warehouse.read() as conn:
        assert [one.sn for one in registry.listing(conn, "factory", state="open")] == ["O1", "O2"]
        assert [one.sn for one in registry.listing(conn, "factory", work_order="WF")] == ["F1", "F2"]
        assert [one.sn for one in registry.listing(conn, "factory", after="N1", limit=2)] == ["N2", "O1"]


def test_asking_times_cost_no_index_write_on_postgresql(fresh_postgres_url: str) -> None:
    warehouse = Warehouse.open(fresh_postgres_url)
    names = [f"S{n:04}" for n in range(1000)]
    add(warehouse, *(Entry(sn, "W1") for sn in names))
    with warehouse.begin() as conn:
        registry.mark_changed(conn, "factory", [change(sn) for sn in names])
    seen = []
    for night in range(4):
        with warehouse.begin() as conn:
            registry.mark_asked(conn, "factory", dict.fromkeys(names, LATER + timedelta(days=night)))
        seen.append(updates_and_those_without_index_write(warehouse))
    assert [night[0] - seen[0][0] for night in seen] == [0, 1000, 2000, 3000]
    assert [night[1] - seen[0][1] for night in seen] == [0, 1000, 2000, 3000]
    warehouse.close()


def updates_and_those_without_index_write(warehouse: Warehouse) -> tuple[int, int]:
    with warehouse.begin() as conn:
        conn.execute(text("SELECT pg_stat_force_next_flush()"))
    with warehouse.read() as conn:
        counters = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'serial_number'"
        updates, without = conn.execute(text(counters)).one()
        return updates, without


def test_a_batch_is_looked_up_by_its_keys_even_in_a_table_that_was_never_analysed(fresh_postgres_url: str) -> None:
    warehouse = Warehouse.open(fresh_postgres_url)
    with warehouse.begin() as conn:
        conn.execute(text("ALTER TABLE serial_number SET (autovacuum_enabled = off)"))
    add(warehouse, *(Entry(f"S{n:05}", "W1") for n in range(20_000)))
    names = [f"S{n:05}" for n in range(500)]
    before = rows_read(warehouse)
    assert len(registry.known(warehouse, "factory", names)) == 500
    with warehouse.begin() as conn:
        registry.mark_asked(conn, "factory", dict.fromkeys(names, LATER))
        registry.mark_changed(conn, "factory", [change(sn) for sn in names])
    assert rows_read(warehouse) - before < 20_000
    warehouse.close()


def rows_read(warehouse: Warehouse) -> int:
    """Rows of the registry and entries of its indexes that were read so far."""
    with warehouse.begin() as conn:
        conn.execute(text("SELECT pg_stat_force_next_flush()"))
    counts = """SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'serial_number')
        + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'serial_number')"""
    with warehouse.read() as conn:
        return int(conn.execute(text(counts)).scalar_one())
