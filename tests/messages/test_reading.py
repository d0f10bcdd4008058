"""A message from payload to verdict, whatever it holds."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import samples
from tests.messages.fuzz import fuzz
from tests.messages.sealing import ACCESS_KEY, ecb, envelope_a, gcm, sealed
from tuyahouse.messages.reading import MessageReader, Reading

NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)


def read(payload: bytes, mode: str | None = None, now: datetime = NOW) -> Reading:
    return MessageReader(ACCESS_KEY).read(payload, mode, now)


def reason(reading: Reading) -> str:
    assert reading.error is not None
    return reading.error.reason


@pytest.mark.parametrize("name", samples.ALL)
def test_each_documented_format_lands(name: str) -> None:
    reading = read(sealed(samples.ALL[name]))
    assert (reading.verdict, reading.event.format) == ("landed", name)


def test_a_cipher_changed_in_mid_stream_is_followed_message_by_message() -> None:
    reader = MessageReader(ACCESS_KEY)
    plain = json.dumps(samples.ONLINE).encode()
    sent = [(ecb(plain), None), (gcm(plain), "aes_gcm"), (ecb(plain), None), (gcm(plain), "aes_gcm")]
    verdicts = [reader.read(envelope_a(text), mode, NOW).verdict for text, mode in sent]
    assert verdicts == ["landed"] * 4


def test_an_unknown_format_is_kept() -> None:
    assert read(sealed({"bizCode": "somethingNew"})).verdict == "unknown"


def test_a_message_under_another_key_is_dead_but_keeps_its_envelope() -> None:
    reading = read(sealed(samples.ONLINE, access_key="another000000secret000000000000b"))
    assert (reading.verdict, reason(reading)) == ("dead", "bad_padding")
    assert reading.sealed is not None and reading.sealed.envelope == "A"


def test_a_broken_inner_json_is_dead() -> None:
    assert reason(read(sealed(samples.BROKEN_UNBIND))) == "broken_json"


def test_a_presence_far_in_the_future_is_dead_because_it_would_hold_for_ever() -> None:
    ahead = int((NOW + timedelta(days=2)).timestamp() * 1000)
    assert reason(read(sealed({**samples.ONLINE, "bizData": {"time": ahead}}))) == "clock_in_future"


def test_a_clock_some_hours_ahead_is_believed() -> None:
    ahead = int((NOW + timedelta(hours=23)).timestamp() * 1000)
    assert read(sealed({**samples.ONLINE, "bizData": {"time": ahead}})).verdict == "landed"


def test_a_device_event_from_the_future_is_kept_as_the_device_said() -> None:
    status = [{"code": "c", "t": 4_000_000_000_000, "value": "v"}]
    assert read(sealed({"devId": "d", "dataId": "x", "status": status})).verdict == "landed"


def test_five_megabytes_are_read() -> None:
    status = [{"code": "c", "t": 1790000000, "value": "x" * 3_700_000}]
    assert read(sealed({"devId": "d", "dataId": "x", "status": status})).verdict == "landed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([
    "bizCode", "bizData", "devId", "productKey", "ts", "uuid", "dataId", "status", "code", "t", "value", "sn",
    "processStatus", "happenTime", "dataFlag", "mode", "data", "eventType", "deviceId", "encryptPayload",
    "encryptType", "sign", "v", "protocol", "pv", "126"
])  # fmt: skip
WORDS = st.sampled_from([
    "bindUser", "cmdIssueResult", "online", "offline", "delete", "edge_device", "activate_device",
    "cmd_issue_result", "dev_online_status", "edge_report_data", "device-unbind", "gateway-unbind",
    "HighPriorityNotice", "pulsar_backlog_notice"
])  # fmt: skip
TUYAS = st.dictionaries(NAMES, JSON | WORDS | st.dictionaries(NAMES, JSON | WORDS) | st.just("{}"), max_size=8)


@given(st.binary(max_size=300), st.sampled_from([None, "", "aes_ecb", "aes_gcm", "other"]))
def test_no_payload_raises(payload: bytes, mode: str | None) -> None:
    assert read(payload, mode).verdict == "dead"


@given(TUYAS)
def test_no_envelope_raises(fields: dict[str, Any]) -> None:
    assert read(json.dumps(fields).encode()).verdict in ("dead", "unknown", "landed")


@given(TUYAS | JSON)
def test_no_plain_text_of_any_shape_raises(plain: Any) -> None:
    assert read(sealed(json.dumps(plain).encode())).verdict in ("dead", "unknown", "landed")


@given(st.sampled_from(list(samples.ALL.values())), st.data())
def test_no_documented_format_with_one_value_replaced_raises(message: dict[str, Any], data: st.DataObject) -> None:
    changed = dict(message)
    changed[data.draw(st.sampled_from(list(changed)))] = data.draw(JSON | WORDS)
    assert read(sealed(changed)).verdict in ("dead", "unknown", "landed")


@given(st.sampled_from(list(samples.ALL.values())), st.data())
def test_no_message_cut_short_or_changed_on_the_way_raises(message: dict[str, Any], data: st.DataObject) -> None:
    payload = bytearray(sealed(message))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(payload[: data.draw(st.integers(0, len(payload)))])
    assert read(cut).verdict in ("dead", "unknown", "landed")


def test_padding_without_text_is_dead() -> None:
    assert reason(read(envelope_a("===="))) == "bad_base64"


@pytest.mark.parametrize("layer", ["bizData", "envelope", "value"])
def test_no_depth_of_nesting_raises(layer: str) -> None:
    for depth in (*range(900, 1010), 5_000, 100_000):
        deep = b"[" * depth + b"]" * depth
        if layer == "envelope":
            payload = b'{"data":"x","sign":"s","odd":' + deep + b"}"
        elif layer == "value":
            payload = sealed(b'{"devId":"d","status":[{"code":"c","t":1,"value":' + deep + b"}]}")
        else:
            payload = sealed(
                b'{"bizCode":"online","devId":"d","ts":1,"bizData":{"time":1790000000,"odd":' + deep + b"}}"
            )
        assert read(payload).verdict in ("dead", "landed")


@pytest.mark.fuzz
def test_damaged_messages_are_read_without_an_exception() -> None:
    count = int(os.environ.get("TUYAHOUSE_TEST_FUZZ", "10000"))
    met = fuzz(count, seed=7)
    assert met.total() == count
    assert met["landed"] + met["unknown"] < 0.3 * count < met["broken_json"]


@pytest.mark.parametrize(
    "plain",
    [
        b'\xef\xbb\xbf{"bizCode":"online","devId":"d","bizData":{"time":1790000000}}',
        b'{"bizCode":"online","devId":"d","bizData":{"time":1790000000,"rssi":NaN}}',
        b'{"bizCode":"online","devId":"d","bizData":{"time":1790000000,"uid":"\xc3\x28"}}',
    ],
)
def test_a_message_that_no_strict_reader_takes_is_mended_as_answers_are(plain: bytes) -> None:
    assert read(sealed(plain)).verdict == "landed"
