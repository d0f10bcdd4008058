"""Files given to the flows that write: read whole before the first row is written, in words that fit a write."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.access.desk import Desk, told
from tuyahouse.sync.access import file_rows
from tuyahouse.sync.access.persons import read_changes
from tuyahouse.sync.intake.rows import SourceError

HEADERS = {
    "manage_users": "username,password_from",
    "manage_device_persons": "device_id,person_id,action",
    "issue_visual_tokens": "product_key,device_name",
}
ROWS = {
    "manage_users": "alice,env:HOME",
    "manage_device_persons": "{device_id},p1,add",
    "issue_visual_tokens": "{product_id},{visual_name}",
}
SQLITE = pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)


def rows(desk: Desk, flow: str) -> list[str]:
    """A header and a row that would be written."""
    device = desk.sandbox.lines("truth/devices")[0]
    return [HEADERS[flow], ROWS[flow].format_map(device)]


def written(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.audit("what", "outcome")


@SQLITE
@pytest.mark.parametrize("flow", HEADERS)
def test_a_file_that_cannot_be_used_writes_nothing_and_says_so_without_options_that_a_flow_lacks(
    desk: Desk, tmp_path: Path, flow: str
) -> None:
    header, row = rows(desk, flow)
    file = tmp_path / "rows.csv"
    broken = gzip.compress("\n".join([header, row, *[f"{number}{row}" for number in range(9_999)]]).encode())
    for content, words in (
        (header.encode(), "rows.csv has a header and no row below it: there is nothing to do."),
        (f"{header},{header.split(',')[0]}\n{row},x".encode(), "Keep one of them"),
        (broken[: len(broken) // 2], "rows.csv cannot be read"),
    ):
        file.write_bytes(content)
        code, printed = desk.start(flow, path=str(file), dry_run=False)
        assert code == 1 and words in printed and "Traceback" not in printed, printed
        assert "registered" not in printed and "--" not in printed, printed
        assert written(desk) == []


@SQLITE
@pytest.mark.parametrize("flow", HEADERS)
def test_a_hidden_sheet_is_named_and_the_rows_of_the_visible_one_are_written(
    desk: Desk, tmp_path: Path, flow: str
) -> None:
    header, row = rows(desk, flow)
    book = Workbook()
    for each in (header, row):
        book.active.append(each.split(","))
    book.create_sheet("Later").sheet_state = "hidden"
    book["Later"].append(header.split(","))
    file = tmp_path / "rows.xlsx"
    book.save(file)
    printed = desk.write(flow, path=str(file))
    assert "Sheet Later is hidden and was not read; unhide it if it is to be." in printed, printed
    assert told(printed, "done") == 1 and [outcome for _, outcome in written(desk)] == ["done"]


def test_a_file_with_more_rows_than_are_held_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("device_id,person_id,action\n" + "d1,p1,add\n" * (file_rows.MOST_FILE_ROWS + 1))
    with pytest.raises(SourceError, match=r"more than 100,000 rows: nothing was written\. Split it"):
        list(read_changes(file))
