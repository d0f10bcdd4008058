"""Dead letters: nothing is dropped, nothing stays open that was answered since."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
LATER = AT + timedelta(days=1)


@dataclass
class Letter:
    key: str = "S1"
    kind: str = "sn_flows"
    reason: str = "item_error"
    code: str = "10202"
    message: str = "Tuya says no"
    raw: bytes | None = b"{}"


def record(warehouse: Warehouse, *letters: Letter, at: datetime = AT) -> None:
    with warehouse.begin() as conn:
        dead_letters.record(conn, "factory", letters, at)


def open_ones(warehouse: Warehouse, kind: str | None = None) -> list[dead_letters.StoredDeadLetter]:
    with warehouse.read() as conn:
        return list(dead_letters.open_dead_letters(conn, "factory", kind))


def test_a_letter_keeps_what_happened(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    row = ("factory", "sn_flows", "S1", "item_error", "10202", "Tuya says no", b"{}", 1, AT, AT, None)
    assert open_ones(warehouse) == [dead_letters.StoredDeadLetter(*row)]


def test_no_letters_are_no_work(warehouse: Warehouse) -> None:
    record(warehouse)
    assert open_ones(warehouse) == []


def test_met_again_it_counts_an_attempt_and_tells_the_newest(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    record(warehouse, Letter(code="500", message="now this", raw=None), at=LATER)
    row = ("factory", "sn_flows", "S1", "item_error", "500", "now this", None, 2, AT, LATER, None)
    assert open_ones(warehouse) == [dead_letters.StoredDeadLetter(*row)]


def test_a_good_answer_resolves_all_letters_of_its_key_and_kind(warehouse: Warehouse) -> None:
    record(warehouse, Letter(), Letter(reason="unusable_answer"), Letter("S2"), Letter(kind="craft_line"))
    with warehouse.begin() as conn:
        assert dead_letters.resolve(conn, "factory", "sn_flows", ["S1", "S9"], LATER) == 2
        assert dead_letters.resolve(conn, "factory", "sn_flows", ["S1"], LATER) == 0
        assert dead_letters.resolve(conn, "factory", "sn_flows", [], LATER) == 0
    assert [(one.kind, one.key) for one in open_ones(warehouse)] == [("craft_line", "S1"), ("sn_flows", "S2")]


def test_a_resolved_one_that_is_met_again_is_open_again(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    with warehouse.begin() as conn:
        dead_letters.resolve(conn, "factory", "sn_flows", ["S1"], AT)
    record(warehouse, Letter(), at=LATER)
    assert [(one.attempts, one.resolved_at) for one in open_ones(warehouse)] == [(2, None)]


def test_open_ones_are_read_page_by_page_and_may_be_resolved_meanwhile(warehouse: Warehouse) -> None:
    record(warehouse, *(Letter(f"S{n:05}", reason=reason) for n in range(1300) for reason in ("a", "b")))
    with warehouse.begin() as conn:
        keys = []
        for key in dead_letters.open_keys(conn, "factory", "sn_flows"):
            keys.append(key)
            dead_letters.resolve(conn, "factory", "sn_flows", [key], LATER)
    assert keys == [f"S{n:05}" for n in range(1300)]
    assert open_ones(warehouse) == []


def test_they_are_counted_by_kind_and_reason(warehouse: Warehouse) -> None:
    record(warehouse, Letter("S1"), Letter("S2"), Letter("S3", reason="unusable_answer"))
    with warehouse.begin() as conn:
        dead_letters.resolve(conn, "factory", "sn_flows", ["S2"], LATER)
        assert dead_letters.counts(conn, "factory") == [
            ("factory", "sn_flows", "item_error", 1, 1),
            ("factory", "sn_flows", "unusable_answer", 1, 0),
        ]
        assert dead_letters.counts(conn, "other") == []


def test_a_key_that_no_database_text_can_be_is_stored_all_the_same(warehouse: Warehouse) -> None:
    record(warehouse, Letter("S\0\ud800", message="\0", raw=b"\0\xff"))
    assert [(one.key, one.message, one.raw) for one in open_ones(warehouse)] == [("S\ufffd\ufffd", "\ufffd", b"\0\xff")]
