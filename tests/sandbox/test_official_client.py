"""Tuya's own Python client, unchanged, works against the sandbox."""

from collections.abc import Iterator

import pytest
from tuya_connector import TuyaOpenAPI

from tests.support.sandbox import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[TuyaOpenAPI]:
    account = sandbox.account
    api = TuyaOpenAPI(sandbox.url, account.client_id, account.client_secret.get_secret_value())
    api.connect()
    yield api
    api.session.close()


def test_it_gets_a_token(client: TuyaOpenAPI) -> None:
    assert client.is_connect()


def test_it_refreshes_its_token_when_the_end_is_near(client: TuyaOpenAPI, sandbox: Sandbox) -> None:
    before, token = sandbox.control("stats")["tokens"].get("refreshes", 0), client.token_info.access_token
    client.token_info.expire_time = 0
    answer = client.post("/v2.0/pms/production/login/token/get", {"username": "operator"})
    assert answer["success"] is True
    assert client.token_info.access_token != token
    assert sandbox.control("stats")["tokens"]["refreshes"] == before + 1


def test_it_posts_a_body(client: TuyaOpenAPI) -> None:
    answer = client.post("/v2.0/pms/production/login/token/get", {"username": "operator"})
    assert set(answer["result"]) == {"publicKey", "token"}


def test_it_gets_a_list_with_a_query(client: TuyaOpenAPI) -> None:
    query = {"project_id": "north-hall", "page_no": 1, "page_size": 5}
    assert len(client.get("/v1.0/expand/devices", query)["result"]["list"]) == 5
