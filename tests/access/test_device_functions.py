"""set_device_functions, as an operator starts it: checked against the pool, set, read back, and in the warehouse."""

from typing import Any

import pytest

from flows.catalogue import FLOWS
from tests.access.desk import Desk, told
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.tables import device_function

SET = "PUT /v1.0/expand/devices/{device_id}/functions"


def device(desk: Desk) -> Any:
    return next(each for each in desk.sandbox.lines("truth/devices") if len(each["function_pool"]) > 3)


def store(desk: Desk, device_id: str, enabled: list[str], possible: list[str]) -> None:
    """As sync_devices stores the functions of a device."""
    columns = ("account", "device_id", "function_code", "enabled", "first_run", "last_run")
    rows = [("demo", device_id, code, code in enabled, "before", "before") for code in possible]
    with desk.warehouse.begin() as conn:
        insert_new(conn, device_function, columns, rows)


def test_functions_are_set_dry_then_really_and_then_found_set(desk: Desk) -> None:
    found = device(desk)
    device_id, pool = found["device_id"], found["function_pool"]
    store(desk, device_id, found["functions"], pool)
    wanted = [pool[2], pool[0], pool[0]]
    before = desk.calls(SET)
    code, printed = desk.start("set_device_functions", device_id=device_id, function_codes=wanted)
    assert (code, told(printed, "would be done")) == (0, 1), printed
    assert desk.held["functions"] == {} and desk.calls(SET) == before

    desk.write("set_device_functions", device_id=device_id, function_codes=wanted)
    assert set(desk.held["functions"][device_id]) == {pool[0], pool[2]}
    assert desk.audit("call", "outcome") == [(SET, "done")]
    stored = dict(desk.rows(device_function, "function_code", "enabled"))
    assert stored == {code: code in (pool[0], pool[2]) for code in pool}
    again = desk.write("set_device_functions", device_id=device_id, function_codes=wanted[:2])
    assert told(again, "skipped") == 1 and desk.calls(SET) == before + 1, again


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_function_that_is_not_in_the_pool_is_named_with_what_the_pool_has(desk: Desk, dry_run: bool) -> None:
    found = device(desk)
    before = desk.calls(SET)
    wanted = [found["function_pool"][0], "fly", "swim"]
    given = {"device_id": found["device_id"], "function_codes": wanted, "dry_run": dry_run}
    code, printed = desk.start("set_device_functions", **given)
    assert code == 1 and told(printed, "not valid") == 1, printed
    assert f"does not have fly, swim. It has {', '.join(found['function_pool'])}." in printed
    assert desk.calls(SET) == before and desk.held["functions"] == {}


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_device_that_tuya_does_not_know_is_refused_before_the_call(desk: Desk) -> None:
    before = desk.calls(SET)
    code, printed = desk.start("set_device_functions", device_id="nobody", function_codes=["x"], dry_run=False)
    assert code == 1 and "2010" in printed and told(printed, "refused") == 1, printed
    assert desk.calls(SET) == before


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_call_whose_answer_was_cut_is_resolved_by_reading_back(desk: Desk) -> None:
    found = device(desk)
    given = {"device_id": found["device_id"], "function_codes": found["function_pool"][:2]}
    before = desk.calls(SET)
    desk.sandbox.control("options", {"fault_methods": ["PUT"]})
    desk.sandbox.control("faults", {"cut": 1})
    code, printed = desk.start("set_device_functions", **given, dry_run=False)
    assert code == 1 and told(printed, "unknown") == 1, printed
    desk.sandbox.control("faults", {})
    assert desk.calls(SET) == before + 1
    assert desk.audit("outcome") == [("unknown",)]
    printed = desk.write("set_device_functions", **given)
    assert "was carried out" in printed and desk.calls(SET) == before + 1, printed
    assert desk.audit("outcome") == [("done",)]


@pytest.mark.parametrize("codes", [[], None, [1], [" "]])
def test_function_codes_of_a_wrong_kind_are_refused_before_a_run_begins(codes: Any) -> None:
    with pytest.raises(Exception, match="function_codes"):
        FLOWS["set_device_functions"].validate_parameters(
            {"account": "demo", "device_id": "d", "function_codes": codes}
        )
