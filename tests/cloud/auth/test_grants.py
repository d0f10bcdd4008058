"""How tokens are obtained: the platform's grant, the PMS pair within ten seconds, one refresh a day."""

import base64

import httpx
import pytest

from tests.cloud.fake_tuya import FLOWS, PMS_PASSWORD, PUBLIC_KEY, REFRESH, account, refused
from tuyahouse.cloud.auth.pms_login import encrypt_password
from tuyahouse.cloud.calls.pms import SN_FLOWS
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    ConfigurationWrong,
    PassingFault,
    QuotaExhausted,
    UnusableAnswer,
)

GRANT, LOGIN_TOKEN, LOGIN = (
    "/v1.0/token",
    "/v2.0/pms/production/login/token/get",
    "/v2.0/pms/production/user/login",
)
TWO_HOURS, DAY = 7200, 86400


async def ask(client):
    return await client.call(SN_FLOWS, body={"sn": "YZCB04ZZR00001"})


async def test_a_pms_call_logs_in_by_grant_login_token_and_login(open_client, tuya):
    async with open_client() as client:
        await ask(client)
    assert list(tuya.calls.items()) == [(GRANT, 1), (LOGIN_TOKEN, 1), (LOGIN, 1), (FLOWS, 1)]


async def test_a_token_ends_expire_time_after_the_answers_own_time(open_client, tuya, tokens, clock):
    tuya.ahead = 20
    async with open_client() as client:
        await ask(client)
    assert tokens.read("factory", "platform").expires_at == clock() + 20 + TWO_HOURS


async def test_expire_is_read_where_expire_time_is_not_sent(open_client, tuya, tokens, clock):
    result = {"access_token": "a", "refresh_token": "r", "expire": 600}
    tuya.plan(GRANT, {"success": True, "result": result})
    tuya.alive["a"] = clock() + 600
    async with open_client() as client:
        await ask(client)
    assert tokens.read("factory", "platform").expires_at == clock() + 600


async def test_a_pms_token_lives_two_hours_though_nothing_says_so(open_client, tokens, clock):
    async with open_client() as client:
        await ask(client)
    assert tokens.read("factory", "pms").expires_at == clock() + TWO_HOURS


async def test_a_pms_token_at_its_end_is_refreshed_once_a_day_and_logged_in_else(open_client, tuya, clock):
    steps = []
    async with open_client() as client:
        for _ in range(13):
            await ask(client)
            steps.append((tuya.calls[REFRESH], tuya.calls[LOGIN]))
            clock.time += TWO_HOURS
    assert steps == [(0, 1), *((1, n) for n in range(1, 13))]


async def test_the_next_day_it_is_refreshed_again(open_client, tuya, clock):
    async with open_client() as client:
        await ask(client)
        clock.time += TWO_HOURS
        await ask(client)
        clock.time += DAY
        await ask(client)
    assert (tuya.calls[REFRESH], tuya.calls[LOGIN]) == (2, 1)


async def test_another_process_does_not_refresh_a_second_time_that_day(open_client, tuya, clock):
    for _ in range(3):
        async with open_client() as client:
            await ask(client)
        clock.time += TWO_HOURS
    assert (tuya.calls[REFRESH], tuya.calls[LOGIN]) == (1, 2)


@pytest.mark.parametrize("refusal", [refused(1010, "token invalid"), refused(1109), refused("REFRESH_ONCE_A_DAY")])
async def test_a_refused_refresh_is_answered_by_a_login(open_client, tuya, clock, refusal):
    async with open_client() as client:
        await ask(client)
        tuya.plan(REFRESH, refusal)
        clock.time += TWO_HOURS
        await ask(client)
    assert (tuya.calls[REFRESH], tuya.calls[LOGIN]) == (1, 2)


async def test_a_refresh_is_not_tried_twice_when_the_login_after_it_meets_a_fault(open_client, tuya, clock):
    async with open_client() as client:
        await ask(client)
        tuya.plan(REFRESH, refused(1010))
        tuya.plan(LOGIN, TimeoutError())
        clock.time += TWO_HOURS
        await ask(client)
    assert (tuya.calls[REFRESH], tuya.calls[LOGIN_TOKEN], tuya.calls[LOGIN]) == (1, 3, 3)


async def test_a_login_that_came_late_is_repeated_with_a_new_login_token(open_client, tuya, clock):
    async def eleven_seconds_once():
        del tuya.before[LOGIN]
        clock.time += 11

    tuya.before[LOGIN] = eleven_seconds_once
    async with open_client() as client:
        await ask(client)
    assert (tuya.calls[GRANT], tuya.calls[LOGIN_TOKEN], tuya.calls[LOGIN]) == (1, 2, 2)


async def test_a_login_that_is_always_late_ends_in_words(open_client, tuya, clock):
    async def eleven_seconds():
        clock.time += 11

    tuya.before[LOGIN] = eleven_seconds
    async with open_client() as client:
        with pytest.raises(AuthenticationRefused, match="ten seconds"):
            await ask(client)
    assert tuya.calls[LOGIN] == 2


@pytest.mark.parametrize("where", [LOGIN_TOKEN, LOGIN])
async def test_a_platform_token_that_dies_during_the_pair_is_replaced_once(open_client, tuya, where):
    async def dies_once():
        del tuya.before[where]
        tuya.kill_tokens()

    tuya.before[where] = dies_once
    async with open_client() as client:
        await ask(client)
    assert (tuya.calls[GRANT], tuya.calls[FLOWS]) == (2, 1)


async def test_a_fault_in_the_pair_repeats_the_pair(open_client, tuya):
    tuya.plan(LOGIN, refused(500, "busy"))
    async with open_client() as client:
        await ask(client)
    assert (tuya.calls[LOGIN_TOKEN], tuya.calls[LOGIN]) == (2, 2)


async def test_a_wrong_password_names_its_setting(open_client):
    async with open_client(pms_password="wrong") as client:
        with pytest.raises(ConfigurationWrong, match="TUYAHOUSE_ACCOUNTS__FACTORY__PMS_PASSWORD") as caught:
            await ask(client)
    assert caught.value.code == "THE_PASSWORD_ERROR"


async def test_an_unknown_user_names_its_setting(open_client, tuya):
    tuya.plan(LOGIN_TOKEN, refused("THE_USER_NOT_EXISTED", "user not existed"))
    async with open_client() as client:
        with pytest.raises(ConfigurationWrong, match="TUYAHOUSE_ACCOUNTS__FACTORY__PMS_USERNAME"):
            await ask(client)


async def test_a_wrong_secret_shows_in_the_token_call(open_client, tuya, clock, tokens, slots):
    wrong = account().model_copy(update={"client_secret": type(account().client_secret)("wrong")})
    async with TuyaClient.open(wrong, tokens, slots, clock=clock, sleep=clock.sleep, transport=tuya) as client:
        with pytest.raises(ConfigurationWrong, match="TUYAHOUSE_ACCOUNTS__FACTORY__CLIENT_SECRET"):
            await ask(client)
    assert list(tuya.calls.items()) == [(GRANT, 1)]


async def test_a_used_up_quota_at_the_refresh_is_not_answered_by_a_login(open_client, tuya, clock):
    async with open_client() as client:
        await ask(client)
        tuya.plan(REFRESH, refused(28841004, "quota"))
        clock.time += TWO_HOURS
        with pytest.raises(QuotaExhausted):
            await ask(client)
    assert tuya.calls[LOGIN] == 1


async def test_a_token_answer_of_another_shape_keeps_its_bytes_out_of_the_error(open_client, tuya):
    tuya.plan(GRANT, {"success": True, "result": {"access_token": ["s3cret"]}})
    tuya.planned[GRANT] *= 100
    async with open_client() as client:
        with pytest.raises(ConfigurationWrong, match="Every call needs this token") as caught:
            await ask(client)
    assert "s3cret" not in str(caught.value) and "s3cret" not in repr(caught.value.args)


async def test_a_refresh_that_meets_a_fault_shows_no_refresh_token(open_client, tuya, clock, tokens):
    async with open_client() as client:
        await ask(client)
        refresh = tokens.read("factory", "pms").refresh
        tuya.plan(REFRESH, OSError(f"https://tuya.invalid/v1.0/token/{refresh}"))
        tuya.plan(LOGIN_TOKEN, *[OSError("away")] * 100)
        clock.time += TWO_HOURS
        with pytest.raises(PassingFault) as caught:
            await ask(client)
    assert refresh not in str(caught.value) and refresh not in repr(caught.value)


async def test_an_account_without_pms_user_says_so_before_any_call(open_client, tuya):
    async with open_client(pms_username="", pms_password="") as client:
        with pytest.raises(ConfigurationWrong, match="TUYAHOUSE_ACCOUNTS__FACTORY__PMS_USERNAME"):
            await ask(client)
    assert not tuya.calls


def test_the_key_of_tuyas_sample_encrypts_to_128_bytes():
    sample = (
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCh1mJNULvlxSb+gwQiMeYa6wpVofkueBuCq2SgPxTBcaN1wXCRe84+jWpbCaXcyVh9IOM9/oc5"
        "U/KvdemS9ihTxv/hfXS657OE5q7WM4SgSvFC1YEfvQjFCw1kg7w246FCHit/zOmWhCMB52r9FEm/fy8ijvR3f1tMmuz4LQd1bwIDAQAB"
    )
    assert len(base64.b64decode(encrypt_password(PMS_PASSWORD, sample))) == 128


def test_a_password_longer_than_the_key_is_a_setting_to_change():
    with pytest.raises(ConfigurationWrong, match="117 bytes") as caught:
        encrypt_password("x" * 118, PUBLIC_KEY, "factory")
    assert "TUYAHOUSE_ACCOUNTS__FACTORY__PMS_PASSWORD" in str(caught.value)


@pytest.mark.parametrize("key", ["", "no base64!", base64.b64encode(b"no key").decode()])
def test_a_key_that_is_none_is_an_unusable_answer(key):
    with pytest.raises(UnusableAnswer, match="no RSA public key"):
        encrypt_password("password", key)


@pytest.mark.parametrize("answer", [httpx.Response(404, content=b"<html>"), refused("SOMETHING_NEW"), refused(1010)])
async def test_a_refused_grant_is_a_wrong_setting(open_client, tuya, answer):
    tuya.plan(GRANT, answer)
    async with open_client() as client:
        with pytest.raises(ConfigurationWrong, match=r"TUYAHOUSE_ACCOUNTS__FACTORY__BASE_URL \(or REGION\)"):
            await ask(client)
    assert tuya.calls.total() == 1
