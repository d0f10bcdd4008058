"""The field of devices: lists with all their moods, details, functions, and the truth behind them."""

from typing import Any

import pytest

from tests.sandbox.callers import InProcessCaller
from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

LIST = "/v1.0/expand/devices"


def field(**options: Any) -> InProcessCaller:
    asking = InProcessCaller(World(Options(**options)))
    asking.grant()
    return asking


def page(asking: InProcessCaller, number: int, size: int = 50, project: str = "north-hall") -> Any:
    target = f"{LIST}?page_no={number}&page_size={size}&project_id={project}"
    return asking.ask("GET", target, None, asking.platform)


def sweep(asking: InProcessCaller, pages: int = 20, **how: Any) -> list[dict[str, Any]]:
    return [row for number in range(1, pages + 1) for row in page(asking, number, **how)["result"]["list"]]


def there(asking: InProcessCaller, day: float = 0, project: str = "north-hall") -> set[str]:
    return {d["device_id"] for d in truth.devices(asking.world, day) if project in d["projects"]}


def test_the_pages_of_a_project_hold_the_devices_that_are_there() -> None:
    asking = field()
    rows = sweep(asking)
    assert len(rows) == page(asking, 1)["result"]["total"]
    assert {row["device_id"] for row in rows} == there(asking)


def test_devices_come_change_vanish_and_come_back() -> None:
    world = World(Options(devices=1000))
    days = [{d["device_id"]: d for d in truth.devices(world, day)} for day in range(18)]
    ids = [set(day) for day in days]
    appeared = any(ids[d + 1] - ids[d] for d in range(17))
    vanished = {device for d in range(17) for device in ids[d] - ids[d + 1]}
    back = {device for device in vanished for d in range(16) if device not in ids[d] and device in ids[d + 1]}
    renamed = [d for d in ids[0] & ids[17] if days[0][d]["device_name"] != days[17][d]["device_name"]]
    assert appeared and vanished and back and renamed
    assert any(days[0][d]["project_id"] != days[17][d]["project_id"] for d in ids[0] & ids[17])


def test_a_page_is_capped_without_a_word() -> None:
    result = page(field(page_size_cap=20), 1, 50)["result"]
    assert (len(result["list"]), result["page_size"]) == (20, 50)


def test_the_first_page_may_have_the_number_0() -> None:
    first, second = page(field(first_page=0), 0), page(field(first_page=0), 1)
    assert first["result"]["list"] and second["result"]["list"] != first["result"]["list"]


def test_rows_shift_between_pages_and_some_are_missed() -> None:
    asking = field(shift=1.0)
    seen = {row["device_id"] for row in sweep(asking, size=10)}
    assert seen < there(asking)


def test_a_total_can_lie() -> None:
    assert page(field(total_error=3), 1)["result"]["total"] == len(there(field())) + 3


def test_a_device_may_be_listed_in_two_projects() -> None:
    asking = field(in_two_projects=True)
    north = {row["device_id"] for row in sweep(asking)}
    south = {row["device_id"] for row in sweep(asking, project="south-hall")}
    assert len(north & south) >= 4


@pytest.mark.parametrize(
    ("spelling", "query"),
    [
        ("snake", "page_no=1&page_size=7&project_id=north-hall"),
        ("camel", "pageNo=1&pageSize=7&projectId=north-hall"),
        ("dotted", "request.page_no=1&request.page_size=7&request.project_id=north-hall"),
    ],
)
def test_each_spelling_is_understood_where_it_is_the_right_one(spelling: str, query: str) -> None:
    for right in ("snake", "camel", "dotted"):
        asking = field(device_query=right)
        answer = asking.ask("GET", f"{LIST}?{query}", None, asking.platform)
        assert ("code" not in answer) == (right == spelling)


def test_another_spelling_may_be_ignored_which_shows_in_the_echo() -> None:
    asking = field(device_query="camel", other_spelling="ignore")
    result = page(asking, 2, 7)["result"]
    assert (result["page_no"], result["page_size"]) == (1, 10)


def test_an_unknown_project_is_refused_or_empty_as_set() -> None:
    assert page(field(), 1, project="nowhere")["code"] == 1106
    assert page(field(unknown_project="empty"), 1, project="nowhere")["result"]["total"] == 0


def test_states_are_text_in_the_list_and_numbers_in_the_detail() -> None:
    asking = field()
    row = page(asking, 1)["result"]["list"][0]
    detail = asking.ask("GET", f"{LIST}/{row['device_id']}", None, asking.platform)["result"]
    assert (row["active_status"], detail["active_status"]) == ("1", 1)
    assert set(row) - set(detail) == {"product_name", "supplier_name", "task_id"}


def test_some_extend_data_is_no_json_and_some_holds_a_password() -> None:
    texts = [d["extend_data"] for d in truth.devices(World(), 0)]
    assert any(text.startswith("{'") for text in texts) and any("password" in text for text in texts) and "" in texts


def test_an_unknown_device_is_refused_as_unknown() -> None:
    asking = field()
    assert asking.ask("GET", f"{LIST}/nobody", None, asking.platform)["code"] == 2010


def test_functions_are_set_within_the_pool() -> None:
    asking = field()
    device = next(d for d in truth.devices(asking.world, 0) if len(d["function_pool"]) > 2)
    target = f"{LIST}/{device['device_id']}/functions"
    first, last = device["function_pool"][0], device["function_pool"][-1]
    assert asking.ask("PUT", target, {"function_code_list": [first, last]}, asking.platform)["result"] is True
    read = asking.ask("GET", target, None, asking.platform)["result"]
    assert [f["function_code"] for f in read] == [first, last]
    assert asking.ask("PUT", target, {"function_code_list": ["fly"]}, asking.platform)["code"] == 1109


def test_factory_infos_answer_for_at_most_twenty_devices() -> None:
    asking = field()
    devices = sorted(truth.devices(asking.world, 0), key=lambda d: str(d["device_id"]))[:21]
    ids = [d["device_id"] for d in devices]
    target = f"/v1.0/iot-03/devices/factory-infos?device_ids={','.join(ids[:20])}"
    result = asking.ask("GET", target, None, asking.platform)["result"]
    assert [(r["id"], r["sn"]) for r in result] == [(d["device_id"], d["factory_info_sn"] or "") for d in devices[:20]]
    too_many = f"/v1.0/iot-03/devices/factory-infos?device_ids={','.join(ids)}"
    assert asking.ask("GET", too_many, None, asking.platform)["code"] == 1109


def test_the_pms_knows_the_serial_number_of_a_device_by_id_and_uuid() -> None:
    asking = field()
    asking.login()
    device = next(d for d in truth.devices(asking.world, 0) if d["sn"])
    path = "/v1.0/pms/production/device/sn/get"
    for name in ("device_id", "uuid"):
        assert asking.ask("POST", path, {"gwId": device[name]}, asking.pms)["result"] == device["sn"]


def test_the_pms_lists_serial_numbers_without_saying_whose() -> None:
    asking = field()
    asking.login()
    devices = [d for d in truth.devices(asking.world, 0) if d["sn"]][:3]
    body = {"gwIds": [d["device_id"] for d in devices] + ["nobody"]}
    result = asking.ask("POST", "/v1.0/pms/production/device/sn/list/get", body, asking.pms)["result"]
    assert result == sorted(d["sn"] for d in devices)
