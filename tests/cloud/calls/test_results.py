"""Results of calls that write, literally as Tuya's pages and samples print them."""

from typing import Any

import msgspec
import pytest

from tuyahouse.cloud.calls.authorization import ADD_PERMISSION, AUTHORIZE, TICKET
from tuyahouse.cloud.calls.device_commands import ACTIONS
from tuyahouse.cloud.calls.results import confirm, folded, one_text
from tuyahouse.cloud.errors import ItemRefused, UnusableAnswer
from tuyahouse.cloud.http.answer import Answer


def answered(result: bytes) -> Answer:
    return Answer(msgspec.Raw(result), b'{"result":' + result + b"}", None, "t1")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (b'"ay1575258560846OO4lC"', "ay1575258560846OO4lC"),
        (b'{"uid":"ay1575258560846OO4lC"}', "ay1575258560846OO4lC"),
        (b'{"Uid":"ay1575258560846OO4lC"}', "ay1575258560846OO4lC"),
        (b'{"user_id":"ay1"}', "ay1"),
        (b'" ay1 "', "ay1"),
        (b"1420922162969059328", "1420922162969059328"),
        (b'{"uid":1420922162969059328}', "1420922162969059328"),
    ],
)
def test_a_text_is_read_bare_or_inside_an_object(result: bytes, text: str) -> None:
    assert one_text(answered(result), AUTHORIZE, ("uid", "userId")) == text


@pytest.mark.parametrize(
    "result", [b'""', b"null", b"true", b"[]", b'["ay1"]', b"{}", b'{"uid":{}}', b'{"id":"x"}', b"{"]
)
def test_a_result_without_the_text_is_refused_and_quoted_only_where_it_holds_no_secret(result: bytes) -> None:
    with pytest.raises(UnusableAnswer) as refused:
        one_text(answered(result), AUTHORIZE, ("uid", "userId"))
    assert result in refused.value.raw and "dead letter" not in str(refused.value)
    with pytest.raises(UnusableAnswer) as secret:
        one_text(answered(b'{"tocket":"12hjklgew2gtywgwxsdgw"}'), TICKET, ("ticket",))
    assert secret.value.raw == b"" and "12hjklgew2gtywgwxsdgw" not in str(secret.value)


@pytest.mark.parametrize("result", [b"true", b'"true"', b'"True"', b"1", b"null", b"{}"])
def test_yes_and_nothing_are_taken_for_yes(result: bytes) -> None:
    confirm(answered(result), ADD_PERMISSION)


@pytest.mark.parametrize(("result", "kind"), [(b"false", ItemRefused), (b'"false"', ItemRefused), (b"0", ItemRefused)])
def test_no_inside_an_answer_that_succeeded_is_a_refusal(result: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="answered with false"):
        confirm(answered(result), ADD_PERMISSION)


@pytest.mark.parametrize("result", [b'"maybe"', b"[]", b"7", b'{"x":1}'])
def test_what_is_neither_is_unusable(result: bytes) -> None:
    with pytest.raises(UnusableAnswer, match="neither true nor false"):
        confirm(answered(result), ADD_PERMISSION)


@pytest.mark.parametrize("item", [{"productKey": 1}, {"product_key": 1}, {"ProductKey": 1}])
def test_names_are_the_same_in_every_spelling(item: dict[str, Any]) -> None:
    assert folded(item) == {"productkey": 1}


def test_no_command_is_repeated_by_the_client() -> None:
    assert [name for name, action in ACTIONS.items() if action.endpoint.idempotent] == []
