"""Dead letters: nothing is dropped, nothing stays open that was answered since."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.ledgers.dismissal import Chosen, State, dismiss, listing
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


def record(warehouse: Warehouse, *given: Letter, at: datetime = AT) -> None:
    with warehouse.begin() as conn:
        dead_letters.record(conn, "factory", given, at)


def open_ones(warehouse: Warehouse, kind: str | None = None) -> list[dead_letters.StoredDeadLetter]:
    with warehouse.read() as conn:
        return list(dead_letters.open_dead_letters(conn, "factory", kind))


def test_a_letter_keeps_what_happened(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    row = ("factory", "sn_flows", "S1", "item_error", "10202", "Tuya says no", b"{}", 1, AT, AT, None)
    assert open_ones(warehouse) == [dead_letters.StoredDeadLetter(*row)]


def test_recording_no_dead_letter_writes_nothing(warehouse: Warehouse) -> None:
    record(warehouse)
    assert open_ones(warehouse) == []


def test_met_again_it_counts_an_attempt_and_tells_the_newest(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    record(warehouse, Letter(code="500", message="now this", raw=None), at=LATER)
    row = ("factory", "sn_flows", "S1", "item_error", "500", "now this", None, 2, AT, LATER, None)
    assert open_ones(warehouse) == [dead_letters.StoredDeadLetter(*row)]


def test_a_good_answer_resolves_all_dead_letters_of_its_key_and_kind(warehouse: Warehouse) -> None:
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


def test_dead_letters_are_counted_by_kind_and_reason(warehouse: Warehouse) -> None:
    record(warehouse, Letter("S1"), Letter("S2"), Letter("S3", reason="unusable_answer"))
    with warehouse.begin() as conn:
        dead_letters.resolve(conn, "factory", "sn_flows", ["S2"], LATER)
        assert dead_letters.counts(conn, "factory") == [
            ("factory", "sn_flows", "item_error", 1, 1, 0),
            ("factory", "sn_flows", "unusable_answer", 1, 0, 0),
        ]
        assert dead_letters.counts(conn, "other") == []


def test_a_key_that_no_database_text_can_be_is_stored_all_the_same(warehouse: Warehouse) -> None:
    record(warehouse, Letter("S\0\ud800", message="\0", raw=b"\0\xff"))
    assert [(one.key, one.message, one.raw) for one in open_ones(warehouse)] == [("S\ufffd\ufffd", "\ufffd", b"\0\xff")]


def test_keys_longer_than_an_index_holds_are_told_apart_and_found_again(warehouse: Warehouse) -> None:
    first, second = ("S" * 10_000 + end for end in "12")
    record(warehouse, Letter(first), Letter(second))
    assert len({one.key for one in open_ones(warehouse)}) == 2
    with warehouse.begin() as conn:
        dead_letters.resolve(conn, "factory", "sn_flows", [first], AT)
        found = [dead_letters.newest_of(conn, "factory", [key]) for key in (first, second)]
    assert [one is None for one in found] == [True, False]


# ----------------------------------------------------------------------------------------------------------- dismissed


def dismissed(warehouse: Warehouse, at: datetime = AT, **chosen) -> list[str]:
    with warehouse.begin() as conn:
        dismissed = dismiss(conn, Chosen("factory", **chosen), "ana", "test units", at)
    return [f"{one.kind} {one.key} {one.reason}" for one in dismissed]


def listed(warehouse: Warehouse, state: State) -> list[str]:
    with warehouse.read() as conn:
        return [one.key for one in listing(conn, Chosen("factory", state=state))]


def test_the_chosen_ones_are_dismissed_and_kept_with_name_and_reason(warehouse: Warehouse) -> None:
    record(warehouse, Letter("S1"), Letter("S2"), Letter("S1", reason="other"), Letter("S1", kind="command"))
    assert dismissed(warehouse, kind="sn_flows", reason="item_error", keys=["S1", "S9"]) == ["sn_flows S1 item_error"]
    assert len(open_ones(warehouse)) == 3
    with warehouse.read() as conn:
        (kept,) = listing(conn, Chosen("factory", state=State.DISMISSED))
    assert (kept.dismissed_at, kept.dismissed_by, kept.dismissed_why) == (AT, "ana", "test units")
    assert kept.raw == b"{}"


def test_a_dismissed_one_that_is_met_again_as_it_was_stays_dismissed(warehouse: Warehouse) -> None:
    record(warehouse, Letter(message="no (trace id 1a)."))
    dismissed(warehouse)
    record(warehouse, Letter(message="no (trace id 2b).", raw=b"{2}"), at=LATER)
    assert open_ones(warehouse) == []
    with warehouse.read() as conn:
        (kept,) = listing(conn, Chosen("factory", state=State.DISMISSED))
        assert dead_letters.counts(conn, "factory") == [("factory", "sn_flows", "item_error", 0, 0, 1)]
    assert (kept.attempts, kept.last_seen_at, kept.dismissed_at) == (2, LATER, AT)


def test_a_dismissed_one_of_which_something_else_is_said_is_open_again(warehouse: Warehouse) -> None:
    for changed in (Letter("S1", code="500"), Letter("S2", message="now this")):
        record(warehouse, Letter(changed.key))
        dismissed(warehouse)
        record(warehouse, changed, at=LATER)
        (opened,) = [one for one in open_ones(warehouse) if one.key == changed.key]
        assert (opened.dismissed_at, opened.dismissed_by, opened.dismissed_why) == (None, "ana", "test units")


def test_a_dismissed_one_that_was_good_in_between_is_open_again(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    dismissed(warehouse)
    with warehouse.begin() as conn:
        assert dead_letters.resolve(conn, "factory", "sn_flows", ["S1"], LATER) == 1
    assert listed(warehouse, State.RESOLVED) == ["S1"]
    record(warehouse, Letter(), at=LATER)
    assert listed(warehouse, State.OPEN) == ["S1"]


def test_one_that_was_dismissed_while_it_was_being_asked_stays_dismissed(warehouse: Warehouse) -> None:
    record(warehouse, Letter())
    dismissed(warehouse, at=LATER)
    record(warehouse, Letter(code="500"), at=AT)
    assert listed(warehouse, State.DISMISSED) == ["S1"]


def test_dismissing_leaves_other_accounts_alone(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        dead_letters.record(conn, "other", [Letter()], AT)
    assert dismissed(warehouse) == []
