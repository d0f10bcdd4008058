"""Tuya's own Python client, unchanged, works against the sandbox."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from hashlib import md5
from typing import Any

import pytest
from tuya_connector import TuyaOpenAPI

from tests.support.sandbox import Sandbox
from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.calls.authorization import accounts_named, add_permission, authorize, get_ticket
from tuyahouse.cloud.calls.device_commands import command, send_command
from tuyahouse.cloud.calls.device_functions import get_functions, set_functions
from tuyahouse.cloud.calls.persons import add_person, remove_person
from tuyahouse.cloud.calls.users import put_user
from tuyahouse.cloud.calls.visual_tokens import VisualDevice, issue_visual_tokens
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.pace.pacer import MemorySlotStore


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


# ------------------------------------------------------------------------------------------------------ the same calls


def a_device(sandbox: Sandbox, product_type: str = "wf_znmj") -> Any:
    return next(d for d in sandbox.lines("truth/devices") if d["product_type"] == product_type)


def account_of_ours(sandbox: Sandbox) -> AbstractAsyncContextManager[TuyaClient]:
    account = sandbox.account.model_copy(update={"calls_per_second": 0.0})
    return TuyaClient.open(account, MemoryTokenStore(), MemorySlotStore())


async def test_it_authorizes_an_account_as_ours_does(client: TuyaOpenAPI, sandbox: Sandbox) -> None:
    body = {"username": "both", "nickName": "Both", "countryCode": "86"}
    theirs = client.post("/v1.0/industry/auth/admin", body)["result"]
    listed = client.get("/v1.0/illumination/account/list", {"loginName": "both", "page": 1, "pageSize": 50})
    project, rooms = next(iter(sandbox.control("access")["rooms"].items()))
    permission = {"projectId": project, "tuyaUid": theirs, "roomIdList": rooms}
    assert client.post("/v1.0/illumination/account/permission/add", permission)["result"] is True
    ticket = client.post("/v1.0/industry/auth/ticket", {"username": "both", "countryCode": "86"})["result"]
    client.connect()
    async with account_of_ours(sandbox) as ours:
        assert await authorize(ours, "both", nick_name="Both") == theirs
        assert [a.uid for a in await accounts_named(ours, "both")] == [theirs] == [row["uid"] for row in listed["list"]]
        await add_permission(ours, theirs, project, rooms)
        other = await get_ticket(ours, "both")
    assert {ticket, other} <= set(sandbox.control("secrets")) and sandbox.control("access")["tickets"] == [theirs] * 2


async def test_it_puts_a_user_and_persons_as_ours_does(client: TuyaOpenAPI, sandbox: Sandbox) -> None:
    device = a_device(sandbox)["device_id"]
    password = md5(b"a-password-of-both").hexdigest()
    body = {"country_code": "86", "username": "both", "password": password, "username_type": 3}
    uid = client.post("/v1.0/apps/sandboxapp/user", body)["result"]["uid"]
    before = sandbox.control("access")["users"]
    added = client.post(f"/v1.0/expand/spaces/{device}/persons/{uid}")["result"]
    assert (added, sandbox.control("access")["persons"]) == ({"person_id": uid, "device_id": device}, {device: [uid]})
    assert client.delete(f"/v1.0/expand/spaces/{device}/persons/{uid}")["success"] is True
    async with account_of_ours(sandbox) as ours:
        same = {"username": "both", "password": "a-password-of-both", "country_code": "86"}
        assert await put_user(ours, "sandboxapp", **same) == uid
        assert sandbox.control("access")["users"] == before
        await add_person(ours, device, uid)
        assert sandbox.control("access")["persons"] == {device: [uid]}
        await remove_person(ours, device, uid)
    assert sandbox.control("access")["persons"] == {}


async def test_it_sets_functions_and_opens_a_door_as_ours_does(client: TuyaOpenAPI, sandbox: Sandbox) -> None:
    device = a_device(sandbox)
    target, codes = f"/v1.0/expand/devices/{device['device_id']}/functions", device["function_pool"][:2]
    assert client.put(target, {"function_code_list": codes})["result"] is True
    theirs = client.post(f"/v1.0/access-control/{device['device_id']}/persons/p1/actions/open")["result"]["sn"]
    read = [item["function_code"] for item in client.get(target)["result"]]
    async with account_of_ours(sandbox) as ours:
        assert [f.function_code for f in await get_functions(ours, device["device_id"])] == codes == read
        await set_functions(ours, device["device_id"], codes)
        [sn] = await send_command(ours, command("open_door", device["device_id"], "p1"))
    sent = sandbox.control("access")["sent"]
    assert [each["sn"] for each in sent] == [theirs, sn]
    assert {**sent[0], "sn": ""} == {**sent[1], "sn": ""}


async def test_it_logs_in_for_visual_tokens_as_ours_does(client: TuyaOpenAPI, sandbox: Sandbox) -> None:
    device, account = a_device(sandbox), sandbox.account
    name = {"productKey": device["product_id"], "deviceName": device["visual_name"]}
    username, password = account.visual_username, account.visual_password.get_secret_value()
    body = {"userName": username, "password": password, "deviceList": [name]}
    [theirs] = client.post("/v1.0/openapi/visual/d/user/login", body)["data"]["deviceVisualTokenList"]
    async with account_of_ours(sandbox) as ours:
        [[key, token]] = (await issue_visual_tokens(ours, username, password, [VisualDevice(*name.values())])).items()
    assert tuple(key) == (theirs["productKey"], theirs["deviceName"])
    assert {theirs["visualToken"], token.token} <= set(sandbox.control("secrets"))
