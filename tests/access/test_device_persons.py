"""manage_device_persons, as an operator starts it: one person or a file, dry and real, checked by what Tuya holds."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.catalogue import FLOWS
from tests.access.desk import DEMO, Desk, told
from tests.flows.processes import run_flow
from tests.support.prefect import PrefectServer
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import device_person

ADD = "POST /v1.0/expand/spaces/{device_id}/persons/{person_id}"
REMOVE = "DELETE /v1.0/expand/spaces/{device_id}/persons/{person_id}"


def devices(desk: Desk, count: int = 2) -> list[str]:
    return [device["device_id"] for device in desk.sandbox.lines("truth/devices")[:count]]


def table(tmp_path: Path, *rows: str) -> str:
    file = tmp_path / "persons.csv"
    file.write_text("\n".join(("device_id,person_id,action", *rows)) + "\n")
    return str(file)


def test_a_person_is_added_dry_then_really_and_then_removed(desk: Desk) -> None:
    (device,) = devices(desk, 1)
    person = {"device_id": device, "person_id": "ay1"}
    before = desk.calls(ADD)
    code, printed = desk.start("manage_device_persons", **person)
    assert (code, told(printed, "would be done")) == (0, 1), printed
    assert desk.held["persons"] == {} and desk.calls(ADD) == before and desk.audit("outcome") == []

    desk.write("manage_device_persons", **person, run_key="add")
    assert desk.held["persons"] == {device: ["ay1"]}
    assert told(desk.write("manage_device_persons", **person), "skipped") == 1
    assert desk.calls(ADD) == before + 1
    desk.write("manage_device_persons", **person, action="remove", run_key="remove")
    assert desk.held["persons"] == {}
    run = runs.find_run(desk.warehouse, "demo", "manage_device_persons", "remove")
    assert run is not None
    assert desk.audit("call", "outcome") == [(ADD, "done"), (REMOVE, "done")]
    ((held, who, added, removed, last),) = desk.rows(
        device_person, "device_id", "person_id", "added_at", "removed_at", "last_run"
    )
    assert (held, who, last) == (device, "ay1", run.run_id) and added <= removed
    desk.write("manage_device_persons", **person)
    assert desk.held["persons"] == {device: ["ay1"]}
    assert desk.rows(device_person, "removed_at") == [(None,)]


def test_good_rows_of_a_file_are_done_and_bad_ones_reported_by_row(desk: Desk, tmp_path: Path) -> None:
    one, two = devices(desk)
    path = table(
        tmp_path,
        f"{one},ay1,add",
        f"{one},,add",
        "nobody,ay1,add",
        f"{two},ay2,ADD",
        f"{two},ay3,promote",
        ",ay4,add",
        "",
        f"{one},ay1,remove",
        f"{two},ay2,add",
    )
    code, printed = desk.start("manage_device_persons", path=path, dry_run=False, run_key="file")
    assert code == 1 and "5 of 8 are not done" in printed, printed
    for words in (
        f"not valid: row 3: {one} (It names no person",
        "refused: row 4: add the person ay1 to the device nobody",
        f"not valid: row 6: {two} (It has the action 'promote': write add or remove.)",
        "not valid: row 7: '' (Not valid, because its first cell is empty, but others are not.)",
        f"row 9: remove the person ay1 from the device {one} (row 2 says add for the same person and device",
    ):
        assert words in printed, printed
    assert desk.held["persons"] == {one: ["ay1"], two: ["ay2"]}
    run = runs.find_run(desk.warehouse, "demo", "manage_device_persons", "file")
    assert run and (run.outcome.asked, run.outcome.answered, run.outcome.failed, run.outcome.rejected) == (8, 3, 1, 4)
    assert "Traceback" not in printed


def test_a_dry_run_of_a_file_says_which_rows_tuya_would_refuse(desk: Desk, tmp_path: Path) -> None:
    (one,) = devices(desk, 1)
    code, printed = desk.start("manage_device_persons", path=table(tmp_path, f"{one},ay1,add", "nobody,ay1,add"))
    assert code == 1 and told(printed, "would be done") == 1, printed
    assert "Tuya would refuse it" in printed and "2010" in printed
    assert desk.held["persons"] == {}


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_file_that_breaks_off_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    (one,) = devices(desk, 1)
    persons = [f"ay{number}" for number in range(20_000)]
    columns = {"device_id": [one] * len(persons), "person_id": persons, "action": ["add"] * len(persons)}
    file = tmp_path / "persons.parquet"
    pq.write_table(pa.table(columns), file, row_group_size=10_000)
    broken = bytearray(file.read_bytes())
    begin = pq.ParquetFile(file).metadata.row_group(1).column(0).dictionary_page_offset
    broken[begin : begin + 200] = b"\xff" * 200
    file.write_bytes(broken)
    before = desk.calls(ADD)
    code, printed = desk.start("manage_device_persons", path=str(file), dry_run=False)
    assert code == 1 and "persons.parquet cannot be read" in printed and desk.calls(ADD) == before, printed


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_person_who_is_there_already_is_reported_where_tuya_refuses_it(desk: Desk) -> None:
    desk.sandbox.control("options", {"person_twice": "refused"})
    (device,) = devices(desk, 1)
    desk.sandbox.control("access", {"add_person": [device, "ay1"]})
    code, printed = desk.start("manage_device_persons", device_id=device, person_id="ay1", dry_run=False)
    assert code == 1 and "THE_PERSON_EXISTED" in printed, printed
    desk.write("manage_device_persons", device_id=device, person_id="ay2", action="remove")
    assert desk.held["persons"] == {device: ["ay1"]}


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_call_whose_answer_was_cut_is_unknown_then_reported_and_never_repeated_by_itself(desk: Desk) -> None:
    (device,) = devices(desk, 1)
    person = {"device_id": device, "person_id": "ay1"}
    before = desk.calls(ADD)
    desk.sandbox.control("options", {"fault_methods": ["POST"]})
    desk.sandbox.control("faults", {"cut": 1})
    code, printed = desk.start("manage_device_persons", **person, dry_run=False, run_key="one")
    assert code == 1 and told(printed, "unknown") == 1 and "may have been carried out" in printed, printed
    desk.sandbox.control("faults", {})
    code, printed = desk.start("manage_device_persons", **person, dry_run=False, run_key="two")
    assert code == 1 and "Tuya lists no persons" in printed and desk.calls(ADD) == before + 1, printed
    desk.write("manage_device_persons", **person, run_key="three")
    assert desk.calls(ADD) == before + 2


def test_what_was_known_before_a_removal_in_doubt_is_known_no_more(desk: Desk) -> None:
    (device,) = devices(desk, 1)
    person = {"device_id": device, "person_id": "ay1"}
    desk.write("manage_device_persons", **person)
    desk.sandbox.control("options", {"fault_methods": ["DELETE"]})
    desk.sandbox.control("faults", {"cut": 1})
    for run_key in ("one", "two", "two"):  # made, reported, tried again
        code, printed = desk.start("manage_device_persons", **person, action="remove", dry_run=False, run_key=run_key)
        assert code == 1 and told(printed, "unknown") == 1 and desk.calls(REMOVE) == 1, printed
        desk.sandbox.control("faults", {})
    impatient = {f"{DEMO}TIMEOUT_SECONDS": "1"}
    assert told(desk.start("manage_device_persons", impatient, **person)[1], "would be done") == 1
    code, printed = desk.start("manage_device_persons", impatient, **person, dry_run=False)
    assert code == 0 and told(printed, "done") == 1, printed
    assert desk.held["persons"] == {device: ["ay1"]} and told(desk.write("manage_device_persons", **person), "skipped")
    assert all(at for (at,) in desk.audit("settled_at"))


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Name either a file (path), or a device_id and a person_id"),
        ({"device_id": "d"}, "Name either a file (path), or a device_id and a person_id"),
        ({"path": "p.csv", "device_id": "d", "person_id": "p"}, "Name either a file"),
        ({"path": "/nowhere/persons.csv"}, "There is no file /nowhere/persons.csv"),
    ],
)
def test_a_run_without_one_source_is_red_in_words(desk: Desk, given: dict[str, str], words: str) -> None:
    code, printed = desk.start("manage_device_persons", **given)
    assert code == 1 and words in printed and "Traceback" not in printed, printed


@pytest.mark.parametrize("given", [{"action": "promote"}, {"person_id": 1420922162969059328}, {"device_id": ""}])
def test_parameters_of_a_wrong_kind_are_refused_before_a_run_begins(given: dict[str, Any]) -> None:
    person = {"account": "demo", "device_id": "d", "person_id": "p"}
    FLOWS["manage_device_persons"].validate_parameters(person)
    with pytest.raises(Exception, match=next(iter(given))):
        FLOWS["manage_device_persons"].validate_parameters(person | given)


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_it_runs_in_a_terminal(desk: Desk, prefect_server: PrefectServer, tmp_path: Path) -> None:
    (device,) = devices(desk, 1)
    path = table(tmp_path, f"{device},1420922162969059328,add")
    code, printed = run_flow("manage_device_persons", desk.env | prefect_server.env, path=path, dry_run="false")
    assert code == 0, printed
    assert desk.held["persons"] == {device: ["1420922162969059328"]}
