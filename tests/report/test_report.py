"""The report as a file: what it says, in both languages; what is foreign stays text; a file that cannot be written."""

import ast
import re
import string
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import literal, update

from tests.marts import example
from tests.report import factory
from tuyahouse.report import build, write
from tuyahouse.report.words.zh import CHINESE, VALUES
from tuyahouse.settings import Account
from tuyahouse.warehouse import reading, tables
from tuyahouse.warehouse.errors import WarehouseError
from tuyahouse.warehouse.marts import MARTS
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.snapshot import snapshot
from tuyahouse.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "zh")


class Read(HTMLParser):
    """The elements with their attributes, and the text outside of the style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += f" {data}"


def account(name: str = "f") -> Account:
    return Account(
        name=name,
        client_id="id",
        client_secret="secret",
        region="eu",
        factory_time_zone="Asia/Shanghai",
        factory_shifts="day=08:00,night=20:00",
        stuck_after="P1D",
    )


def test_the_report_of_the_worked_example_says_its_numbers_on_both_databases(warehouse: Warehouse) -> None:
    example.fill(warehouse)
    refresh(warehouse, example.ACCOUNT, example.RULES, example.AS_OF)
    html, facts = build(warehouse, account())
    said = " ".join(Read(html).text.split())
    assert facts.as_of == example.AS_OF
    for words in (
        "As of 2026-03-04 08:00 (Asia/Shanghai)",  # as_of in the factory's zone
        "03-03 Tue, the last whole workday",
        "Stuck units: 4",
        "4 of 12 · due 03-06 Fri · at this pace 03-06 Fri",  # the order A1, late
        # its row: finished, target, open, stuck, waiting, clean, a day, done by, due
        "4 12 4 3 1 50.0% 2.0 03-06 Fri 2026-03-06 08:00",
        "lineA · n1 9 87.5% 88.9% 11.1% 1.11",  # yields of a node
        "A1 lineA 60.0% 50.0% 3 / 3",  # rolled yield beside the clean share
        "u10 A1 n2 passed 2026-03-02 13:20 38.7 h",  # a stuck unit
        "2026-03-03 3 46.3% 2",  # presence of a day: devices, online, changes
        "c3 d2 stuck 21.0 h 4",  # a command that hangs
        "sn device conflict ! warning 2",  # a check of the data
        "FALSE_MEANS failed",  # a setting in force
    ):
        assert words in said, words


def test_an_account_without_data_gets_a_page_that_says_what_to_do(warehouse: Warehouse, tmp_path: Path) -> None:
    new = factory.account().model_copy(update={"name": "new"})
    built = write(warehouse, new, tmp_path / "new.html")
    said = (tmp_path / "new.html").read_text()
    assert built.as_of == "" and "No data yet" in said
    for command in (
        "tuyahouse sn add -a new units.csv",
        "python -m flows nightly_sync -p account=new",
        "python -m flows sync_devices -p account=new",
        "tuyahouse commands add -a new commands.csv",
    ):
        assert command in said
    assert build(warehouse, new, "zh")[0].count("尚无") >= 4


def test_an_account_without_pms_is_told_that_work_orders_need_it(warehouse: Warehouse) -> None:
    said = build(warehouse, account("new"))[0]
    assert said.count("TUYAHOUSE_ACCOUNTS__NEW__PMS_USERNAME") == 3 and "tuyahouse sn add" not in said
    assert "no user of Tuya&#39;s production system" in said


def test_foreign_text_stays_text_and_the_vendors_data_stays_out(warehouse: Warehouse) -> None:
    factory.fill(warehouse, orders=4, units=12)
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e\x1b]0;x\x07{{7*7}}"
    with warehouse.begin() as conn:
        for table, columns in (
            (tables.work_order, ("product",)),
            (tables.device, ("product_name",)),
            (MARTS["mart_unit"].table, ("last_node", "last_result")),
            (MARTS["mart_station_day"].table, ("shift",)),
            (MARTS["mart_control"].table, ("node",)),
            (MARTS["mart_order_day"].table, ("shift",)),
            (MARTS["mart_interval_day"].table, ("to_node",)),
            (tables.craft_line, ("craft_line_code",)),
            (tables.ops_run, ("note", "status")),
            (tables.ops_drift, ("field", "sample")),
            (tables.ops_dead_letter, ("reason",)),
            (tables.command, ("verdict",)),
        ):
            conn.execute(update(table).values({name: literal(hostile).concat(table.c[name]) for name in columns}))
    for language in LANGUAGES:
        html, _ = build(warehouse, factory.account(), language)
        read = Read(html)
        kinds = {tag for tag, _ in read.tags}
        assert not kinds & {
            "script",
            "img",
            "iframe",
            "object",
            "embed",
            "link",
            "form",
            "base",
            "foreignobject",
            "use",
        }
        attributes = {name for _, found in read.tags for name in found}
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "xlink:href")]
        assert {found["href"][0] for _, found in read.tags if found.get("href")} == {"#"}
        assert read.text.count("<script>alert(1)</script>") > 20
        assert "\u202e" not in html and "\x1b" not in html
        assert "extend-data-secret" not in html and "extend_data" not in html


def test_every_text_is_there_in_chinese_with_the_same_values() -> None:
    said = set()
    for file in (ROOT / "tuyahouse" / "report").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", None) or getattr(called, "attr", None)
            if isinstance(node, ast.Call) and name == "w" and isinstance(node.args[0], ast.Constant):
                said.add(node.args[0].value)
    assert said == CHINESE.keys()
    assert all(CHINESE.values()) and all(VALUES.values())
    for english, chinese in CHINESE.items():
        named = [
            sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in (english, chinese)
        ]
        assert named[0] == named[1], english


def test_numbers_are_of_one_moment_though_a_run_lands_while_they_are_read(warehouse: Warehouse) -> None:
    factory.fill(warehouse, orders=2, units=5)
    query = reading.query_of("mart_order_state", where={"account": factory.NAME})
    with snapshot(warehouse, factory.NAME) as moment:
        before = moment.rows(query)[1]
        with warehouse.begin() as conn:
            conn.execute(MARTS["mart_order_state"].table.delete())
        assert moment.rows(query)[1] == before
        with pytest.raises(Exception, match=r"read-?only|not authorized"):
            moment.conn.execute(MARTS["mart_order_state"].table.delete())
    with snapshot(warehouse, factory.NAME) as moment:
        assert moment.rows(query)[1] == []


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_written_is_named_and_what_was_there_is_left(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "there.html").write_text("before")
    for out in (tmp_path / "nowhere" / "r.html", tmp_path, tmp_path / "there.html" / "r.html"):
        with pytest.raises(
            WarehouseError, match=rf"{re.escape(str(out))} cannot be written: .* Name a file in a folder"
        ):
            write(warehouse, account(), out)
    assert (tmp_path / "there.html").read_text() == "before"
    write(warehouse, account(), tmp_path / "there.html")
    assert [one.name for one in tmp_path.glob("*.html")] == ["there.html"]
    assert not list(tmp_path.glob(".*.part"))


def test_the_report_needs_no_plotting_library_and_nothing_of_prefect() -> None:
    said = "import sys, tuyahouse.report; print([m for m in ('matplotlib', 'prefect', 'jinja2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True).stdout == "[]\n"
