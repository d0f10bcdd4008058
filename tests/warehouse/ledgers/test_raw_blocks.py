"""Answers as Tuya sent them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.warehouse.answers import stored_answers
from tuyahouse import logs
from tuyahouse.warehouse.ledgers import dead_letters, drift, raw_blocks
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
ODD = b'{"result": [ ],\n "t":1.0, \xff\x00}'


def store(warehouse: Warehouse, block_id: str, *answers: tuple[str, bytes], hours: int = 0, kind: str = "k") -> None:
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "factory", kind, block_id, answers, AT + timedelta(hours=hours))


def test_answers_come_back_byte_for_byte_the_oldest_first(warehouse: Warehouse) -> None:
    store(warehouse, "b", ("S1", b"new"), ("S3", b""), hours=1)
    store(warehouse, "a", ("S1", ODD), ("S2", b"2"))
    with warehouse.read() as conn:
        assert list(stored_answers(conn, "factory", "k")) == [
            ("S1", ODD),
            ("S2", b"2"),
            ("S1", b"new"),
            ("S3", b""),
        ]
        assert [(block.block_id, len(block.answers)) for block in raw_blocks.blocks(conn, "factory", "k")] == [
            ("a", 2),
            ("b", 2),
        ]


def test_kinds_and_accounts_are_apart(warehouse: Warehouse) -> None:
    store(warehouse, "a", ("S1", b"1"), kind="craft_line")
    with warehouse.read() as conn:
        assert list(stored_answers(conn, "factory", "k")) == []
        assert list(stored_answers(conn, "other", "craft_line")) == []


def test_the_newest_answer_of_a_key_is_found(warehouse: Warehouse) -> None:
    store(warehouse, "a", ("S1", b"old"), ("S11", b"another"))
    store(warehouse, "b", ("S1", b"new"), hours=1)
    store(warehouse, "c", ("S2", b"S1"), ("xS1", b"not it"), hours=2)
    with warehouse.read() as conn:
        assert raw_blocks.find(conn, "factory", "k", "S1") == raw_blocks.Found("b", AT + timedelta(hours=1), b"new")
        assert raw_blocks.find(conn, "factory", "k", "S") is None


def test_no_answers_are_no_block(warehouse: Warehouse) -> None:
    store(warehouse, "a")
    with warehouse.read() as conn:
        assert list(raw_blocks.blocks(conn, "factory", "k")) == []


def test_a_block_stored_twice_is_there_once(warehouse: Warehouse) -> None:
    store(warehouse, "a", ("S1", b"1"))
    store(warehouse, "a", ("S1", b"1"), hours=1)
    with warehouse.read() as conn:
        assert [block.stored_at for block in raw_blocks.blocks(conn, "factory", "k")] == [AT]


def test_blocks_older_than_the_retention_are_deleted(warehouse: Warehouse) -> None:
    store(warehouse, "a", ("S1", b"1"))
    store(warehouse, "b", ("S1", b"2"), hours=5)
    with warehouse.begin() as conn:
        assert raw_blocks.prune(conn, "factory", AT + timedelta(hours=1)) == 1
        assert [block.block_id for block in raw_blocks.blocks(conn, "factory", "k")] == ["b"]


def test_a_block_closes_by_bytes_and_every_answer_is_found_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_blocks, "LARGEST_BLOCK", 100)
    answers = [(f"S{n}", bytes([n]) * 60) for n in range(5)]
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "factory", "sn_flows", "run/000000", answers, datetime(2026, 11, 20, tzinfo=UTC))
        stored = list(raw_blocks.blocks(conn, "factory", "sn_flows"))
        assert [len(block.answers) for block in stored] == [1] * 5
        assert {block.run_id for block in stored} == {"run"}
        assert list(stored_answers(conn, "factory", "sn_flows")) == answers


def test_answers_that_belong_together_stay_in_one_block_and_a_large_block_is_handed_over_in_parts(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_blocks, "LARGEST_BLOCK", 400)
    monkeypatch.setattr(raw_blocks, "LARGEST_PART", 200)
    answers = [(f"D{n}/{part}", bytes([n]) * 60) for n in range(5) for part in range(3)]
    with warehouse.begin() as conn:
        raw_blocks.store(conn, "factory", "details", "run/000000", answers, AT, together=3)
        stored = list(raw_blocks.blocks(conn, "factory", "details", together=3))
    assert [block.block_id for block in stored] == ["run/000000"] * 2 + ["run/000000.0001"] * 2 + ["run/000000.0002"]
    assert [block.answers for block in stored] == [answers[start : start + 3] for start in range(0, 15, 3)]


def test_a_secret_that_tuya_echoes_reaches_no_ledger(warehouse: Warehouse) -> None:
    secret = "a-secret-that-the-cloud-echoes"
    logs.register_secret(secret)
    at = datetime(2026, 11, 20, tzinfo=UTC)
    echo = f'{{"msg": "{secret}", "n": 1}}'.encode() + b"\xff"
    with warehouse.begin() as conn:
        letter = DeadLetter("sn_flows", secret, "unusable_answer", "", f"Tuya said {secret}", echo)
        dead_letters.record(conn, "factory", [letter], at)
        drift.record(conn, "factory", "sn_flows", {"field": (1, secret)}, at)
        (stored,) = dead_letters.open_dead_letters(conn, "factory")
        everything = (stored, *drift.listing(conn))
    assert secret not in repr(everything)
    assert stored.raw == b'{"msg": "***", "n": 1}\xff'
