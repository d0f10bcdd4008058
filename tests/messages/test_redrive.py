"""Dead messages tried again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.messages import samples
from tests.messages.conftest import account_at
from tests.messages.scripted_source import AT, received
from tests.messages.sealing import ACCESS_KEY, UNSTORABLE, sealed
from tuyahouse.messages.reading import MessageReader
from tuyahouse.sync.messages.land import Landing
from tuyahouse.sync.messages.redrive import Redriven, by_bytes, redrive_messages
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.warehouse import Warehouse

OTHER_KEY = "another000000secret000000000000b"
ACCOUNT = account_at("pulsar://127.0.0.1:1/", "x")


def land(warehouse: Warehouse, *payloads: bytes, key: str = ACCESS_KEY) -> None:
    landing = Landing(warehouse, "main", "pulsar", MessageReader(key), now=lambda: AT)
    landing.land([received(payload, n, tid="t1") for n, payload in enumerate(payloads)])


def verdicts(warehouse: Warehouse) -> list[tuple[str, str | None]]:
    raw = tables.raw_message.c
    with warehouse.read() as conn:
        rows = conn.execute(select(raw.verdict, raw.format).order_by(raw.message_id))
        return [(verdict, format_) for verdict, format_ in rows]


def still_dead(warehouse: Warehouse) -> list[str]:
    with warehouse.read() as conn:
        return list(dead_letters.open_keys(conn, "main", "message"))


def presences(warehouse: Warehouse) -> list[datetime]:
    with warehouse.read() as conn:
        return list(conn.execute(select(tables.device_presence.c.happened_at)).scalars())


def test_messages_that_a_wrong_secret_could_not_open_land_once_it_is_right(warehouse: Warehouse) -> None:
    land(warehouse, sealed(samples.ONLINE), sealed(samples.OFFLINE), b"no json", key=OTHER_KEY)
    assert redrive_messages(warehouse, ACCOUNT, AT) == Redriven(tried=3, landed=2)
    assert verdicts(warehouse) == [("landed", "online"), ("landed", "offline"), ("dead", "unknown")]
    assert (still_dead(warehouse), len(presences(warehouse))) == (["7:2:0:-1"], 2)


def test_what_cannot_be_used_stays_dead_however_often_it_is_tried(warehouse: Warehouse) -> None:
    land(warehouse, b"no json")
    for _ in range(2):
        assert redrive_messages(warehouse, ACCOUNT, AT) == Redriven(tried=1, landed=0)
    assert still_dead(warehouse) == ["7:0:0:-1"]


def test_a_time_that_was_in_the_future_lands_when_it_has_come(warehouse: Warehouse) -> None:
    ahead = AT + timedelta(days=3)
    land(warehouse, sealed({**samples.ONLINE, "bizData": {"time": int(ahead.timestamp())}}))
    assert redrive_messages(warehouse, ACCOUNT, AT).landed == 0
    assert redrive_messages(warehouse, ACCOUNT, ahead).landed == 1
    assert presences(warehouse) == [ahead]


def test_more_than_a_page_is_tried(warehouse: Warehouse) -> None:
    land(warehouse, *[sealed({**samples.ONLINE, "devId": f"d{n}"}) for n in range(450)], key=OTHER_KEY)
    assert redrive_messages(warehouse, ACCOUNT, AT) == Redriven(tried=450, landed=450)
    assert (still_dead(warehouse), len(presences(warehouse))) == ([], 450)


NO_KEY = {**samples.ONLINE, "devId": "".join(chr(0x4E00 + n * n % 9000) for n in range(3000))}


@pytest.mark.parametrize("odd", [UNSTORABLE, NO_KEY], ids=["nested too deeply", "too long for a key"])
def test_one_that_the_database_refuses_still_keeps_no_other_from_landing(warehouse: Warehouse, odd: Any) -> None:
    good = [sealed({**samples.ONLINE, "devId": f"d{n}"}) for n in range(9)]
    land(warehouse, *good[:4], sealed(odd), *good[4:], key=OTHER_KEY)
    assert redrive_messages(warehouse, ACCOUNT, AT) == Redriven(tried=10, landed=9)
    assert (still_dead(warehouse), len(presences(warehouse))) == (["7:4:0:-1"], 9)


def test_dead_messages_are_read_again_in_batches_that_close_by_bytes() -> None:
    sizes = {"a": 9 << 20, "b": 9 << 20, "c": 1, "d": 40 << 20, "e": 0}
    assert list(by_bytes([*"abcdef"], sizes)) == [["a"], ["b", "c"], ["d"], ["e", "f"]]
    assert list(by_bytes([], sizes)) == []


def test_large_dead_messages_land_again(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuyahouse.sync.messages.redrive.PAGE_BYTES", 300)
    land(warehouse, *[sealed({**samples.ONLINE, "devId": f"d{n}"}) for n in range(20)], key=OTHER_KEY)
    assert redrive_messages(warehouse, ACCOUNT, AT) == Redriven(20, 20)
