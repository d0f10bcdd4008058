"""Messages in tables, on SQLite and on PostgreSQL: each once, facts by their keys, unreadable ones kept."""

import json
import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Table, make_url, select

from tests.messages import samples
from tests.messages.fuzz import DAMAGES
from tests.messages.scripted_source import AT, all_received, received
from tests.messages.sealing import ACCESS_KEY, UNSTORABLE, ecb, envelope_a, gcm, sealed
from tests.messages.stream import stream
from tuyahouse.messages.reading import MessageReader
from tuyahouse.messages.sources.source import Received
from tuyahouse.sync.messages.land import Landed, Landing
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.ledgers import dead_letters, drift
from tuyahouse.warehouse.messages import gaps, ledger
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def landing(warehouse: Warehouse) -> Landing:
    return Landing(warehouse, "main", "pulsar", MessageReader(ACCESS_KEY), now=lambda: AT)


def rows(warehouse: Warehouse, table: Table, *columns: str) -> list[Any]:
    wanted = [table.c[name] for name in columns] or list(table.c)
    with warehouse.read() as conn:
        found = conn.execute(select(*wanted).order_by(*table.primary_key)).all()
    return [row[0] if len(columns) == 1 else tuple(row) for row in found]


def everything(warehouse: Warehouse) -> dict[str, list[Any]]:
    """All rows that messages write, but for times of our own clock."""
    names = {"ops_consumer": ("messages", "dead_letters"), "ops_dead_letter": ("key", "reason", "raw")}
    core = ("raw_message", "device_event", "device_presence", "device_binding", "command_observation", "command")
    return {name: rows(warehouse, tables.metadata.tables[name], *names.get(name, ())) for name in (*core, *names)}


def test_a_message_is_stored_whole_with_what_its_envelope_said(warehouse: Warehouse, landing: Landing) -> None:
    payload = envelope_a(gcm(json.dumps(samples.ONLINE).encode()), protocol=20)
    landing.land([received(payload, em="aes_gcm", tid="trace1", other="kept")])
    columns = ("message_id", "topic", "received_at", "published_at", "cipher", "trace_id", "envelope", "protocol")
    more = ("pushed_at", "signature", "format", "verdict", "payload", "properties")
    pushed = datetime(2026, 9, 21, 14, 13, 20, 999000, tzinfo=UTC)
    assert rows(warehouse, tables.raw_message, *columns, *more) == [
        ("7:1:0:-1", "persistent://x/out/event", AT, AT, "aes_gcm", "trace1", "A", 20,
         pushed, "valid", "online", "landed", payload, {"em": "aes_gcm", "tid": "trace1", "other": "kept"})
    ]  # fmt: skip


def test_each_documented_format_lands_in_its_table(warehouse: Warehouse, landing: Landing) -> None:
    landing.land([received(sealed(message), n) for n, message in enumerate(samples.ALL.values())])
    assert rows(warehouse, tables.device_event, "code", "dp_id", "data_id") == [
        ("event_pass", "126", "AAXRV4BrtW9BRB9A2JYW0001")
    ]
    assert sorted(rows(warehouse, tables.device_presence, "device_id", "online")) == [
        ("6c0b7b2ac7b6c1eb5e01", True),
        ("6c280fdff93c18e45ben6i", True),
        ("6ce23ee0de009667c001", False),
    ]
    assert sorted(rows(warehouse, tables.device_binding, "device_id", "event")) == [
        ("002dj00118fe34d90001", "bound"),
        ("002dj00118fe34d90001", "gateway_unbound"),
        ("002dj00118fe34d90001", "unbound"),
        ("6c0f9f75942945886b01", "bound"),
        ("6c0f9f75942945886b01", "unbound"),
    ]
    assert rows(warehouse, tables.command_observation, "command_sn", "source", "process_status", "message") == [
        ("1212581947449081856", "message", 2, "The command is sent"),
        ("1461537485292310001", "message", 3, "success"),
    ]


def test_a_command_number_met_in_a_message_is_followed_from_now_on(warehouse: Warehouse, landing: Landing) -> None:
    landing.land([received(sealed(samples.COMMAND_RESULT))])
    assert rows(warehouse, tables.command, "command_sn", "device_id", "source", "added_at", "asked_times") == [
        ("1461537485292310001", "6ce23ee0de009667c001", "message", AT, 0)
    ]


def test_a_message_that_comes_again_changes_nothing(warehouse: Warehouse, landing: Landing) -> None:
    messages = all_received(stream(500))
    landing.land(messages)
    before = everything(warehouse)
    assert landing.land(messages) == Landed(500, 0, 500, 0, 0)
    assert everything(warehouse) == before


def test_batches_of_any_size_end_in_the_same_tables(
    warehouse: Warehouse, landing: Landing, sqlite_url: str, secret_key: str
) -> None:
    messages = all_received(stream(900))
    landing.land(messages)
    other = Warehouse.open(sqlite_url.replace("warehouse.db", "other.db"), secret_key)
    in_pieces = Landing(other, "main", "pulsar", MessageReader(ACCESS_KEY), now=lambda: AT)
    for at in range(0, 900, 70):
        in_pieces.land(messages[at : at + 70])
        in_pieces.land(messages[max(0, at - 30) : at + 30])
    assert everything(other) == everything(warehouse)
    other.close()


@pytest.mark.parametrize("v1_first", [True, False])
def test_a_fact_that_both_families_report_is_one_row_with_the_fields_of_both(
    warehouse: Warehouse, landing: Landing, v1_first: bool
) -> None:
    fields = {"sn": "1461537485292310001", "processStatus": 3, "happenTime": 1637292665335, "message": "success"}
    v1 = {**samples.V1_COMMAND_RESULT, "data": json.dumps({**fields, "deviceId": "6ce23ee0de009667c001"})}
    order = [v1, samples.COMMAND_RESULT] if v1_first else [samples.COMMAND_RESULT, v1]
    for n, message in enumerate(order):
        landing.land([received(sealed(message), n)])
    stored = rows(warehouse, tables.command_observation, "command_sn", "device_id", "data_flag", "message_id")
    assert stored == [("1461537485292310001", "6ce23ee0de009667c001", 2, "7:0:0:-1")]


def test_a_late_message_does_not_change_the_latest_presence(warehouse: Warehouse, landing: Landing) -> None:
    for n, (code, t) in enumerate([("online", 1_637_216_000), ("offline", 1_637_216_100), ("online", 1_637_216_050)]):
        landing.land([received(sealed({**samples.ONLINE, "bizCode": code, "bizData": {"time": t}}), n)])
    stored = rows(warehouse, tables.device_presence, "happened_at", "online")
    assert max(stored)[1] is False and len(stored) == 3


def test_an_unreadable_message_is_a_dead_letter_with_its_reason_and_what_was_received(
    warehouse: Warehouse, landing: Landing
) -> None:
    landed = landing.land([received(b"", 1), received(b"no json", 2), received(sealed(samples.ONLINE), 3)])
    assert landed == Landed(received=3, stored=3, known=0, unknown=0, dead=2)
    with warehouse.read() as conn:
        letters = [(one.kind, one.key, one.reason, one.raw) for one in dead_letters.open_dead_letters(conn, "main")]
    assert letters == [
        ("message", "7:1:0:-1", "empty_payload", b""),
        ("message", "7:2:0:-1", "broken_json", b"no json"),
    ]
    assert rows(warehouse, tables.raw_message, "verdict") == ["dead", "dead", "landed"]


def test_an_unknown_format_is_kept_and_no_dead_letter(warehouse: Warehouse, landing: Landing) -> None:
    landing.land([received(sealed({"bizCode": "devicePropertyMessage", "bizData": {}}))])
    assert rows(warehouse, tables.raw_message, "format", "verdict") == [("unknown", "unknown")]
    assert rows(warehouse, tables.ops_dead_letter) == []


def test_an_undocumented_field_is_kept_and_counted_as_drift(warehouse: Warehouse, landing: Landing) -> None:
    news = {**samples.ONLINE, "bizData": {"uid": "u", "time": 1637216002196, "rssi": -60}}
    landing.land([received(sealed(news), 1), received(sealed(news), 2)])
    assert rows(warehouse, tables.device_presence, "extra") == [{"rssi": -60}]
    with warehouse.read() as conn:
        assert [(one.kind, one.field, one.sample, one.answers) for one in drift.listing(conn, "main")] == [
            ("message:online", "rssi", "-60", 2)
        ]


def test_characters_a_database_cannot_hold_do_not_stop_anything(warehouse: Warehouse, landing: Landing) -> None:
    status = [{"code": "c\0", "t": 1637216002196, "value": "a\0b", "k\0": ["\0"]}]
    landing.land([received(sealed({"devId": "d\0", "dataId": "x\0", "status": status}), tid="t\0")])
    assert rows(warehouse, tables.device_event, "device_id", "code", "value", "extra") == [
        ("d\ufffd", "c\ufffd", "a\ufffdb", {"k\ufffd": ["\ufffd"]})
    ]


def test_a_message_of_five_megabytes_lands(warehouse: Warehouse, landing: Landing) -> None:
    status = [{"code": "c", "t": 1637216002196, "value": "x" * 3_700_000}]
    landing.land([received(sealed({"devId": "d", "dataId": "x", "status": status}))])
    assert [len(value) for value in rows(warehouse, tables.device_event, "value")] == [3_700_000]


def test_a_value_the_database_refuses_costs_its_own_message_only(
    warehouse: Warehouse, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuyahouse.sync.messages import rows as message_rows

    def astuple(fact: Any) -> tuple[Any, ...]:
        happened_at = "never" if fact.data_id == "x5" else fact.happened_at
        return (fact.device_id, fact.code, happened_at, fact.data_id, *[None] * 4)

    monkeypatch.setattr(message_rows, "astuple", astuple)
    landed = landing.land([received(sealed({**samples.DEVICE_EVENT, "dataId": f"x{n}"}), n) for n in range(9)])
    assert (landed.received, landed.stored, landed.dead) == (9, 9, 1)
    with warehouse.read() as conn:
        (letter,) = dead_letters.open_dead_letters(conn, "main")
    assert (letter.key, letter.reason) == ("7:5:0:-1", "not_storable")
    assert len(rows(warehouse, tables.device_event)) == 8 and len(rows(warehouse, tables.raw_message)) == 9


def test_one_that_is_nested_too_deep_for_the_database_costs_its_own_message_only(
    warehouse: Warehouse, landing: Landing
) -> None:
    good = [received(sealed({**samples.DEVICE_EVENT, "dataId": f"x{n}"}), n) for n in range(40)]
    landed = landing.land([*good[:20], received(sealed(UNSTORABLE), 77), *good[20:]])
    assert (landed.received, landed.stored, landed.dead) == (41, 41, 1)
    with warehouse.read() as conn:
        (letter,) = dead_letters.open_dead_letters(conn, "main")
    assert (letter.key, letter.reason) == ("7:77:0:-1", "not_storable")
    assert len(rows(warehouse, tables.device_event)) == 40


def test_names_of_fields_longer_than_a_database_index_can_hold_do_not_cost_the_message(
    warehouse: Warehouse, landing: Landing
) -> None:
    odd = "".join(random.Random(1).choices([chr(n) for n in range(0x4E00, 0x9000)], k=5000))
    landing.land([received(sealed({**samples.ONLINE, "bizData": {"time": 1637216002196, odd: 1}}))])
    assert rows(warehouse, tables.device_presence, "extra") == [{odd: 1}]
    assert rows(warehouse, tables.ops_dead_letter) == []


@pytest.mark.fuzz
def test_damaged_messages_land_without_an_exception_and_the_same_in_both_databases(
    warehouse: Warehouse, landing: Landing
) -> None:
    rng, count = random.Random(5), int(os.environ.get("TUYAHOUSE_TEST_FUZZ", "10000")) // 5
    payloads = [DAMAGES[n % len(DAMAGES)](rng) for n in range(count)]
    for begin in range(0, count, 500):
        landing.land([received(payload, n) for n, payload in enumerate(payloads[begin : begin + 500], begin)])
    with warehouse.read() as conn:
        reasons = {letter.reason for letter in dead_letters.open_dead_letters(conn, "main")}
    assert len(rows(warehouse, tables.raw_message)) == count
    assert "broken_json" in reasons and "not_storable" not in reasons


def test_a_server_that_ends_what_takes_too_long_is_waited_for_and_no_message_blamed(
    fresh_postgres_url: str, secret_key: str
) -> None:
    Warehouse.open(fresh_postgres_url, secret_key).close()
    hasty_url = make_url(fresh_postgres_url).update_query_dict({"options": "-c statement_timeout=300"})
    hasty = Warehouse.open(hasty_url.render_as_string(hide_password=False), secret_key)
    landing = Landing(hasty, "main", "pulsar", MessageReader(ACCESS_KEY), now=lambda: AT)
    with psycopg.connect(fresh_postgres_url) as other:
        other.execute("LOCK TABLE device_presence IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(WarehouseAway, match="statement timeout"):
            landing.land([received(sealed(samples.ONLINE))])
    assert landing.land([received(sealed(samples.ONLINE))]) == Landed(1, 1, 0, 0, 0)
    hasty.close()


def test_the_stream_is_read_until_the_oldest_message_of_the_newest_batch(
    warehouse: Warehouse, landing: Landing
) -> None:
    batch = [received(b"", n, AT - timedelta(minutes=n)) for n in (9, 7, 8)]
    landing.land(batch)
    landing.land([received(b"", 20, AT - timedelta(minutes=30))], reconnects=1)
    with warehouse.read() as conn:
        (consumer,) = ledger.consumers(conn, "main")
    assert consumer.read_until == AT - timedelta(minutes=9)
    assert consumer.last_message_at == AT - timedelta(minutes=7)
    assert (consumer.messages, consumer.dead_letters, consumer.reconnects) == (4, 4, 1)


def test_a_time_of_publication_that_is_to_come_does_not_hide_the_next_gap(
    warehouse: Warehouse, landing: Landing
) -> None:
    landing.land([received(b"", 1, AT + timedelta(days=9_000))])
    with warehouse.read() as conn:
        (consumer,) = ledger.consumers(conn, "main")
    assert consumer.read_until == consumer.last_message_at == AT


def test_what_a_clock_gone_wrong_has_noted_is_put_right(warehouse: Warehouse, landing: Landing) -> None:
    ahead = AT + timedelta(days=9_000)
    with warehouse.begin() as conn:
        ledger.advance(conn, "main", "pulsar", ahead, now=ahead)
    landing.land([received(b"", 1, AT - timedelta(minutes=5))])
    with warehouse.read() as conn:
        assert ledger.read_until(conn, "main") == AT


def test_a_backlog_notice_opens_one_gap_that_grows(warehouse: Warehouse, landing: Landing) -> None:
    with warehouse.begin() as conn:
        ledger.advance(conn, "main", "pulsar", AT - timedelta(hours=1), now=AT)
    for n, minutes in enumerate((15, 30)):
        ts = int((AT + timedelta(minutes=minutes)).timestamp() * 1000)
        notice = {"bizCode": "HighPriorityNotice", "bizData": {"eventType": "pulsar_backlog_notice"}, "ts": ts}
        landing.land([received(envelope_a(ecb(json.dumps(notice).encode())), n, AT - timedelta(hours=2))])
    with warehouse.read() as conn:
        (gap,) = gaps.open_gaps(conn, "main")
    assert (gap.gap_from, gap.gap_to) == (AT - timedelta(hours=1), AT + timedelta(minutes=30))
    assert gap.why == "backlog_notice"


def test_two_accounts_do_not_see_each_other(warehouse: Warehouse, landing: Landing) -> None:
    messages: Sequence[Received] = [received(sealed(samples.ONLINE))]
    landing.land(messages)
    other = Landing(warehouse, "other", "pulsar", MessageReader(ACCESS_KEY), now=lambda: AT)
    assert other.land(messages).stored == 1
