"""Flow steps and craft lines as documented, as in the samples, and as they might come."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cloud.fake_tuya import refused
from tuyahouse.cloud.calls.pms import (
    CraftLine,
    CraftLineNode,
    FlowStep,
    decode_craft_line,
    decode_flow_steps,
    get_craft_line,
    get_pass_amount,
)
from tuyahouse.cloud.errors import ConfigurationWrong, NotFound, UnusableAnswer

SAMPLE = {
    "craftLineCode": "j2azn",
    "node": "firstTest",
    "nodeDesc": "Flashing authorization",
    "orderCode": "YZCZZR",
    "sn": "YZCB04ZZR00001",
    "status": False,
    "time": 1612524780119,
}
STEP = FlowStep(
    node="firstTest",
    time_ms=1612524780119,
    sn="YZCB04ZZR00001",
    order_code="YZCZZR",
    craft_line_code="j2azn",
    node_desc="Flashing authorization",
    request_id=None,
    status=False,
)


def decode(*steps):
    return decode_flow_steps(json.dumps(steps).encode())


def with_changes(**fields):
    return FlowStep(**{**{name: getattr(STEP, name) for name in FlowStep.__struct_fields__}, **fields})


def test_tuyas_own_sample():
    assert decode(SAMPLE) == [STEP]


@pytest.mark.parametrize("nothing", [b"[]", b"null", b" [ ] "])
def test_an_empty_list_and_null_are_no_steps(nothing):
    assert decode_flow_steps(nothing) == []


@pytest.mark.parametrize("time", ["1612524780119", 1612524780119])
def test_time_may_be_text_or_number(time):
    assert decode({**SAMPLE, "time": time}) == [STEP]


@pytest.mark.parametrize("time", ["1612524780", 1612524780])
def test_time_may_have_ten_digits(time):
    assert decode({**SAMPLE, "time": time})[0].time_ms == 1612524780000


def test_a_request_id_is_read_where_it_is_sent():
    assert decode({**SAMPLE, "requestId": "r1"}) == [with_changes(request_id="r1")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (True, True),
        ("true", True),
        ("TRUE", True),
        (1, True),
        ("0", False),
        (0, False),
        ("false", False),
        (None, None),
        ("", None),
    ],
)
def test_status_is_read_in_all_its_spellings(sent, status):
    assert decode({**SAMPLE, "status": sent})[0].status is status


def test_a_status_that_is_not_sent_is_none():
    assert decode({name: value for name, value in SAMPLE.items() if name != "status"})[0].status is None


def test_ids_sent_as_numbers_become_text_with_all_their_digits():
    step = decode(
        {**SAMPLE, "sn": 1234567890123456789, "orderCode": 98765432109876543210987, "requestId": 9007199254740993}
    )[0]
    assert (step.sn, step.order_code, step.request_id) == (
        "1234567890123456789",
        "98765432109876543210987",
        "9007199254740993",
    )


def test_new_fields_land_in_extra_with_all_their_digits():
    step = decode({**SAMPLE, "operator": "007", "big": 1234567890123456789012, "deep": {"a": [1.5, None]}})[0]
    assert step == with_changes(extra={"operator": "007", "big": 1234567890123456789012, "deep": {"a": [1.5, None]}})


def test_a_new_field_named_extra_is_an_extra_like_any_other():
    assert decode({**SAMPLE, "extra": {"a": 1}})[0].extra == {"extra": {"a": 1}}


def test_one_odd_step_changes_nothing_about_its_neighbours():
    assert decode(SAMPLE, {**SAMPLE, "time": "1612524780119"}, SAMPLE) == [STEP, STEP, STEP]


@pytest.mark.parametrize(
    "wrong",
    [
        b"{}",
        b'"text"',
        b"3",
        b"[1]",
        b"[[]]",
        b'[{"node":"a"}]',
        b'[{"time":1612524780119}]',
        b'[{"node":"","time":1612524780119}]',
        b'[{"node":"a","time":"noon"}]',
        b'[{"node":"a","time":-5}]',
        b'[{"node":"a","time":1612524780119,"status":"maybe"}]',
        b'[{"node":"a","time":{}}]',
        b"[",
    ],
)
def test_another_shape_is_unusable_and_keeps_its_bytes(wrong):
    with pytest.raises(UnusableAnswer) as caught:
        decode_flow_steps(wrong)
    assert caught.value.raw == wrong


steps = st.builds(
    FlowStep,
    node=st.text(min_size=1),
    time_ms=st.integers(10**12, 10**13 - 1),
    sn=st.none() | st.text(),
    order_code=st.none() | st.text(),
    craft_line_code=st.none() | st.text(),
    node_desc=st.none() | st.text(),
    request_id=st.none() | st.text(),
    status=st.none() | st.booleans(),
    extra=st.none(),
)


def sent(step):
    names = {"time_ms": "time", "order_code": "orderCode", "craft_line_code": "craftLineCode", "node_desc": "nodeDesc"}
    names["request_id"] = "requestId"
    return {names.get(name, name): getattr(step, name) for name in FlowStep.__struct_fields__ if name != "extra"}


@given(st.lists(steps, max_size=5))
def test_the_fast_and_the_tolerant_way_read_the_same(wanted):
    documented = [sent(step) for step in wanted]
    odd = [{**fields, "time": str(fields["time"])} for fields in documented]
    assert decode(*documented) == decode(*odd) == wanted


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["node", "time", "status", "sn", "x"]), x),
    )
)
def test_any_json_is_steps_or_unusable(value):
    try:
        assert isinstance(decode_flow_steps(json.dumps(value).encode()), list)
    except UnusableAnswer:
        pass


NODES = [
    {"sort": 1, "code": "flash", "programs": "p1,p2", "desc": "Flashing"},
    {"sort": 3, "code": "pack", "programs": "", "desc": "Packing"},
    {"sort": 2, "code": "test", "programs": "p3", "desc": "Testing"},
]
LINE = {"code": "L1", "name": "Line one", "type": "pcba"}


@pytest.mark.parametrize("key", ["nodeList", "node_list"])
def test_the_nodes_of_a_craft_line_are_read_under_both_names(key):
    assert decode_craft_line(json.dumps({**LINE, key: NODES}).encode()) == CraftLine(
        "L1",
        "Line one",
        "pcba",
        [
            CraftLineNode("flash", 1, "p1,p2", "Flashing"),
            CraftLineNode("pack", 3, "", "Packing"),
            CraftLineNode("test", 2, "p3", "Testing"),
        ],
    )


def test_the_last_node_is_the_one_with_the_highest_place():
    assert decode_craft_line(json.dumps({**LINE, "nodeList": NODES}).encode()).last_node == "pack"


@pytest.mark.parametrize("nodes", [[], None])
def test_a_line_without_nodes_has_no_last_node(nodes):
    assert decode_craft_line(json.dumps({**LINE, "nodeList": nodes}).encode()).last_node is None


def test_places_sent_as_text_are_numbers_and_new_fields_extra():
    sent = {**LINE, "nodeList": [{"sort": "7", "code": 12, "new": 1}], "version": 3}
    line = decode_craft_line(json.dumps(sent).encode())
    assert line.nodes == [CraftLineNode("12", 7, extra={"new": 1})] and line.extra == {"version": 3}


@pytest.mark.parametrize(
    "wrong",
    [b"[]", b"null", b'{"nodeList":{}}', b'{"nodeList":[{"sort":1}]}', b'{"nodeList":[{"code":"a","sort":"x"}]}'],
)
def test_a_craft_line_of_another_shape_is_unusable(wrong):
    with pytest.raises(UnusableAnswer):
        decode_craft_line(wrong)


CRAFT_LINE = "/v2.0/pms/production/craftline/get/YZCZZR"


def line_answer():
    return {"success": True, "result": {**LINE, "nodeList": NODES}}


async def test_a_craft_line_is_asked_by_post(open_client, tuya):
    tuya.plan(CRAFT_LINE, line_answer())
    async with open_client() as client:
        line, body = await get_craft_line(client, "YZCZZR")
    assert line.code == "L1" and json.loads(body)["result"]["code"] == "L1"
    assert tuya.requests[-1].method == "POST"


@pytest.mark.parametrize("refusal", [refused(1108, "uri path invalid"), httpx.Response(405), httpx.Response(404)])
async def test_it_is_asked_by_get_where_post_is_refused_and_stays_so(open_client, tuya, refusal):
    tuya.plan(CRAFT_LINE, refusal, line_answer(), line_answer())
    async with open_client() as client:
        await get_craft_line(client, "YZCZZR")
        await get_craft_line(client, "YZCZZR")
    assert [r.method for r in tuya.requests[-3:]] == ["POST", "GET", "GET"]


async def test_an_unknown_work_order_is_not_found(open_client, tuya):
    tuya.plan(CRAFT_LINE, refused("production_order_not_existed"))
    async with open_client() as client:
        with pytest.raises(NotFound):
            await get_craft_line(client, "YZCZZR")


async def test_a_path_that_neither_verb_knows_is_an_error(open_client, tuya):
    tuya.plan(CRAFT_LINE, refused(1108), refused(1108))
    async with open_client() as client:
        with pytest.raises(ConfigurationWrong):
            await get_craft_line(client, "YZCZZR")


@pytest.mark.parametrize(("result", "amount"), [(42, 42), ("42", 42), (None, 0)])
async def test_a_pass_count_is_a_number(open_client, tuya, result, amount):
    tuya.plan("/v1.0/pms/production/station/pass/amount", {"success": True, "result": result})
    async with open_client() as client:
        assert await get_pass_amount(client, "YZCZZR", "flash") == amount


async def test_a_pass_count_that_is_none_is_unusable(open_client, tuya):
    tuya.plan("/v1.0/pms/production/station/pass/amount", {"success": True, "result": {}})
    async with open_client() as client:
        with pytest.raises(UnusableAnswer):
            await get_pass_amount(client, "YZCZZR", "flash")
