"""The client against the runnable sandbox, which verifies signatures with code of its own."""

import asyncio
from hashlib import md5

import pytest

from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.calls.pms import SN_FLOWS, decode_flow_steps, get_craft_line, get_pass_amount
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    ConfigurationWrong,
    NotFound,
    QuotaExhausted,
    TuyaError,
    UnusableAnswer,
)
from tuyahouse.cloud.pace.pacer import MemorySlotStore
from tuyahouse.warehouse.warehouse import Warehouse

SN, ORDER = "YZCB04ZZR00001", "YZCB04ZZR"


def client(sandbox, **changes):
    account = sandbox.account.model_copy(update={"calls_per_second": 0.0, **changes})
    return TuyaClient.open(account, MemoryTokenStore(), MemorySlotStore())


async def steps_of(tuya, sn=SN):
    return decode_flow_steps((await tuya.call(SN_FLOWS, body={"sn": sn})).result)


@pytest.mark.parametrize("signature", ["v1", "v2"])
async def test_a_night_in_four_calls_with_either_signature(sandboxes, signature):
    sandbox = sandboxes("--set", f"signature={signature}", "--day", "30")
    async with client(sandbox, signature=signature) as tuya:
        steps = await steps_of(tuya)
        assert (tuya.calls, tuya.failures) == (4, 0)
    assert {step.sn for step in steps} == {SN} and {step.order_code for step in steps} == {ORDER}


@pytest.mark.parametrize("verb", ["post", "get"])
async def test_a_craft_line_is_fetched_by_either_verb(sandboxes, verb):
    sandbox = sandboxes("--set", f"craft_line_verb={verb}")
    async with client(sandbox) as tuya:
        line, _ = await get_craft_line(tuya, ORDER)
        assert [node.sort for node in line.nodes] == list(range(1, len(line.nodes) + 1))
        assert line.last_node == line.nodes[-1].code
        assert await get_pass_amount(tuya, ORDER, line.nodes[0].code) >= 0


async def test_secrets_that_tuya_echoes_are_out_of_an_answer_before_anything_can_keep_it(sandboxes):
    sandbox = sandboxes("--day", "30", "--set", "echo_secrets=true")
    tokens, account = MemoryTokenStore(), sandbox.account
    async with TuyaClient.open(account, tokens, MemorySlotStore()) as tuya:
        answer = await tuya.call(SN_FLOWS, body={"sn": SN})
    password = account.pms_password.get_secret_value()
    sent = [account.client_secret.get_secret_value(), password, md5(password.encode()).hexdigest()]
    sent += [tokens.read(account.name, "pms").access]
    assert b"***" in answer.body and not [each for each in sent if each.encode() in answer.body]


async def test_times_as_text_and_new_fields_are_the_same_steps(sandboxes):
    plain = sandboxes("--day", "30")
    odd = sandboxes("--day", "30", "--set", "time_as=text", "--set", "extra_fields=true")
    async with client(plain) as one, client(odd) as other:
        expected, read = await steps_of(one), await steps_of(other)
    assert [(s.node, s.time_ms, s.status) for s in read] == [(s.node, s.time_ms, s.status) for s in expected]
    assert (
        expected and all(step.extra is None for step in expected) and all("operatorNo" in step.extra for step in read)
    )


async def test_an_unknown_serial_number_is_not_found_where_tuya_says_so(sandboxes):
    sandbox = sandboxes("--set", "unknown_sn=error")
    async with client(sandbox) as tuya:
        with pytest.raises(NotFound):
            await steps_of(tuya, "NOBODY")


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("region", ConfigurationWrong, "TUYAHOUSE_ACCOUNTS__DEMO__REGION"),
        ("ip", ConfigurationWrong, "IP allow list"),
        ("rights", ConfigurationWrong, "right"),
        ("subscription", ConfigurationWrong, "Subscribe"),
        ("quota", QuotaExhausted, "run key"),
        ("shape", UnusableAnswer, "shape"),
    ],
)
async def test_what_only_a_person_can_change_is_said_in_words(sandboxes, fault, kind, words):
    sandbox = sandboxes("--fault", f"{fault}=1")
    async with client(sandbox, attempts=1) as tuya:
        with pytest.raises(kind, match=words):
            await steps_of(tuya)


async def test_a_wrong_signature_version_is_said_in_words(sandboxes):
    async with client(sandboxes(), signature="v1") as tuya:
        with pytest.raises(ConfigurationWrong, match="TUYAHOUSE_ACCOUNTS__DEMO__SIGNATURE"):
            await steps_of(tuya)


async def test_a_clock_ten_minutes_off_costs_one_call(sandboxes):
    async with client(sandboxes("--fault", "clock=600")) as tuya:
        await steps_of(tuya)
        assert (tuya.calls, tuya.failures) == (5, 1)
        assert tuya.clock.offset_seconds == pytest.approx(600, abs=5)


async def test_a_login_that_is_always_refused_ends_after_one_new_token(sandboxes):
    sandbox = sandboxes("--set", "login_token_seconds=0")
    async with client(sandbox) as tuya:
        with pytest.raises(AuthenticationRefused, match=r"production/user/login was refused"):
            await steps_of(tuya)
    assert sandbox.control("stats")["tokens"]["grants"] == 2


async def test_fifteen_percent_of_faults_lose_no_answer(sandboxes):
    faults = [
        option
        for name in ("busy", "cut", "broken_body", "error5xx", "too_many", "throttle", "token_death")
        for option in ("--fault", f"{name}=0.02")
    ]
    sandbox = sandboxes("--day", "30", "--serial-numbers", "300", *faults)
    sns = iter([f"{ORDER}{n:05d}" for n in range(1, 201)])
    ended = []

    async def work(tuya):
        for sn in sns:
            try:
                ended.append((sn, len(await steps_of(tuya, sn))))
            except TuyaError as error:
                ended.append((sn, str(error)))

    async with client(sandbox, concurrency=8, attempts=10) as tuya:
        await asyncio.gather(*(work(tuya) for _ in range(8)))
        assert tuya.failures > 20
    assert len({sn for sn, _ in ended}) == 200
    assert [text for _, text in ended if isinstance(text, str) and "token" not in text] == []


async def test_three_clients_of_one_warehouse_cost_one_login_for_each_death_of_a_token(sandboxes, warehouse: Warehouse):
    sandbox = sandboxes("--day", "30", "--set", "token_calls=100")
    account = sandbox.account.model_copy(update={"calls_per_second": 0.0, "concurrency": 8})
    sns = iter([f"{ORDER}{n:05d}" for n in range(1, 601)])

    async def work(tuya):
        for sn in sns:
            await steps_of(tuya, sn)

    async def process():
        async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as tuya:
            await asyncio.gather(*(work(tuya) for _ in range(4)))

    await asyncio.gather(*(process() for _ in range(3)))
    tokens = sandbox.control("stats")["tokens"]
    assert tokens["pms_deaths"] >= 5
    assert tokens["logins"] + tokens["pms_refreshes"] <= tokens["pms_deaths"] + 1


async def test_a_clock_ten_minutes_off_is_corrected_for_all_calls_under_way(sandboxes):
    sandbox = sandboxes("--fault", "clock=600", "--day", "30")
    async with client(sandbox) as tuya:
        await tuya.sign_in()
        sandbox.control("clock", {"offset_seconds": -600})
        answers = await asyncio.gather(*(steps_of(tuya, f"{ORDER}{n:05d}") for n in range(1, 9)))
    assert all(answers)
