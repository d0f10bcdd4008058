"""How an account proves itself to the message endpoints."""

import json

from tests.messages.sealing import ACCESS_ID, ACCESS_KEY
from tuyahouse.messages.sources.credentials import auth1, cut_for_basic, message_password


def test_the_password_vector() -> None:
    assert message_password(ACCESS_ID, ACCESS_KEY) == "47f5b8720a9763bf"


def test_joined_by_a_colon_the_two_parts_are_the_json_object() -> None:
    name, password = cut_for_basic(auth1(ACCESS_ID, ACCESS_KEY))
    assert json.loads(f"{name}:{password}") == {"username": "testaccessid00000000", "password": "47f5b8720a9763bf"}


def test_an_access_id_with_a_quote_and_a_colon_still_makes_json() -> None:
    name, password = cut_for_basic(auth1('a":b', ACCESS_KEY))
    assert json.loads(f"{name}:{password}")["username"] == 'a":b'
