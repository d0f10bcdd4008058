"""Cases that others reported from the field, each by name: odd answers, odd logins, odd clocks."""

import logging
import time

import pytest

from tests.cloud.fake_tuya import FLOWS, FakeTuya, account, refused
from tuyahouse import pace
from tuyahouse.cloud import clock
from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.calls.command_records import decode_record
from tuyahouse.cloud.calls.device_fields import device_facts
from tuyahouse.cloud.calls.device_functions import decode_functions
from tuyahouse.cloud.calls.device_list import decode_page
from tuyahouse.cloud.calls.pms import CRAFT_LINE, SN_FLOWS, decode_craft_line, decode_flow_steps
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, PassingFault
from tuyahouse.cloud.http.answer import Answer, read_answer
from tuyahouse.cloud.pace.pacer import MemorySlotStore
from tuyahouse.logs import redact

GRANT = "/v1.0/token"
LOGIN = "/v2.0/pms/production/user/login"
DEEP = b"[" * 3000 + b"]" * 3000
ODD = [rb'"\ud83d"', b'"\xff"', b"NaN", b"-Infinity", b"1e999", DEEP, b"9" * 5000]


async def ask(client):
    return await client.call(SN_FLOWS, body={"sn": "SN1"})


def result_of(body):
    answer, _ = read_answer(200, body)
    assert isinstance(answer, Answer)
    return bytes(answer.result)


# ------------------------------------------------------------------------------------------------------------ answers


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_value_in_a_device_leaves_its_neighbours_on_the_page(odd):
    page = (
        b'{"list": [{"device_id": "a"}, {"device_id": "b", "device_name": %s}, {"device_id": "c"}], "total": 3}' % odd
    )
    devices = decode_page(result_of(b'{"success": true, "t": 1700000000000, "result": %s}' % page)).devices
    assert [device.device_id for device in devices] == ["a", "b", "c"]
    assert all(device_facts(device) for device in devices)


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_value_in_steps_functions_commands_and_craft_lines_is_kept(odd):
    steps = result_of(b'{"success": true, "result": [{"node": "N", "time": 1700000000000, "nodeDesc": %s}]}' % odd)
    assert decode_flow_steps(steps)[0].node_desc
    functions = result_of(b'{"success": true, "result": [{"function_code": "on", "x": %s}]}' % odd)
    assert decode_functions(functions)[0].extra
    record = result_of(b'{"success": true, "result": {"process_status": 3, "message": %s}}' % odd)
    assert decode_record(record, "1").message
    line = result_of(b'{"success": true, "result": {"code": "L", "nodeList": [{"code": "N", "desc": %s}]}}' % odd)
    assert decode_craft_line(line).nodes[0].desc


def test_half_an_emoji_becomes_the_replacement_character():
    assert decode_flow_steps(rb'[{"node": "\ud83d", "time": 1700000000000}]')[0].node == "\ufffd"


def test_a_byte_order_mark_before_an_answer_is_passed_over():
    assert result_of(b'\xef\xbb\xbf{"success": true, "result": [1]}') == b"[1]"


@pytest.mark.parametrize("total", [b"1" + b"0" * 30, b'"1%s"' % (b"0" * 30), b'"%s"' % (b"9" * 5000), b"-5", b'"--5"'])
def test_a_total_that_no_list_can_have_is_none(total):
    assert decode_page(b'{"list": [{"device_id": "a"}], "total": %s}' % total).total is None


@pytest.mark.parametrize("order_code", [".", "..", "", " .. "])
async def test_a_work_order_that_would_name_another_path_is_refused_and_not_sent(open_client, tuya, order_code):
    async with open_client() as client:
        with pytest.raises(ItemRefused, match="cannot stand in its path as order_code"):
            await client.call(CRAFT_LINE, path={"order_code": order_code})
    assert not tuya.calls


@pytest.mark.parametrize("code", ["1004", "1108"])
async def test_a_key_that_tuya_cannot_read_in_a_path_costs_its_item_alone(open_client, tuya, code):
    lines = "/v2.0/pms/production/craftline/get/"
    tuya.plan(lines + "WO/1", *[refused(code, "not accepted")] * 9)
    tuya.plan(lines + "WO1", *[refused(code, "not accepted")] * 9)
    async with open_client() as client:
        with pytest.raises(ItemRefused, match="characters that Tuya does not accept in a path"):
            await client.call(CRAFT_LINE, path={"order_code": "WO/1"})
        with pytest.raises(ConfigurationWrong):
            await client.call(CRAFT_LINE, path={"order_code": "WO1"})


# ------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("answer", [refused(-9999999, "system error"), refused("x", "System Error, try again")])
@pytest.mark.parametrize("path", [FLOWS, GRANT, LOGIN])
async def test_a_system_error_passes_also_on_the_token_call(open_client, tuya, answer, path):
    tuya.plan(path, answer)
    async with open_client() as client:
        assert bytes((await ask(client)).result) == b"[]"


async def test_a_system_error_that_stays_is_a_passing_fault(open_client, tuya):
    tuya.plan(GRANT, *[refused(-9999999, "system error")] * 100)
    async with open_client() as client:
        with pytest.raises(PassingFault, match="an error inside Tuya"):
            await ask(client)


# ------------------------------------------------------------------------------------------------------------- logins


@pytest.mark.parametrize(
    "result", [{"accessToken": None}, {"accessToken": ""}, {"access-token": "a"}, None, [], {"accessToken": ["a"]}]
)
async def test_a_login_answer_of_another_shape_stops_the_run_after_a_few_tries(open_client, tuya, result):
    tuya.plan(LOGIN, *[{"success": True, "result": result}] * 1000)
    async with open_client() as client:
        with pytest.raises(ConfigurationWrong, match="Every call needs this token, so the run stops"):
            await ask(client)
    assert 1 < tuya.calls[LOGIN] < 200 and not tuya.calls[FLOWS]


async def test_a_null_refresh_token_is_none(open_client, tuya, tokens):
    token = {"access_token": "access-of-nobody", "refresh_token": None, "expire_time": 7200}
    tuya.plan(GRANT, {"success": True, "result": token})
    async with open_client() as client:
        await client.sign_in("platform")
    assert tokens.read("factory", "platform").refresh == ""


async def test_a_token_that_ends_before_it_began_is_logged_and_used(open_client, tuya, caplog):
    tuya.expire_time, real = -1, tuya._new_token

    def lasting():
        access, refresh = real()
        tuya.alive[access] = tuya.now() + 7200
        return access, refresh

    tuya._new_token = lasting
    with caplog.at_level(logging.WARNING):
        async with open_client() as client:
            for _ in range(20):
                await client.sign_in("platform")
    assert tuya.calls[GRANT] == 1
    assert "gave a token that ends after -1 seconds" in caplog.text


async def test_tokens_that_tuya_gave_are_hidden_wherever_it_echoes_them(open_client, tuya, tokens):
    async with open_client() as client:
        await ask(client)
    for kind in ("platform", "pms"):
        token = tokens.read("factory", kind)
        assert redact(f"an echo: {token.access}, {token.refresh}") == "an echo: ***, ***"


# ------------------------------------------------------------------------------------------------------------- clocks


async def test_a_clock_eight_hours_ahead_is_learned_once_for_all_clients_of_a_process(monkeypatch):
    monkeypatch.setattr(clock, "_OFF_BY", {})
    monkeypatch.setattr(pace, "_WALL_AT_START", pace._WALL_AT_START + 8 * 3600)
    tuya, tokens = FakeTuya(time.time), MemoryTokenStore()
    for _ in range(5):
        async with TuyaClient.open(account(), tokens, MemorySlotStore(), transport=tuya) as client:
            await ask(client)
    assert (tuya.made, tuya.calls[LOGIN]) == (2, 1)
