"""Commands that are sent: each has a record, stages, messages, and leaves its mark on the device."""

from typing import Any

import pytest

from tests.sandbox.callers import InProcessCaller
from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.http.action_calls import DOORS, LIFTS, OLDER_DOORS, PARKING, PERIMETER, Family
from tuyahouse.sandbox.messages.stream import messages_of_day
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

VALUES = {
    "person_id": "p1",
    "card_no": "c1",
    "qr_code": "q1",
    "face_id": "f1",
    "authorization_id": "a1",
    "car_id": "v1",
}
BODY = {"area_id": "1", "armed": True, "by_pass": True}


def cloud(**options: Any) -> InProcessCaller:
    asking = InProcessCaller(World(Options(**options)))
    asking.grant()
    return asking


def device_for(asking: InProcessCaller, product_type: str) -> str:
    devices = truth.devices(asking.world, asking.world.options.day)
    return str(next(d["device_id"] for d in devices if d["product_type"] == product_type))


def send(asking: InProcessCaller, method: str, path: str, device_id: str, body: Any = None) -> Any:
    return asking.ask(method, path.format(device_id=device_id, **VALUES), body, asking.platform)


def record(asking: InProcessCaller, sn: str) -> Any:
    return asking.ask("GET", f"/v1.0/expand/cmds/{sn}", None, asking.platform)["result"]


@pytest.mark.parametrize("family", [DOORS, LIFTS, PERIMETER, PARKING, OLDER_DOORS], ids=lambda family: family.path)
def test_every_documented_command_answers_the_number_of_its_record(family: Family) -> None:
    asking = cloud()
    device = device_for(asking, family.product_type)
    numbers = [send(asking, call[0], family.path + call[1], device, BODY)["result"]["sn"] for call in family.calls]
    assert len(set(numbers)) == len(family.calls)
    assert [each["sn"] for each in asking.world.access.controllers.sent] == numbers
    assert {record(asking, sn)["device_id"] for sn in numbers} == {device}


def test_a_device_of_another_kind_or_none_at_all_refuses() -> None:
    asking = cloud()
    lift, opening = device_for(asking, "wf_dtkz"), DOORS.path + "/persons/{person_id}/actions/open"
    assert [send(asking, "POST", opening, device)["code"] for device in (lift, "nobody")] == [2003, 2010]
    assert asking.world.access.controllers.sent == []


@pytest.mark.parametrize(("fields", "right"), [("snake", "area_id"), ("camel", "areaId"), ("either", "areaId")])
def test_required_fields_are_read_in_the_spelling_that_is_set(fields: str, right: str) -> None:
    asking = cloud(action_fields=fields)
    device, path = device_for(asking, PERIMETER.product_type), PERIMETER.path + "/actions/chan-action"
    assert "sn" in send(asking, "POST", path, device, {right: "1", "armed": True})["result"]
    assert send(asking, "POST", path, device, {"armed": True})["code"] == 1100


def test_cards_and_persons_are_put_on_a_device_frozen_and_taken_off() -> None:
    asking = cloud()
    device, person = device_for(asking, LIFTS.product_type), LIFTS.path + "/persons/{person_id}"
    send(asking, "POST", person, device, {"name": "Ann"})
    send(asking, "POST", person + "/card/{card_no}", device)
    send(asking, "POST", person + "/card/{card_no}/freeze", device)
    card = {"kind": "card_no", "id": "c1", "person_id": "p1", "frozen": True}
    ann = {"kind": "person_id", "id": "p1", "name": "Ann"}
    assert asking.world.access.controllers.shown()[device] == [ann, card]
    send(asking, "DELETE", person + "/card/{card_no}", device)
    assert len(asking.world.access.controllers.shown()[device]) == 1


def test_bulk_commands_answer_numbers_without_saying_which_is_whose() -> None:
    asking = cloud()
    device = device_for(asking, DOORS.product_type)
    people = [{"person_id": f"p{n}", "name": f"Person {n}"} for n in range(3)]
    added = send(asking, "POST", DOORS.path + "/persons", device, {"person_list": people})["result"]["sn_list"]
    sent = [each["sn"] for each in asking.world.access.controllers.sent]
    assert sorted(added) == sorted(sent) and added != sent
    gone = send(asking, "DELETE", DOORS.path + "/persons", device, {"person_id_list": ["p0", "p1"]})["result"][
        "sn_list"
    ]
    assert len(gone) == 2 and len(asking.world.access.controllers.shown()[device]) == 1
    assert send(asking, "POST", DOORS.path + "/persons/qrcodes", device, {"qrcode_list": []})["code"] == 1100


def test_the_call_that_looks_alike_answers_a_text_instead_of_a_number() -> None:
    asking = cloud()
    device = device_for(asking, DOORS.product_type)
    path = "/v1.0/iot-02/access-controls/devices/{device_id}/actions/open-door"
    assert send(asking, "POST", path, device)["result"] == "true"


def test_a_sent_command_goes_on_to_its_end_as_the_day_moves_on_in_record_and_messages() -> None:
    asking = cloud(day=3, duplicates=0, late=0, unreadable=0)
    device = device_for(asking, DOORS.product_type)
    sn = send(asking, "POST", DOORS.path + "/persons/{person_id}/actions/open", device)["result"]["sn"]
    assert record(asking, sn)["process_status"] == 1
    asking.world.change({"day": 4})
    assert record(asking, sn)["process_status"] == 3
    published = [m.plain.decode() for m in messages_of_day(asking.world, 4) if sn in m.plain.decode()]
    assert len(published) == 4  # sent and succeeded, in both families
    assert next(c for c in truth.commands(asking.world, 4) if c["command_sn"] == sn)["api"]["process_status"] == 3


def test_the_fate_of_sent_commands_is_an_option() -> None:
    asking = cloud(day=3, sent_fate="fail")
    device = device_for(asking, DOORS.product_type)
    sn = send(asking, "POST", DOORS.path + "/persons/{person_id}/actions/open", device)["result"]["sn"]
    asking.world.change({"day": 4})
    assert record(asking, sn)["process_status"] == 4


def test_commands_of_the_field_are_the_same_with_and_without_sent_ones() -> None:
    asking, other = cloud(day=3), cloud(day=3)
    send(asking, "POST", DOORS.path + "/persons/{person_id}/actions/open", device_for(asking, DOORS.product_type))
    sent = {each["sn"] for each in asking.world.access.controllers.sent}
    of_field = [c for c in truth.commands(asking.world, 3) if c["command_sn"] not in sent]
    assert len(sent) == 1 and of_field == [*truth.commands(other.world, 3)]
