"""Eleven documented formats to rows, and the traps known of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.messages import samples
from tuyahouse.messages.errors import UnreadableMessage
from tuyahouse.messages.formats.events import read_event
from tuyahouse.messages.formats.facts import BacklogNotice, Binding, CommandObservation, DeviceEvent, Event, Presence

PUSHED = datetime(2026, 9, 21, 14, 13, 20, 999000, tzinfo=UTC)


def event(message: dict[str, Any] | str, pushed_at: datetime | None = PUSHED) -> Event:
    return read_event((message if isinstance(message, str) else json.dumps(message)).encode(), pushed_at)


def only(message: dict[str, Any] | str) -> Any:
    (fact,) = event(message).facts
    return fact


def refused(message: dict[str, Any] | str, pushed_at: datetime | None = PUSHED) -> str:
    with pytest.raises(UnreadableMessage) as error:
        event(message, pushed_at)
    return error.value.reason


def with_data(message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A copy with other business data, whatever the family."""
    if "bizData" in message:
        return {**message, "bizData": {**message["bizData"], **fields}}
    return {**message, "data": json.dumps({**json.loads(message["data"]), **fields})}


def time(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("name", samples.ALL)
def test_each_documented_format_is_recognised_by_name_without_drift(name: str) -> None:
    read = event(samples.ALL[name])
    assert (read.format, len(read.facts), read.drift) == (name, 1, ())


def test_bind_user_tells_a_binding() -> None:
    assert only(samples.BIND_USER) == Binding(
        device_id="6c0f9f75942945886b01",
        event="bound",
        happened_at=time(2021, 11, 19, 3, 33, 30, 795000),
        uid="bay1617693984346001",
        owner_id="34060001",
        project_id="abc1230002",
        gateway_id="6c8508b09c431549fa01",
        cid="abc1230001",
        device_uuid="45106581bdee0001",
        device_name="Tuya Third-party Industry Device",
        product_type="wf_znmj",
        product_id="hipg3mmwafxc0001",
        extra=None,
    )


def test_delete_tells_an_unbinding() -> None:
    assert only(samples.DELETE) == Binding(
        device_id="6c0f9f75942945886b01",
        event="unbound",
        happened_at=time(2021, 11, 19, 6, 24, 42, 416000),
        uid="bay1617693984346001",
        owner_id="34060001",
        device_uuid="45106581bdee0001",
        product_id="hipg3mmwafxc0001",
    )


def test_cmd_issue_result_tells_an_observation_with_the_number_as_text() -> None:
    assert only(samples.COMMAND_RESULT) == CommandObservation(
        command_sn="1461537485292310001",
        process_status=3,
        happened_at=time(2021, 11, 19, 3, 31, 5, 335000),
        device_id="6ce23ee0de009667c001",
        message="success",
        data_flag=2,
        biz_id=None,
        cmd_biz_type=None,
        data="{}",
        extra=None,
    )


def test_online_tells_a_presence() -> None:
    assert only(samples.ONLINE) == Presence(
        "6c0b7b2ac7b6c1eb5e01", time(2021, 11, 18, 6, 13, 22, 196000), True, "bay161769398434001", None
    )


def test_offline_tells_an_absence() -> None:
    assert only(samples.OFFLINE).online is False


def test_a_device_event_tells_its_value_as_text_and_its_data_point() -> None:
    assert only(samples.DEVICE_EVENT) == DeviceEvent(
        device_id="6cac703763f7653deb01",
        code="event_pass",
        happened_at=time(2021, 11, 22, 2, 37, 10, 455000),
        data_id="AAXRV4BrtW9BRB9A2JYW0001",
        value=samples.PASS_VALUE,
        dp_id="126",
        product_id="iyktmr3hd2qp0001",
        extra=None,
    )


def test_activate_device_tells_a_binding_at_the_time_of_its_envelope() -> None:
    fact = only(samples.ACTIVATE_DEVICE)
    assert (fact.event, fact.device_id, fact.happened_at) == ("bound", "002dj00118fe34d90001", PUSHED)
    assert (fact.cid, fact.product_id) == ("1207592360012230001", "0vbrvxonnjsxi001")


def test_activate_device_keeps_what_has_no_column_in_extra() -> None:
    assert only(samples.ACTIVATE_DEVICE).extra == {
        "deviceIp": "192.168.16.111",
        "macAddress": "00-55-52-24-01-65",
        "supplierCode": "tuya",
        "installLocation": "East Entrance",
        "activeStatus": 1,
        "onlineStatus": 1,
        "createTime": 1591693362843,
    }


def test_v1_command_result_tells_an_observation_with_the_id_trimmed() -> None:
    fact = only(samples.V1_COMMAND_RESULT)
    assert (fact.command_sn, fact.device_id, fact.process_status) == (
        "1212581947449081856",
        "002dj00118fe34d90001",
        2,
    )


def test_dev_online_status_tells_a_presence() -> None:
    assert only(samples.V1_STATUS) == Presence(
        "6c280fdff93c18e45ben6i", time(2021, 1, 21, 9, 27, 8, 433000), True, None, None
    )


def test_device_unbind_tells_an_unbinding_at_the_time_of_its_envelope() -> None:
    assert only(samples.DEVICE_UNBIND) == Binding("002dj00118fe34d90001", "unbound", PUSHED)


def test_gateway_unbind_tells_the_gateway_unbound() -> None:
    assert only(samples.GATEWAY_UNBIND) == Binding("002dj00118fe34d90001", "gateway_unbound", PUSHED)


def test_the_printed_unbind_sample_is_broken_json() -> None:
    assert refused(samples.BROKEN_UNBIND) == "broken_json"


def test_both_families_tell_the_same_command_under_the_same_key() -> None:
    facts = [
        only(with_data(samples.COMMAND_RESULT, sn=1212581947449081857, processStatus=4, happenTime=1637292665335)),
        only(
            with_data(samples.V1_COMMAND_RESULT, sn="1212581947449081857", processStatus=4, happenTime="1637292665335")
        ),
    ]
    assert len({(f.command_sn, f.process_status, f.happened_at) for f in facts}) == 1


def test_both_families_tell_the_same_presence_under_the_same_key() -> None:
    facts = [
        only({**samples.ONLINE, "devId": "dev1", "bizData": {"time": 1790000000}}),
        only(with_data(samples.V1_STATUS, deviceId="dev1 ", happenTime=1790000000000)),
    ]
    assert len({(f.device_id, f.happened_at, f.online) for f in facts}) == 1


def test_neighbouring_19_digit_numbers_stay_apart() -> None:
    numbers = [only(with_data(samples.COMMAND_RESULT, sn=1461537485292310000 + n)).command_sn for n in range(3)]
    assert numbers == ["1461537485292310000", "1461537485292310001", "1461537485292310002"]


def test_a_19_digit_project_id_without_quotes_is_text() -> None:
    assert only(with_data(samples.BIND_USER, projectId=1212581947449081857)).project_id == "1212581947449081857"


def test_a_decimal_that_a_float_would_change_stays_text() -> None:
    message = json.dumps(with_data(samples.ONLINE, weight=0)).replace('"weight": 0', '"weight": 1461537485292310001.25')
    assert only(message).extra == {"weight": "1461537485292310001.25"}


@pytest.mark.parametrize("status", [5, 9, 0, -1, "3"])
def test_any_whole_number_is_kept_as_a_status(status: int | str) -> None:
    assert only(with_data(samples.COMMAND_RESULT, processStatus=status)).process_status == int(status)


@pytest.mark.parametrize("status", [None, "done", 3.5, True, 2**31, [3]])
def test_a_status_that_is_no_whole_number_is_refused(status: Any) -> None:
    assert refused(with_data(samples.COMMAND_RESULT, processStatus=status)) in ("missing_field", "wrong_shape")


@pytest.mark.parametrize("sent", [1790000000, "1790000000", 1790000000000, "1790000000000", 1790000000000000])
def test_a_time_is_read_by_its_magnitude(sent: int | str) -> None:
    assert only(with_data(samples.ONLINE, time=sent)).happened_at == time(2026, 9, 21, 14, 13, 20)


@pytest.mark.parametrize("sent", ["1.790000000456E12", "1790000000456.0", '"1.790000000456e12"'])
def test_a_time_written_as_a_decimal_is_read_if_it_is_whole(sent: str) -> None:
    text = json.dumps(with_data(samples.ONLINE, time="TIME")).replace('"TIME"', sent)
    assert only(text).happened_at == datetime(2026, 9, 21, 14, 13, 20, 456000, tzinfo=UTC)


@pytest.mark.parametrize(
    "sent", ["soon", "1e400", "nan", "-inf", -5.0, 1e300, -5, 10**20, 1790000000.5, {"s": 1}, [1], True, "9" * 30]
)
def test_a_time_that_is_none_is_refused(sent: Any) -> None:
    assert refused(with_data(samples.ONLINE, time=sent)) == "bad_time"


def test_an_online_message_without_its_own_time_happened_at_ts() -> None:
    assert only({**samples.ONLINE, "bizData": {}}).happened_at == time(2021, 11, 18, 6, 13, 22, 224000)


def test_an_unbinding_without_any_time_is_refused() -> None:
    assert refused(samples.DEVICE_UNBIND, pushed_at=None) == "bad_time"


def test_a_missing_device_id_is_refused() -> None:
    assert refused({**samples.ONLINE, "devId": "  "}) == "missing_field"


def test_an_id_too_long_to_be_a_key_is_refused() -> None:
    assert refused({**samples.ONLINE, "devId": "x" * 256}) == "wrong_shape"


def test_an_id_that_fills_a_database_index_with_its_bytes_is_refused() -> None:
    assert refused({**samples.ONLINE, "devId": "\U0001f642" * 255}) == "wrong_shape"
    assert only({**samples.ONLINE, "devId": "門" * 255}).device_id == "門" * 255


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (r"T\ud83d", "T\ufffd"),
        (r"\udc00\ud83d\ude00\uD83D", "\ufffd\U0001f600\ufffd"),
        (r"\\ud83d\ud83d", "\\ud83d\ufffd"),
        ("raw \ud83d half", "raw \ufffd half"),
    ],
)
def test_half_a_character_does_not_cost_the_message(sent: str, kept: str) -> None:
    text = json.dumps(with_data(samples.BIND_USER, deviceName="NAME"), separators=(",", ":")).replace("NAME", sent)
    read = read_event(text.encode("utf-8", "surrogatepass"), PUSHED)
    assert read.facts[0].device_name == kept  # type: ignore[union-attr]


def test_half_a_character_in_nested_json_does_not_cost_the_message() -> None:
    message = {**samples.ACTIVATE_DEVICE, "data": r'{"deviceId":"d","deviceName":"T\ud83d"}'}
    assert only(message).device_name == "T\ufffd"


def test_business_data_inside_a_text_is_read_too() -> None:
    assert only({**samples.ONLINE, "bizData": '{"uid":"u","time":1790000000}'}).uid == "u"


def test_data_that_is_an_object_is_read_too() -> None:
    assert only({**samples.V1_STATUS, "data": {"deviceId": "d", "status": 0, "happenTime": 1}}).online is False


def test_business_data_of_another_kind_is_refused() -> None:
    assert refused({**samples.ONLINE, "bizData": [1]}) == "wrong_shape"


def test_undocumented_fields_are_kept_and_reported() -> None:
    read = event({**with_data(samples.ONLINE, ip="10.0.0.1"), "region": {"code": "eu"}})
    assert read.facts[0].extra == {"ip": "10.0.0.1", "region": {"code": "eu"}}  # type: ignore[union-attr]
    assert read.drift == (("ip", "10.0.0.1"), ("region", '{"code":"eu"}'))


def test_the_sample_of_an_undocumented_field_is_cut() -> None:
    assert event(with_data(samples.ONLINE, blob="x" * 5000)).drift == (("blob", "x" * 200),)


def test_data_used_as_names_of_fields_is_kept_and_reported_in_part() -> None:
    read = event(with_data(samples.ONLINE, **{f"{n}" * 300: n for n in range(1000, 3000)}))
    assert len(read.facts[0].extra) == 2000  # type: ignore[union-attr, arg-type]
    assert len(read.drift) == 100 and max(len(name) for name, _ in read.drift) < 100


@pytest.mark.parametrize(
    "message",
    [
        {"bizCode": "devicePropertyMessage", "bizData": {}},
        {"bizCode": 7},
        {"anything": "else"},
        {"bizCode": "edge_device", "eventType": "edge_upgrade", "data": "no json"},
        {"bizCode": "edge_device", "eventType": "edge_report_data", "data": '{"mode":"alarm","data":"no json"}'},
        {"bizCode": "edge_device", "eventType": "dev_online_status", "data": '{"deviceId":"d","status":7}'},
    ],
)
def test_what_is_not_known_is_kept_as_unknown(message: dict[str, Any]) -> None:
    assert event(message) == Event("unknown")


@pytest.mark.parametrize("sent", ["[]", "1", '"text"', "null"])
def test_a_plain_text_that_is_no_object_is_refused(sent: str) -> None:
    assert refused(sent) == "wrong_shape"


@pytest.mark.parametrize(
    ("value", "kept"), [(True, "true"), (21.5, "21.5"), ({"a": 1}, '{"a":1}'), (" x ", " x "), (None, None), (7, "7")]
)
def test_a_value_of_any_json_type_is_kept_as_text(value: Any, kept: str | None) -> None:
    assert only({"devId": "d", "status": [{"code": "c", "t": 1, "value": value}]}).value == kept


def test_without_a_data_id_the_value_tells_reports_apart() -> None:
    items = [{"code": "c", "t": 1790000000, "value": value} for value in ("1", "2", "1")]
    ids = [fact.data_id for fact in event({"devId": "d", "status": items}).facts]  # type: ignore[union-attr]
    assert ids[0] == ids[2] != ids[1]


def test_a_data_point_without_a_code_is_known_by_its_number() -> None:
    fact = only({"devId": "d", "dataId": "x", "status": [{"20": "on", "t": 1790000000}]})
    assert (fact.code, fact.dp_id, fact.value) == ("20", "20", "on")


def test_one_report_with_several_values_is_several_events() -> None:
    items = [{"code": f"c{n}", "t": 1790000000, "value": "v"} for n in range(3)]
    assert len(event({"devId": "d", "dataId": "x", "status": items}).facts) == 3


def test_values_of_one_code_and_time_in_one_report_do_not_hide_each_other() -> None:
    items = [{"code": "c", "t": 1790000000, "value": value} for value in ("1", "2", "1", "3")]
    values = [(f.data_id, f.value) for f in event({"devId": "d", "dataId": "x", "status": items}).facts]  # type: ignore[union-attr]
    assert values == [("x", "1"), ("x#2", "2"), ("x", "1"), ("x#3", "3")]


@pytest.mark.parametrize("status", [5, "x", {}, [1]])
def test_a_status_list_of_a_wrong_shape_is_refused(status: Any) -> None:
    assert refused({"devId": "d", "status": status}) == "wrong_shape"


@pytest.mark.parametrize(
    "message",
    [
        {"bizCode": "HighPriorityNotice", "bizData": {"eventType": "pulsar_backlog_notice"}, "ts": 1790000000999},
        {"bizCode": "HighPriorityNotice", "eventType": "pulsar_backlog_notice", "ts": "unclear"},
        {"bizCode": "pulsar_backlog_notice"},
    ],
)
def test_a_backlog_notice_is_recognised_wherever_it_names_itself(message: dict[str, Any]) -> None:
    assert event(message) == Event("pulsar_backlog_notice", (BacklogNotice(PUSHED),))
