"""The calls that write, against the sandbox: what it holds afterwards, in every shape that Tuya's answers have."""

from datetime import UTC, datetime, timedelta
from hashlib import md5

import pytest

from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.calls.authorization import (
    accounts_named,
    add_permission,
    authorize,
    get_ticket,
    read_account,
    read_accounts,
)
from tuyahouse.cloud.calls.command_records import RECORD, decode_record
from tuyahouse.cloud.calls.device_commands import ACTIONS, ActionError, command, send_command
from tuyahouse.cloud.calls.device_functions import get_function_pool, get_functions, set_functions
from tuyahouse.cloud.calls.persons import add_person, remove_person
from tuyahouse.cloud.calls.users import put_user
from tuyahouse.cloud.calls.visual_tokens import VisualDevice, expiry, issue_visual_tokens
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, PassingFault, TuyaError, UnusableAnswer
from tuyahouse.cloud.pace.pacer import MemorySlotStore
from tuyahouse.redaction import SECRETS

SHAPES = [
    {},
    {"authorization_answers": "plain", "strings_as": "object"},
    {"account_list": "wrapped", "totals_as": "text"},
    {"account_list": "wrapped", "account_query": "body"},
    {"account_query": "body", "other_spelling": "ignore", "totals_as": "text"},
]


@pytest.fixture
def cloud(factory):
    """The shared sandbox with these options."""
    return lambda **options: factory.reset(day=3, **options)


def client(sandbox, **changes):
    account = sandbox.account.model_copy(update={"calls_per_second": 0.0, **changes})
    return TuyaClient.open(account, MemoryTokenStore(), MemorySlotStore())


def held(sandbox):
    return sandbox.control("access")


def device_of(sandbox, product_type="wf_znmj"):
    return next(d for d in sandbox.lines("truth/devices") if d["product_type"] == product_type)


# ------------------------------------------------------------------------------------------------------- authorization


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_account_is_authorized_found_given_rooms_and_a_ticket_in_every_shape(cloud, shape):
    sandbox = cloud(**shape)
    project, rooms = next(iter(held(sandbox)["rooms"].items()))
    async with client(sandbox) as tuya:
        uid = await authorize(tuya, "isv", nick_name="Integrator")
        found = await accounts_named(tuya, "isv")
        await add_permission(tuya, uid, project, rooms[:2])
        ticket = await get_ticket(tuya, "isv")
    account = next(a for a in held(sandbox)["accounts"] if a["loginName"] == "isv")
    assert [(a.uid, a.nick_name) for a in found] == [(uid, "Integrator")] and account["uid"] == uid
    assert account["permissions"] == {project: rooms[:2]}
    assert held(sandbox)["tickets"] == [uid] and ticket in sandbox.control("secrets")
    assert SECRETS.text(f"?{ticket}") == "?***"


@pytest.mark.parametrize("shape", SHAPES)
async def test_all_accounts_are_read_once_in_every_shape(cloud, shape):
    sandbox = cloud(authorized_accounts=23, **shape)
    async with client(sandbox) as tuya:
        pages = [page async for page in read_accounts(tuya, page_size=5)]
    last = pages[-5:]
    assert [len(page.accounts) for page in last] == [5, 5, 5, 5, 3] and {page.total for page in pages} == {23}
    assert {a.uid for page in last for a in page.accounts} == {a["uid"] for a in held(sandbox)["accounts"]}


async def test_names_that_only_contain_the_one_looked_for_are_not_taken_for_it(cloud):
    sandbox = cloud()
    async with client(sandbox) as tuya:
        for name in ("isv-2", "old-isv"):
            await authorize(tuya, name)
        assert await accounts_named(tuya, "isv") == []


async def test_room_ids_keep_their_nineteen_digits_and_an_unknown_room_is_refused(cloud):
    sandbox = cloud()
    project, rooms = next(iter(held(sandbox)["rooms"].items()))
    async with client(sandbox) as tuya:
        uid = await authorize(tuya, "isv")
        with pytest.raises(ItemRefused, match="40001900"):
            await add_permission(tuya, uid, project, [str(int(rooms[0]) + 999)])
        await add_permission(tuya, uid, project, rooms[:1])
    assert next(a for a in held(sandbox)["accounts"] if a["uid"] == uid)["permissions"] == {project: rooms[:1]}


def test_an_item_of_the_list_keeps_what_no_page_names():
    item = {
        "uid": 1420922162969059328,
        "loginName": "isv",
        "adminId": 9007199254740993,
        "page": 1,
        "pageSize": 5,
        "x": 1,
    }
    account = read_account(item)
    assert (account.uid, account.admin_id, account.extra) == ("1420922162969059328", "9007199254740993", {"x": 1})
    assert read_account({"loginName": "isv"}) is None and read_account("isv") is None


# ------------------------------------------------------------------------------------ users, persons and their devices


async def test_a_user_is_put_with_the_md5_of_the_password_and_keeps_its_uid(cloud):
    sandbox = cloud()
    password = "Pa55-word-of-Ann"
    async with client(sandbox) as tuya:
        ann = {"username": "ann@example.com", "password": password, "country_code": "49", "username_type": "email"}
        uid = await put_user(tuya, "sandboxapp", **ann)
        assert await put_user(tuya, "sandboxapp", **ann, nick_name="Ann") == uid
    user = held(sandbox)["users"][0]
    assert (user["uid"], user["username_type"], user["nick_name"]) == (uid, 2, "Ann")
    assert user["password"] == md5(password.encode()).hexdigest()
    assert SECRETS.text(f"{password} {user['password']}") == "*** ***"


async def test_a_person_is_added_and_removed(cloud):
    sandbox = cloud()
    device = device_of(sandbox)["device_id"]
    async with client(sandbox) as tuya:
        await add_person(tuya, device, "p1")
        assert held(sandbox)["persons"] == {device: ["p1"]}
        await remove_person(tuya, device, "p1")
        with pytest.raises(TuyaError, match="2010"):
            await add_person(tuya, "nobody", "p1")
    assert held(sandbox)["persons"] == {}


async def test_functions_are_set_within_the_pool_and_read_back(cloud):
    sandbox = cloud()
    device = device_of(sandbox)["device_id"]
    async with client(sandbox) as tuya:
        pool = [each.function_code for each in await get_function_pool(tuya, device)]
        await set_functions(tuya, device, pool[:2])
        assert [each.function_code for each in await get_functions(tuya, device)] == pool[:2]
        with pytest.raises(ItemRefused, match="1109"):
            await set_functions(tuya, device, ["fly"])
    assert held(sandbox)["functions"] == {device: pool[:2]}


# ------------------------------------------------------------------------------------------------------------ commands


async def test_a_door_is_opened_and_the_record_has_the_number_of_the_answer(cloud):
    sandbox = cloud()
    device = device_of(sandbox)["device_id"]
    async with client(sandbox) as tuya:
        [sn] = await send_command(tuya, command("open_door", device, "p1"))
        record = decode_record((await tuya.call(RECORD, path={"sn": sn})).result, sn)
    assert (record.command_sn, record.device_id, record.process_status) == (sn, device, 1)
    sent = held(sandbox)["sent"]
    assert [(each["sn"], each["device_id"], each["person_id"]) for each in sent] == [(sn, device, "p1")]


KINDS = {"access": "wf_znmj", "elevator": "wf_dtkz", "intrusion": "wf_wg", "parking": "wf_cddz", "iot-02": "wf_znmj"}
ARGUMENTS = {
    "card_no": "c1",
    "qrCode": "q1",
    "face_id": "f1",
    "authorizationId": "a1",
    "car_id": 1420922162969059328,
    "areaId": "1",
    "armed": False,
    "by_pass": True,
    "person_list": [{"person_id": "p1"}, {"person_id": "p2"}],
    "person_id_list": ["p1"],
    "qrcodeList": [{"qr_code": "q1"}],
}


@pytest.mark.parametrize("name", ACTIONS)
async def test_every_action_that_can_be_chosen_is_sent_and_answers_a_number(cloud, name):
    sandbox = cloud()
    kind = next(product for part, product in KINDS.items() if f"/{part}" in ACTIONS[name].endpoint.path)
    device = device_of(sandbox, kind)["device_id"]
    async with client(sandbox) as tuya:
        numbers = await send_command(tuya, command(name, device, "p1", ARGUMENTS))
    sent = held(sandbox)["sent"]
    assert sorted(numbers) == sorted(each["sn"] for each in sent) and numbers
    path = ACTIONS[name].endpoint.path
    assert {each["call"].split()[0] for each in sent} == {ACTIONS[name].endpoint.method}
    assert {name: sent[0][name] for name in sent[0] if f"{{{name}}}" in path}["device_id"] == device


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("dance", "d"), "There is no action 'dance'. There are: open_door, call_elevator"),
        (("open_door", "d"), "open_door needs a person_id"),
        (("open_door", "", "p"), "open_door needs a device_id"),
        (("add_door_card", "d", "p"), "add_door_card needs the argument card_no"),
        (("add_door_card", "d", "p", {"card_no": ["c"]}), "add_door_card needs the argument card_no: a text"),
        (("arm_perimeter", "d", "", {"area_id": "1"}), "arm_perimeter needs the argument armed"),
        (("add_door_persons", "d", "", {"person_list": []}), "add_door_persons needs the argument person_list"),
        (("add_door_persons", "d", "", {"person_list": "p"}), "must be a list"),
    ],
)
def test_a_command_that_lacks_something_is_refused_before_it_is_sent(asked, words):
    with pytest.raises(ActionError, match=words):
        command(*asked)


async def test_a_command_whose_answer_is_cut_is_sent_once(cloud):
    sandbox = cloud()
    device = device_of(sandbox)["device_id"]
    async with client(sandbox) as tuya:
        await tuya.sign_in("platform")
        sandbox.control("faults", {"cut": 1})
        with pytest.raises(PassingFault) as raised:
            await send_command(tuya, command("open_door", device, "p1"))
    assert raised.value.reached and len(held(sandbox)["sent"]) == 1


# ------------------------------------------------------------------------------------------------------- visual tokens

VISUAL_SHAPES = [
    {},
    {"visual_payload": "result"},
    {"visual_spelling": "capitalised"},
    {"visual_spelling": "capitalised", "visual_payload": "result", "visual_expire": "milliseconds"},
    {"visual_tokens": "opaque"},
    {"visual_tokens": "opaque", "visual_expire": "milliseconds"},
]


def login(sandbox):
    account = sandbox.account
    return account.visual_username, account.visual_password.get_secret_value()


def visual(sandbox, count):
    return [VisualDevice(d["product_id"], d["visual_name"]) for d in sandbox.lines("truth/devices")[:count]]


@pytest.mark.parametrize("shape", VISUAL_SHAPES)
async def test_each_device_gets_its_own_token_and_when_it_ends_in_every_shape(cloud, shape):
    sandbox = cloud(**shape)
    devices, nobody = visual(sandbox, 3), VisualDevice("nothing", "nowhere")
    async with client(sandbox) as tuya:
        before = datetime.now(UTC)
        found = await issue_visual_tokens(tuya, *login(sandbox), [*devices, nobody])
    assert set(found) == set(devices)
    issued = {(each["productKey"], each["deviceName"]): each["expires_at"] for each in held(sandbox)["visual_tokens"]}
    known = sandbox.control("secrets")
    for device, token in found.items():
        assert token.token in known and SECRETS.text(token.token) == "***"
        assert abs(token.expires_at.timestamp() - issued[device]) <= 2
        assert timedelta(minutes=59) < token.expires_at - before < timedelta(minutes=61)


async def test_a_refused_visual_login_is_refused_in_words(cloud):
    sandbox = cloud()
    async with client(sandbox) as tuya:
        with pytest.raises(ItemRefused, match="the user name or the password is wrong"):
            await issue_visual_tokens(tuya, "visual-operator", "another-password", visual(sandbox, 1))


async def test_a_visual_login_without_an_address_says_what_to_set(cloud):
    sandbox = cloud()
    async with client(sandbox, visual_base_url="") as tuya:
        with pytest.raises(ConfigurationWrong, match="Set TUYAHOUSE_ACCOUNTS__DEMO__VISUAL_BASE_URL"):
            await issue_visual_tokens(tuya, *login(sandbox), visual(sandbox, 1))
        with pytest.raises(ConfigurationWrong) as raised:
            await issue_visual_tokens(tuya, *login(sandbox), visual(sandbox, 1))
    assert not raised.value.reached


async def test_a_visual_server_that_does_not_answer_is_named_with_its_own_setting(cloud):
    sandbox = cloud()
    async with client(sandbox, visual_base_url="http://127.0.0.1:9", attempts=1) as tuya:
        with pytest.raises(
            PassingFault, match=r"127\.0\.0\.1:9\. Check the network, .* and TUYAHOUSE_ACCOUNTS__DEMO__VISUAL"
        ):
            await issue_visual_tokens(tuya, *login(sandbox), visual(sandbox, 1))


async def test_an_answer_with_tokens_of_another_shape_is_not_quoted(cloud):
    sandbox = cloud()
    async with client(sandbox) as tuya:
        await tuya.sign_in("platform")
        sandbox.control("faults", {"shape": 1})
        with pytest.raises(UnusableAnswer) as raised:
            for _ in range(8):
                await issue_visual_tokens(tuya, *login(sandbox), visual(sandbox, 1))
    assert raised.value.raw == b"" and not [s for s in sandbox.control("secrets") if s in str(raised.value)]


AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3OTA1OTY4MDAsImV4cCI6MTc5MDY4MzIwMH0.c2ln"


@pytest.mark.parametrize(
    ("token", "expire", "ends"),
    [
        (JWT, 3600, datetime.fromtimestamp(1790683200, UTC)),
        (JWT, None, datetime.fromtimestamp(1790683200, UTC)),
        ("x.y.z", 3600, AT + timedelta(hours=1)),
        ("opaque", 3600, AT + timedelta(hours=1)),
        ("opaque", "3600", AT + timedelta(hours=1)),
        ("opaque", 86400, AT + timedelta(days=1)),
        ("opaque", 3_600_000, AT + timedelta(hours=1)),
        ("opaque", 86_400_000, AT + timedelta(days=1)),
        ("opaque", 1790683200, datetime.fromtimestamp(1790683200, UTC)),
        ("opaque", 1790683200000, datetime.fromtimestamp(1790683200, UTC)),
        ("opaque", None, None),
        ("opaque", 0, None),
        ("opaque", -5, None),
        ("opaque", "soon", None),
        ("opaque", 10**30, None),
    ],
)
def test_a_token_ends_by_its_own_word_else_by_the_magnitude_of_what_is_announced(token, expire, ends):
    assert expiry(token, expire, AT) == ends


async def test_a_visual_server_without_tls_is_warned_of_by_its_own_setting(cloud, caplog):
    async with client(cloud(), visual_base_url="http://visual.example.com"):
        pass
    assert "TUYAHOUSE_ACCOUNTS__DEMO__VISUAL_BASE_URL is http: tokens and data go to visual.example.com" in caplog.text
