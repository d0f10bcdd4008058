"""The client against an in-process Tuya: retries, faults, and writes that are never sent twice."""

import asyncio

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey

from tests.cloud.fake_tuya import CLIENT_SECRET, FLOWS, refused
from tuyahouse.cloud.calls.pms import SN_FLOWS
from tuyahouse.cloud.client import Endpoint
from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    BudgetReached,
    ClockWrong,
    ConfigurationWrong,
    ItemRefused,
    NotFound,
    PassingFault,
    QuotaExhausted,
    UnusableAnswer,
)

DEVICES = Endpoint("GET", "/v1.0/expand/devices")
OPEN_DOOR = Endpoint("POST", "/v1.0/doors/{device_id}/open", idempotent=False)
DOOR = "/v1.0/doors/d1/open"
GRANT = "/v1.0/token"


async def ask(client):
    return await client.call(SN_FLOWS, body={"sn": "YZCB04ZZR00001"})


def html(status=200):
    return httpx.Response(status, content=b"<html>Bad Gateway</html>")


def not_connected():
    key = ConnectionKey("tuya.invalid", 443, True, True, None, None, None)
    return aiohttp.ClientConnectorError(key, OSError(111, "refused"))


async def test_the_body_is_sent_in_its_shortest_form(open_client, tuya):
    async with open_client() as client:
        await ask(client)
    assert tuya.requests[-1].content == b'{"sn":"YZCB04ZZR00001"}'
    assert tuya.requests[-1].headers["content-type"] == "application/json"


async def test_the_language_of_texts_is_a_setting(open_client, tuya):
    async with open_client(language="zh") as client:
        await ask(client)
    assert tuya.requests[-1].headers["lang"] == "zh"


async def test_a_query_is_sent_sorted_and_encoded_and_signed_decoded(open_client, tuya):
    async with open_client() as client:
        await client.call(DEVICES, query={"page_size": "50", "page_no": "1", "ids": "a,b c&d"})
    assert tuya.requests[-1].url.query == b"ids=a%2Cb%20c%26d&page_no=1&page_size=50"
    assert client.failures == 0


async def test_path_values_are_sent_encoded_and_signed_decoded(open_client, tuya):
    order = Endpoint("POST", "/v1.0/orders/{order_code}")
    async with open_client() as client:
        await client.call(order, path={"order_code": "A/1 ü"})
    assert tuya.requests[-1].url.raw_path == b"/v1.0/orders/A%2F1%20%C3%BC"
    assert client.failures == 0


@pytest.mark.parametrize(
    "fault",
    [
        refused(500),
        html(),
        html(502),
        httpx.Response(200, content=b'{"success":tr'),
        TimeoutError(),
        aiohttp.ClientPayloadError(),
    ],
    ids=["busy", "HTML", "502", "cut JSON", "time-out", "cut"],
)
async def test_passing_faults_are_tried_again(open_client, tuya, fault):
    tuya.plan(FLOWS, fault)
    async with open_client() as client:
        await ask(client)
    assert tuya.calls[FLOWS] == 2 and (client.calls, client.failures) == (5, 1)


@pytest.mark.parametrize("fault", [refused(1110), refused(1111), refused(1113), refused(1199), html(429)])
async def test_throttle_answers_are_retried_and_ledgered(open_client, tuya, slots, fault):
    tuya.plan(FLOWS, fault)
    async with open_client() as client:
        await ask(client)
    assert slots.throttles["factory", SN_FLOWS.name] == 1 and tuya.calls[FLOWS] == 2


async def test_tries_are_limited_by_the_setting_and_the_last_error_is_raised(open_client, tuya):
    tuya.plan(FLOWS, refused(500), refused(500), html(503))
    async with open_client(attempts=3) as client:
        with pytest.raises(PassingFault) as caught:
            await ask(client)
    assert tuya.calls[FLOWS] == 3 and caught.value.code == "HTTP 503"


async def test_one_attempt_means_one(open_client, tuya):
    tuya.plan(FLOWS, refused(500))
    async with open_client(attempts=1) as client:
        with pytest.raises(PassingFault):
            await ask(client)
    assert tuya.calls[FLOWS] == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(1109), ItemRefused),
        (refused("production_order_not_existed"), NotFound),
        (refused(28841004), QuotaExhausted),
        (refused(28841107), ConfigurationWrong),
        (refused(987), ItemRefused),
        (httpx.Response(200, content=b"[1]"), UnusableAnswer),
        (html(405), ItemRefused),
    ],
)
async def test_other_errors_are_not_tried_again(open_client, tuya, answer, kind):
    tuya.plan(FLOWS, answer)
    async with open_client() as client:
        with pytest.raises(kind):
            await ask(client)
    assert tuya.calls[FLOWS] == 1


async def test_a_dead_token_is_replaced_and_the_call_repeated(open_client, tuya):
    async with open_client() as client:
        await ask(client)
        tuya.kill_tokens()
        await ask(client)
    assert tuya.calls[FLOWS] == 3


async def test_a_token_refused_twice_ends_the_call(open_client, tuya):
    tuya.plan(FLOWS, refused(1010), refused(1010))
    async with open_client() as client:
        with pytest.raises(AuthenticationRefused, match="Another program"):
            await ask(client)
    assert tuya.calls[FLOWS] == 2


async def test_a_hundred_calls_that_meet_a_dead_token_cost_one_login(open_client, tuya):
    async with open_client() as client:
        await ask(client)
        logins = tuya.calls["/v2.0/pms/production/user/login"] + tuya.calls["/v1.0/token/"]
        tuya.kill_tokens()
        await asyncio.gather(*(ask(client) for _ in range(100)))
    assert tuya.calls["/v2.0/pms/production/user/login"] + tuya.calls["/v1.0/token/"] == logins + 1


async def test_a_clock_that_is_ten_minutes_off_is_corrected_and_reported(open_client, tuya):
    tuya.ahead = 600
    async with open_client() as client:
        await ask(client)
    assert client.clock.offset_seconds == pytest.approx(600)
    assert tuya.calls[GRANT] == 2


async def test_a_time_that_is_refused_however_it_is_set_ends_in_words(open_client, tuya):
    tuya.plan(FLOWS, refused(1013, t=1_900_000_000_000), refused(1013, t=1_700_000_000_000))
    async with open_client() as client:
        with pytest.raises(ClockWrong, match="NTP"):
            await ask(client)


@pytest.mark.parametrize("fault", [TimeoutError(), aiohttp.ServerDisconnectedError(), refused(500), html(502)])
async def test_what_may_have_been_carried_out_is_not_done_again(open_client, tuya, fault):
    tuya.plan(DOOR, fault)
    async with open_client() as client:
        with pytest.raises(PassingFault):
            await client.call(OPEN_DOOR, path={"device_id": "d1"})
    assert tuya.calls[DOOR] == 1


@pytest.mark.parametrize("refusal", [refused(1010), refused(1110), html(429), not_connected()])
async def test_what_was_clearly_not_carried_out_is_done_again(open_client, tuya, refusal):
    tuya.plan(DOOR, refusal)
    async with open_client() as client:
        await client.call(OPEN_DOOR, path={"device_id": "d1"})
    assert tuya.calls[DOOR] == 2


async def test_an_answer_that_does_not_come_is_waited_for_as_long_as_set(open_client, tuya):
    async def never():
        await asyncio.sleep(3600)

    tuya.before[FLOWS] = never
    async with open_client(timeout_seconds=0.05, attempts=1) as client:
        with pytest.raises(PassingFault, match=r"not answered within 0\.05 seconds.*__TIMEOUT_SECONDS"):
            await ask(client)


async def test_calls_are_ledgered_by_endpoint(open_client, slots):
    async with open_client() as client:
        for _ in range(3):
            await ask(client)
    assert slots.calls == {
        ("factory", "GET /v1.0/token"): 1,
        ("factory", "POST /v2.0/pms/production/login/token/get"): 1,
        ("factory", "POST /v2.0/pms/production/user/login"): 1,
        ("factory", "POST /v1.0/pms/station/sn/flows/get"): 3,
    }


async def test_the_months_calls_end_a_run_before_a_call_is_made(open_client, tuya):
    async with open_client(monthly_calls=70) as client:
        with pytest.raises(BudgetReached, match="MONTHLY_CALLS"):
            for _ in range(100):
                await ask(client)
    assert tuya.calls.total() <= 70


async def test_no_error_shows_a_secret(open_client, tuya, tokens):
    seen = []
    faults = [
        refused(1004),
        html(502),
        TimeoutError(),
        aiohttp.ServerDisconnectedError(),
        not_connected(),
        refused(1106),
    ]
    async with open_client(attempts=1) as client:
        await ask(client)
        for fault in faults:
            tuya.plan(FLOWS, fault)
            with pytest.raises(Exception) as caught:
                await ask(client)
            seen.append(f"{caught.value} {caught.value!r} {vars(caught.value)}")
    secrets = [CLIENT_SECRET, tokens.read("factory", "pms").access, tokens.read("factory", "platform").access]
    assert len(seen) == len(faults) and not [text for text in seen for secret in secrets if secret in text]


async def test_no_connection_says_where_to_and_what_to_check(open_client, tuya):
    tuya.plan(GRANT, *[not_connected()] * 100)
    async with open_client() as client:
        with pytest.raises(
            PassingFault, match=r"no connection to tuya\.invalid.*TUYAHOUSE_ACCOUNTS__FACTORY__(REGION|BASE_URL)"
        ):
            await ask(client)
