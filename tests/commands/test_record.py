"""A command record as Tuya sends it."""

from datetime import UTC, datetime

import pytest

from tuyahouse.cloud.calls.command_records import CommandRecord, decode_record
from tuyahouse.cloud.errors import UnusableAnswer

AT = datetime(2020, 6, 9, 8, 54, 53, tzinfo=UTC)


def test_the_documented_record_is_read() -> None:
    result = (
        b'{"sn":"1212581947449081856","device_id":"002dj00118fe34d9 ","process_status":2,'
        b'"message":"The command is sent","happen_time":1591692893000}'
    )
    assert decode_record(result, "1212581947449081856") == CommandRecord(
        "1212581947449081856", "002dj00118fe34d9", 2, "The command is sent", AT, None
    )


def test_a_record_in_camel_case_with_a_time_in_seconds_and_numbers_for_text_is_read() -> None:
    result = b'{"sn":1212581947449081856,"deviceId":"d","processStatus":"3","happenTime":1591692893,"data_flag":2}'
    assert decode_record(result, "1212581947449081856") == CommandRecord(
        "1212581947449081856", "d", 3, None, AT, {"data_flag": 2}
    )


def test_a_status_that_no_page_names_is_kept() -> None:
    assert decode_record(b'{"process_status":9,"happen_time":1591692893}', "1").process_status == 9  # type: ignore[union-attr]


def test_a_time_that_is_none_is_kept_as_sent() -> None:
    record = decode_record(b'{"process_status":1,"happen_time":"now"}', "1")
    assert record and (record.happened_at, record.extra) == (None, {"happen_time": "now"})


@pytest.mark.parametrize("result", [b"", b"null", b"{}", b"[]"])
def test_nothing_says_that_there_is_no_such_record(result: bytes) -> None:
    assert decode_record(result, "1") is None


@pytest.mark.parametrize("result", [b'"x"', b"[1]", b'{"sn":"1"}', b'{"sn":"2","process_status":1}', b'{"sn":'])
def test_a_record_of_another_shape_or_another_command_is_refused(result: bytes) -> None:
    with pytest.raises(UnusableAnswer):
        decode_record(result, "1")
