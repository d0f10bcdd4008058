"""What Tuya sends of devices, in all its spellings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.cloud.calls.device_fields import ABSENT, FACTS, Device, decode_device, device_facts, facts_by_column
from tuyahouse.cloud.calls.device_functions import Function, decode_functions
from tuyahouse.cloud.calls.device_list import LIST, decode_page, list_query, read_page, understood
from tuyahouse.cloud.calls.lenient_values import EPOCH, times, utc
from tuyahouse.cloud.errors import UnusableAnswer
from tuyahouse.cloud.http.answer import Answer, read_answer

ITEM = {
    "active_status": 1,
    "cid": "YZCB04ZZR00001",
    "create_time": 1669863600000,
    "device_id": "vdevo166986360000001",
    "device_ip": "192.168.16.111",
    "device_name": "East entrance",
    "extend_data": "{'user':'admin','password':'x'}",
    "gateway_id": "",
    "install_location": "Hall",
    "mac_address": "00-55-52-24-01-65",
    "online_status": 0,
    "product_id": "0vbrvxonnjsxi001",
    "product_type": "wf_znmj",
    "project_id": "1000123",
    "supplier_code": "tuya",
    "uid": "bay1617693984346",
}
CREATED = datetime(2022, 12, 1, 3, 0, tzinfo=UTC)


def device(**changes: Any) -> Device:
    return decode_device(msgspec.json.encode(ITEM | changes))


def fact(read: Device, column: str) -> Any:
    return device_facts(read).facts[list(FACTS).index(column)]


def page(**changes: Any) -> bytes:
    return msgspec.json.encode({"list": [ITEM], "total": 1, "page_no": 1, "page_size": 50} | changes)


def test_the_documented_sample_is_read() -> None:
    read = device()
    assert read.device_id == "vdevo166986360000001"
    assert dict(zip(FACTS, device_facts(read).facts, strict=True)) == {
        "project_id": "1000123",
        "cid": "YZCB04ZZR00001",
        "gateway_id": None,
        "device_name": "East entrance",
        "device_ip": "192.168.16.111",
        "mac_address": "00-55-52-24-01-65",
        "install_location": "Hall",
        "product_type": "wf_znmj",
        "product_id": "0vbrvxonnjsxi001",
        "product_name": ABSENT,
        "supplier_code": "tuya",
        "supplier_name": ABSENT,
        "extend_data": "{'user':'admin','password':'x'}",
        "active": True,
        "created_at": CREATED,
        "uid": "bay1617693984346",
    }
    assert (read.online, device_facts(read).extra) == (False, None)


@pytest.mark.parametrize(
    ("sent", "read"), [(1, True), ("1", True), (0, False), ("0", False), (True, True), (None, None)]
)
def test_states_are_read_as_number_and_as_text(sent: Any, read: bool | None) -> None:
    assert device(online_status=sent, active_status=sent).online is read
    assert fact(device(active_status=sent), "active") is read


def test_a_state_that_is_neither_is_kept_as_sent() -> None:
    read = device(online_status=7)
    assert (read.online, device_facts(read).extra) == (None, {"online_status": 7})


@pytest.mark.parametrize("sent", [1669863600000, 1669863600, "1669863600000", "1669863600"])
def test_times_are_read_in_seconds_and_milliseconds_as_number_and_as_text(sent: Any) -> None:
    assert fact(device(create_time=sent), "created_at") == CREATED


@pytest.mark.parametrize("sent", [0, -5, "soon", 10**30, [1]])
def test_a_time_that_is_none_is_kept_as_sent(sent: Any) -> None:
    read = device(create_time=sent)
    assert (fact(read, "created_at"), device_facts(read).extra) == (None, {"create_time": sent})


def test_ids_lose_the_blanks_around_them_and_long_numbers_keep_their_digits() -> None:
    read = device(device_id=" 002dj00118fe34d9 ", project_id=1212581947449081856)
    assert (read.device_id, fact(read, "project_id")) == ("002dj00118fe34d9", "1212581947449081856")


def test_what_is_not_documented_is_kept() -> None:
    assert device_facts(device(task_id="t1", firmware={"v": 2})).extra == {"task_id": "t1", "firmware": {"v": 2}}


def test_extend_data_that_is_an_object_is_kept_as_its_text() -> None:
    assert fact(device(extend_data={"a": 1}), "extend_data") == '{"a": 1}'


def test_camel_case_names_are_read_too() -> None:
    read = decode_device(b'{"deviceId":"d1","deviceName":"Gate","onlineStatus":"1","createTime":1669863600}')
    assert (read.device_id, fact(read, "device_name"), read.online) == ("d1", "Gate", True)
    assert fact(read, "created_at") == CREATED


def test_a_page_has_its_devices_and_what_it_echoes() -> None:
    read = decode_page(page(total="17", page_no="3", page_size="50"))
    assert [each.device_id for each in read.devices] == ["vdevo166986360000001"]
    assert (read.total, read.page_no, read.page_size) == (17, 3, 50)


def test_a_page_in_camel_case_is_read() -> None:
    read = decode_page(b'{"list":[],"total":0,"pageNo":2,"pageSize":7}')
    assert (read.page_no, read.page_size) == (2, 7)


def test_an_item_without_a_device_id_is_kept_apart_and_counts_as_a_row() -> None:
    read = decode_page(b'{"list":[{"device_name":"x"},5,{"device_id":"d1"}],"total":3}')
    assert (read.unusable, read.rows) == ([b'{"device_name":"x"}', b"5"], 3)


def test_a_project_without_devices_may_send_no_list() -> None:
    assert decode_page(b'{"total":0,"page_no":1,"page_size":50}').rows == 0


@pytest.mark.parametrize(
    "result",
    [
        page(total="17", page_no="3", page_size="50"),
        b'{"list":[{"device_name":"x"},5,{"device_id":"d1"}],"total":3}',
        b'{"list":[{"device_id":"d1","uid":"u"},{"device_id":"d2","online_status":0}],"total":2}',
        b'{"total":0}',
    ],
)
@pytest.mark.parametrize("around", [b'{"result":%s,"success":true,"t":1616551774000}', b'{"success":1,"result":%s}'])
def test_a_page_is_the_same_in_every_envelope(result: bytes, around: bytes) -> None:
    answer, _ = read_answer(200, around % result, shape=LIST.shape)
    assert isinstance(answer, Answer)
    assert read_page(answer) == decode_page(result)


@pytest.mark.parametrize("result", [b"{}", b'{"total":5}'])
def test_a_page_without_a_list_is_refused_with_what_was_received(result: bytes) -> None:
    answer, _ = read_answer(200, b'{"result":%s,"success":true,"t":1616551774000}' % result, shape=LIST.shape)
    assert isinstance(answer, Answer)
    with pytest.raises(UnusableAnswer) as refused:
        read_page(answer)
    assert result in refused.value.raw


@pytest.mark.parametrize("result", [b"[]", b'"x"', b"{}", b'{"list":{}}', b'{"list":[', b'{"total":5}'])
def test_a_page_of_another_shape_is_refused(result: bytes) -> None:
    with pytest.raises(UnusableAnswer):
        decode_page(result)


@pytest.mark.parametrize(
    ("spelling", "query"),
    [
        ("snake", {"project_id": "p1", "page_no": "2", "page_size": "50"}),
        ("camel", {"projectId": "p1", "pageNo": "2", "pageSize": "50"}),
        ("dotted", {"request.project_id": "p1", "request.page_no": "2", "request.page_size": "50"}),
    ],
)
def test_the_query_is_spelled_in_three_ways(spelling: Any, query: dict[str, str]) -> None:
    assert list_query(spelling, "p1", 2, 50) == query


@pytest.mark.parametrize(
    ("echo", "asked", "expected"),
    [
        ({"page_no": 2, "page_size": 7}, (2, 7), True),
        ({"page_no": 1, "page_size": 10}, (2, 7), False),
        ({"page_no": 2, "page_size": 5}, (2, 7), False),
        ({"page_no": 3, "page_size": 50}, (3, 100), True),
        ({"page_no": 3, "page_size": 200}, (3, 100), False),
        ({"page_no": None, "page_size": None}, (2, 7), True),
        ({"page_no": None, "page_size": None}, (2, 0), False),
    ],
)
def test_an_answer_belongs_to_the_page_whose_number_and_size_it_echoes(
    echo: dict[str, Any], asked: tuple[int, int], expected: bool
) -> None:
    assert understood(decode_page(page(**echo)), *asked) is expected


def test_functions_are_read() -> None:
    sent = b'[{"function_code":"open_door","function_name":"Open"},{"functionCode":"call","maxTimes":3}]'
    assert decode_functions(sent) == [Function("open_door", "Open"), Function("call", None, {"max_times": 3})]


def test_no_functions_are_none() -> None:
    assert decode_functions(b"null") == []


@pytest.mark.parametrize("result", [b'"x"', b"[1]", b'[{"name":"x"}]', b"[{"])
def test_functions_of_another_shape_are_refused(result: bytes) -> None:
    with pytest.raises(UnusableAnswer):
        decode_functions(result)


@given(
    st.fixed_dictionaries(
        {"device_id": st.just("d1")},
        optional={
            **{
                name: st.none() | st.text()
                for name in ("project_id", "cid", "device_name", "extend_data", "task_id", "uid")
            },
            "active_status": st.sampled_from([0, 1, "0", "1", "", None, "on", 7]),
            "create_time": st.none() | st.sampled_from(["", "soon"]) | st.integers(-(2**63), 2**63 - 1),
            "online_status": st.sampled_from([0, 1, "0", "1"]),
        },
    )
)
def test_the_documented_way_of_reading_and_the_tolerant_one_agree(item: dict[str, object]) -> None:
    raw = msgspec.json.encode(item)
    device = decode_device(raw)
    assert (device.item is None) == (item.get("active_status") in ("on", 7))
    assert device_facts(device) == device_facts(msgspec.structs.replace(device, item=None))


@given(st.lists(st.fixed_dictionaries(
    {"device_id": st.just("d1")},
    optional={
        **{name: st.none() | st.text() for name in ("project_id", "cid", "device_name", "uid", "task_id")},
        "active_status": st.sampled_from([0, 1, "0", "1", "", None]),
        "create_time": st.none() | st.sampled_from(["", "soon", "1700000000"]) | st.integers(-(2**63), 2**63 - 1)
        | st.integers(10**11, 10**13),
    },
), min_size=1, max_size=5))  # fmt: skip
def test_many_read_together_are_what_each_is_alone(items: list[dict[str, object]]) -> None:
    devices = [decode_device(msgspec.json.encode(item)) for item in items]
    alone = [device_facts(device) for device in devices]
    try:
        together = facts_by_column([device.item for device in devices if device.item])
    except ValueError:
        assert any(each.extra and "create_time" in each.extra for each in alone)
        return
    created = list(FACTS).index("created_at")
    together[created] = [utc(value) if type(value) is int else value for value in together[created]]
    expected = [(*(None if fact is ABSENT else fact for fact in each.facts), each.extra) for each in alone]
    assert list(zip(*together, strict=True)) == expected


@pytest.mark.parametrize(("online", "offline"), [("1", "0"), ('"1"', '"0"'), ("true", "false"), ('"true"', '"false"')])
@pytest.mark.parametrize("name", ["online_status", "onlineStatus"])
def test_the_digest_leaves_out_the_presence_and_nothing_else(name: str, online: str, offline: str) -> None:
    def digest(value: str, device_name: str = "x") -> bytes:
        return decode_device(f'{{"device_id":"d","{name}": {value},"device_name":"{device_name}"}}'.encode()).digest

    assert digest(online) == digest(offline)
    assert digest(offline) != digest(offline, "y")
    (listed,) = decode_page(f'{{"list":[{{"device_id":"d","{name}":{offline},"uid":"u"}}]}}'.encode()).devices
    assert listed.digest == decode_device(f'{{"device_id":"d","{name}":{online},"uid":"u"}}'.encode()).digest


def test_times_of_a_page_stay_milliseconds_where_all_are() -> None:
    assert times([1_690_000_000_123, 1_690_000_000_124]) == [1_690_000_000_123, 1_690_000_000_124]
    assert times([1_690_000_000_123, None]) == [utc(1_690_000_000_123), None]
    assert times([1_690_000_000_123, 1_690_000_000]) == [utc(1_690_000_000_123), utc(1_690_000_000)]
    with pytest.raises(ValueError, match="is not a time"):
        times([1_690_000_000_123, 0])


@given(st.integers(100_000_000_000, 8_000_000_000_000))
def test_milliseconds_are_read_exactly(milliseconds: int) -> None:
    assert utc(milliseconds) == EPOCH + timedelta(milliseconds=milliseconds)


def test_single_names_in_camel_case_are_read_as_the_documented_ones() -> None:
    facts, extra = device_facts(
        decode_device(b'{"device_id":"d1","extendData":"{\\"pin\\":1}","deviceName":"x","cid":"c","Cid":"y"}')
    )
    named = dict(zip(FACTS, facts, strict=True))
    assert (named["extend_data"], named["device_name"], named["cid"]) == ('{"pin":1}', "x", "c")
    assert extra == {"Cid": "y"}
