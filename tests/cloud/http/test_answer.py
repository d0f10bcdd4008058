"""Envelopes as Tuya's pages print them, and answers without one."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.cloud.errors import ItemRefused, PassingFault, Throttled, TuyaError, UnusableAnswer
from tuyahouse.cloud.http.answer import MOST_VALUES, Answer, read_answer


def read(body, status=200, **options):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(status, data, endpoint="POST /x", account="factory", **options)


def test_a_result_is_kept_as_the_bytes_that_were_sent():
    answer, _ = read(b'{"result": {"id":1234567890123456789 } ,"success":true,"t":1616551774002,"tid":"ab"}')
    assert bytes(answer.result) == b'{"id":1234567890123456789 }'
    assert (answer.t_ms, answer.tid) == (1616551774002, "ab")


class Shape(msgspec.Struct):
    total: int


def test_a_result_that_has_the_shape_of_its_endpoint_is_decoded_with_its_envelope():
    answer, t_ms = read(b'{"success":true,"result":{"total":3,"more":[1]},"t":1616551774,"tid":"ab"}', shape=Shape)
    assert (answer.shaped, answer.t_ms, t_ms, answer.tid) == (Shape(3), 1616551774000, 1616551774000, "ab")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"success":true,"result":{"total":"3"},"t":1616551774000}', 200),
        (b'{"success":"true","result":{"total":3},"t":1616551774000}', 200),
        (b'{"success":true,"result":{"total":3},"t":"1616551774000"}', 200),
        (b'{"success":true,"t":1616551774000}', 200),
        (b'{"success":false,"code":1110,"msg":"frequency","t":1616551774000}', 200),
        (b'{"success":true,"result":{"total":3},"t":1616551774000}', 502),
        (b'{"success":true,"result":{"total":3},"t":16165', 200),
        (b"<html>", 200),
    ],
)
def test_an_answer_that_has_not_that_shape_is_what_it_is_without_one(body, status):
    shaped, plain = read(body, status, shape=Shape), read(body, status)
    assert told(*shaped) == told(*plain)


def told(outcome, t_ms):
    if isinstance(outcome, Answer):
        return bytes(outcome.result), outcome.shaped, outcome.t_ms, outcome.tid, t_ms
    return repr(outcome), t_ms


@pytest.mark.parametrize("success", [True, "true", "TRUE", 1, "1"])
def test_success_is_read_in_all_its_spellings(success):
    assert isinstance(read({"success": success, "result": []})[0], Answer)


@pytest.mark.parametrize("success", [False, "false", 0, "0", ""])
def test_failure_is_read_in_all_its_spellings(success):
    assert isinstance(read({"success": success, "code": 1109, "msg": "param is illegal"})[0], ItemRefused)


@pytest.mark.parametrize("t", [1616551774, "1616551774", 1616551774000, "1616551774000", 1616551774000.0])
def test_time_is_read_with_10_and_13_digits_as_number_and_text(t):
    assert read({"success": True, "t": t})[1] == 1616551774000


def test_a_time_that_is_none_is_none():
    assert read({"success": True, "t": "yesterday"})[1] is None


def test_data_stands_in_for_result():
    answer, _ = read({"success": True, "data": {"a": 1}})
    assert json.loads(bytes(answer.result)) == {"a": 1}


def test_no_result_is_null():
    assert bytes(read({"success": True})[0].result) == b"null"


@pytest.mark.parametrize("key", ["code", "Code"])
def test_code_is_read_with_a_capital_too(key):
    assert read({"success": False, key: "1109"})[0].code == "1109"


@pytest.mark.parametrize("key", ["msg", "mes"])
def test_the_text_is_read_under_both_its_names(key):
    assert read({"success": False, "code": 1109, key: "bad"})[0].msg == "bad"


def test_a_refusal_without_success_is_one_by_its_code():
    assert isinstance(read({"code": 1109, "msg": "bad"})[0], ItemRefused)


def test_unknown_fields_of_the_envelope_are_no_reason_to_refuse_it():
    assert isinstance(read({"success": True, "result": 1, "sign": None, "new": {}})[0], Answer)


@pytest.mark.parametrize("body", [b"[]", b"3", b'"text"', b'{"success":[]}', b'{"success":true,"tid":5}'])
def test_json_of_another_shape_is_unusable_and_keeps_its_bytes(body):
    error, _ = read(body)
    assert isinstance(error, UnusableAnswer) and error.raw == body


def test_an_object_that_says_neither_success_nor_code_is_unusable():
    assert isinstance(read({"total": 3, "list": []})[0], UnusableAnswer)


def test_an_endpoint_known_to_answer_without_envelope_may():
    answer, _ = read(b'{"total":3,"list":[]}', bare=True)
    assert bytes(answer.result) == b'{"total":3,"list":[]}'


def test_an_unusable_answer_that_may_hold_a_token_keeps_no_bytes():
    assert read(b'{"access_token":"s3cret"}', secret=True)[0].raw == b""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html>Bad</html>", "HTML instead of JSON"),
        (b'{"success":true,"result":[{"sn":"YZ', "JSON that is cut off or broken"),
        (b"", "an empty body"),
        (b"upstream timed out", "something that is not JSON"),
    ],
)
def test_what_is_not_json_is_a_passing_fault_in_words(body, words):
    error, _ = read(body)
    assert isinstance(error, PassingFault)
    assert words in str(error) and "TUYAHOUSE_ACCOUNTS__FACTORY__BASE_URL" in str(error)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 403, 302])
def test_other_statuses_without_envelope_are_passing_faults(status):
    error, _ = read(b"<html>", status)
    assert isinstance(error, PassingFault) and error.code == f"HTTP {status}"


def test_429_is_a_throttle_answer():
    assert isinstance(read(b"slow down", 429)[0], Throttled)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_call_that_is_not_offered_is_not_repeated(status):
    assert isinstance(read(b"<html>", status)[0], ItemRefused)


def test_an_envelope_counts_more_than_the_status_around_it():
    assert read({"success": False, "code": 1109}, 400)[0].code == "1109"


@given(st.binary(), st.integers(200, 599))
def test_any_bytes_end_in_an_answer_or_an_error(body, status):
    outcome, _ = read_answer(status, body)
    assert isinstance(outcome, Answer | TuyaError)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_ends_in_an_answer_or_an_error(value):
    outcome, _ = read_answer(200, json.dumps({"success": True, "result": value}).encode())
    assert isinstance(outcome, Answer) and json.loads(bytes(outcome.result)) == value


def test_an_envelope_whose_names_begin_with_capitals_is_read() -> None:
    answer, t_ms = read_answer(200, b'{"Success":true,"Msg":null,"T":1737621418759,"Data":{"Rows":[]}}')
    assert isinstance(answer, Answer) and (bytes(answer.result), t_ms) == (b'{"Rows":[]}', 1737621418759)
    refused, _ = read_answer(200, b'{"Success":false,"Msg":"wrong password","T":1737621418759}')
    assert isinstance(refused, ItemRefused) and refused.msg == "wrong password"


@pytest.mark.parametrize("status", [200, 404, 502])
def test_what_is_no_json_is_kept_within_a_bound_but_not_where_it_could_hold_a_token(status):
    assert read(b"<html>We will be back</html>", status)[0].raw == b"<html>We will be back</html>"
    assert read(b"<html>We will be back</html>", status, secret=True)[0].raw == b""
    long = read(b"<html>" + b"x" * 1_000_000, status)[0].raw
    assert long.endswith(b"[cut here: 65,536 of 1,000,006 bytes are kept]") and len(long) < 70_000


def test_an_answer_of_more_values_than_memory_holds_is_refused_before_it_is_decoded():
    body = b'{"success":true,"result":[' + b"0," * MOST_VALUES + b"0]}"
    refused, _ = read(body)
    assert isinstance(refused, UnusableAnswer) and refused.raw.startswith(body[:65_536])
    assert refused.raw.endswith(b"[cut here: 65,536 of 4,000,029 bytes are kept]")
    assert "more than 2,000,000 values" in str(refused)
    refused, _ = read(body, secret=True)
    assert isinstance(refused, UnusableAnswer) and refused.raw == b""
