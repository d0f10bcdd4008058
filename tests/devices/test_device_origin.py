"""Answers to the question which serial number a device was made under."""

import pytest

from tuyahouse.cloud.calls.device_origin import decode_factory_infos, decode_sn, decode_sns, factory_infos_query
from tuyahouse.cloud.errors import UnusableAnswer


def test_devices_are_asked_in_one_query() -> None:
    assert factory_infos_query(["d1", "d2"]) == {"device_ids": "d1,d2"}


def test_factory_infos_name_the_serial_number_of_each_device_that_has_one() -> None:
    result = b'[{"id":"d1","uuid":"u","sn":"S1","mac":"m"},{"id":"d2","sn":""},{"id":"d3"}]'
    assert decode_factory_infos(result) == {"d1": "S1"}


@pytest.mark.parametrize(("result", "expected"), [(b'"S1"', "S1"), (b'""', None), (b"null", None), (b"17", "17")])
def test_one_serial_number_is_text(result: bytes, expected: str | None) -> None:
    assert decode_sn(result) == expected


@pytest.mark.parametrize("result", [b'["S1","S2"]', b'"S1,S2"'])
def test_serial_numbers_come_as_a_list_or_as_text(result: bytes) -> None:
    assert decode_sns(result) == ["S1", "S2"]


def test_no_serial_numbers_are_none() -> None:
    assert decode_sns(b"null") == []


@pytest.mark.parametrize("read", [decode_sns, decode_factory_infos])
def test_another_shape_is_refused(read: object) -> None:
    with pytest.raises(UnusableAnswer):
        read(b'{"a":1}')  # type: ignore[operator]
