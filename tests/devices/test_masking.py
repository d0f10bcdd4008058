"""The vendors' own data may hold credentials: outside of ``device`` it is masked."""

import pytest

from tuyahouse.sync.devices.masking import masked, sample_of


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"extend_data":"{\\"password\\":\\"x\\"}","uid":"u"}', b'{"extend_data":"***","uid":"u"}'),
        (b"""{"extend_data": "{'password': 'x, y'}"}""", b'{"extend_data": "***"}'),
        (b'{"extend_data":null,"extendData":"secret"}', b'{"extend_data":"***","extendData":"***"}'),
        (b'{"list":[{"extend_data":"cut in the mid', b'{"list":[{"extend_data":"***"'),
        (b'{"device_name":"Gate"}', b'{"device_name":"Gate"}'),
    ],
)
def test_extend_data_is_masked_wherever_it_stands(sent: bytes, kept: bytes) -> None:
    assert masked(sent) == kept


def test_extend_data_sent_as_an_object_is_masked_to_its_end() -> None:
    assert b"secret" not in masked(b'{"extend_data":{"a":1,"password":"secret"},"uid":"u"}')


@pytest.mark.parametrize(("name", "shown"), [("extendData", '"***"'), ("Extend_Data", '"***"'), ("colour", '"red"')])
def test_a_sample_shows_nothing_of_extend_data_however_it_is_spelled(name: str, shown: str) -> None:
    assert sample_of(name, "red") == shown


def test_a_sample_is_cut() -> None:
    assert sample_of("colour", "r" * 999) == '"' + "r" * 199


def test_extend_data_inside_another_field_is_not_shown_either() -> None:
    assert sample_of("vendor", {"extend_data": "password", "a": 1}) == '{"extend_data":"***","a":1}'
