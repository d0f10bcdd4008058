"""JSON that is not quite JSON is read by one set of rules."""

import msgspec
import pytest

from tuyahouse.json_text import DEEPEST, decode, mended, read


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('\ufeff{"a": 1}', {"a": 1}),
        (b'{"a": "x\xff"}', {"a": "x\ufffd"}),
        (rb'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (rb'{"a": "\udc00\ud83d\ude00\\ud83d"}', {"a": "\ufffd😀\\ud83d"}),
        (b'{"a": "\xed\xa0\xbd"}', {"a": "\ufffd"}),
        (b'{"a": NaN, "b": [-Infinity, Infinity]}', {"a": "NaN", "b": ["-Infinity", "Infinity"]}),
        (b'{"a": 1e999, "b": -1E999, "c": "NaN 1e999"}', {"a": "1e999", "b": "-1E999", "c": "NaN 1e999"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[1000000000000000000000000000001]", [1000000000000000000000000000001]),
        (b"[9223372036854775807, 1.10, 1.5]", [9223372036854775807, "1.10", 1.5]),
        (b"[%s]" % (b"9" * 5000), ["9" * 5000]),
        (b'["a\nb\x00"]', ["a\nb\x00"]),
    ],
)
def test_what_strict_readers_refuse_is_mended(sent, value):
    assert decode(sent) == value


def test_what_is_nested_too_deeply_becomes_text_and_its_neighbours_stay():
    deep = "[" * 3000 + "]" * 3000
    found = decode(f'{{"before": 1, "deep": {deep}, "after": {{"b": NaN}}}}')
    assert (found["before"], found["after"]) == (1, {"b": "NaN"})
    value = found["deep"]
    for _ in range(DEEPEST - 1):
        (value,) = value
    inside = 3000 - (DEEPEST - 1)
    assert value == "[" * inside + "]" * inside


@pytest.mark.parametrize("sent", [b"", b"<html>", b'{"a": ', b'{"a": "x', b"nan", b'{"a": \xff}', b"[" * 3000])
def test_what_is_no_json_stays_none(sent):
    with pytest.raises(msgspec.DecodeError):
        decode(sent)


def test_another_shape_is_another_shape_and_not_mended():
    with pytest.raises(msgspec.ValidationError):
        read(msgspec.json.Decoder(list[int]).decode, b'["a"]')


def test_what_is_json_already_stays_as_it_is():
    sent = '{"a": [1, 2.50, "x \\u00e9 é"], "b": {"c": null}}'
    assert mended(sent) == sent.encode()
