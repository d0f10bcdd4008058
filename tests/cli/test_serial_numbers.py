"""``tuyahouse sn`` and ``tuyahouse commands``: rows in, counts and refusals out."""

import signal
import sqlite3
import time
from pathlib import Path

import openpyxl
import pytest

from tests.intake.test_query_url import WITH_A_PASSWORD
from tuyahouse.cli.intake import REFUSED, ends_with_ctrl_c


@pytest.fixture
def units(tmp_path: Path) -> Path:
    file = tmp_path / "units.csv"
    file.write_text("SN,工单号\nA0001,WO-1\nA0002,\nA0001,WO-1\n,\n1.23E+15,\n")
    return file


def test_a_file_is_registered_and_counted(cli, units: Path) -> None:
    result = cli("sn", "add", "-a", "demo", str(units))
    assert result.exit_code == REFUSED == 3, "a script has to notice"
    assert result.stdout.splitlines() == [
        "units.csv: 5 rows read: 2 registered, 0 known before, 1 more than once in it, 1 blank, 1 refused.",
        "  row 6: '1.23E+15' is refused: its last digits are lost, because a spreadsheet turned it into a number; make "
        "the column text and enter it again",
        "All refused rows are in ops_dead_letter, kind serial_number. Correct the source and add it again.",
    ]


def test_a_corrected_file_ends_well_and_resolves_what_was_refused(cli, units: Path) -> None:
    cli("sn", "add", "-a", "demo", str(units))
    units.write_text(units.read_text().replace("1.23E+15", "1230000000000007"))
    assert cli("sn", "add", "-a", "demo", str(units)).exit_code == 0
    assert "No dead letter is open." in cli("status", "-a", "demo").stdout


def test_ctrl_c_ends_the_work_at_the_end_of_its_batch() -> None:
    done: list[int] = []
    with ends_with_ctrl_c(done.append) as on_rows:
        on_rows(1)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            on_rows(2)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_a_batch_that_takes_long() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), ends_with_ctrl_c(lambda count: None):
        signal.raise_signal(signal.SIGINT)
        time.sleep(30)
    assert time.monotonic() - began < 10


def test_a_second_time_changes_nothing(cli, units: Path) -> None:
    cli("sn", "add", "-a", "demo", str(units))
    result = cli("sn", "add", "-a", "demo", str(units))
    assert "0 registered, 2 known before" in result.stdout


def test_a_range_with_a_work_order(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B001..B003", "--work-order", "WO-7")
    result = cli("sn", "list", "-a", "demo", "--work-order", "WO-7", "--format", "csv")
    assert [line.split(",")[:4] for line in result.stdout.splitlines()] == [
        ["sn", "state", "order_code", "source"],
        ["B001", "new", "WO-7", "B001..B003"],
        ["B002", "new", "WO-7", "B001..B003"],
        ["B003", "new", "WO-7", "B001..B003"],
    ]


def test_a_query_whose_url_is_in_a_variable(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "mes.db") as mes:
        mes.execute("CREATE TABLE unit (sn TEXT)")
        mes.execute("INSERT INTO unit VALUES ('C0001'), ('C0002')")
    monkeypatch.setenv("MES_URL", f"sqlite:///{tmp_path / 'mes.db'}")
    result = cli("sn", "add", "-a", "demo", "--query-url", "env:MES_URL", "--query", "SELECT sn FROM unit")
    assert "2 rows read: 2 registered" in result.stdout


@pytest.mark.parametrize("url", WITH_A_PASSWORD)
def test_a_url_that_is_typed_with_a_password_is_refused_and_not_repeated(cli, url: str) -> None:
    result = cli("sn", "add", "-a", "demo", "--query-url", url, "--query", "SELECT sn FROM unit")
    assert result.exit_code == 2 and "in-the-clear-1" not in result.output
    assert "it may hold a password" in result.stderr and "write env:NAME" in result.stderr


def test_a_blank_inside_a_serial_number_of_a_query_is_refused_by_row(cli, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mes.db") as mes:
        mes.execute("CREATE TABLE unit (sn TEXT)")
        mes.execute("INSERT INTO unit VALUES ('C 0001'), (' C0002 ')")
    result = cli(
        "sn", "add", "-a", "demo", "--query-url", f"sqlite:///{tmp_path}/mes.db", "--query", "SELECT sn FROM unit"
    )
    assert result.exit_code == REFUSED and "1 registered" in result.stdout
    assert "row 1: 'C 0001' is refused: it holds a blank; write one key in a cell, without blanks" in result.stdout


def test_a_variable_that_is_not_set_is_a_usage_error(cli) -> None:
    result = cli("sn", "add", "-a", "demo", "--query-url", "env:NOT_SET", "--query", "SELECT 1")
    assert result.exit_code == 2
    assert "NOT_SET is not set" in result.stderr


@pytest.mark.parametrize(
    "sources",
    [[], ["units.csv", "--pattern", "A1..A2"], ["--query", "SELECT 1"], ["--query-url", "sqlite:///x.db"]],
    ids=["none", "two", "no url", "no query"],
)
def test_anything_but_one_source_is_a_usage_error(cli, sources: list[str]) -> None:
    result = cli("sn", "add", "-a", "demo", *sources)
    assert result.exit_code == 2
    assert "name one source" in result.stderr


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["sn", "add", "-a", "demo", "--pattern", "A1..A2", "--pattern", "B1..B2"], "--pattern"),
        (["status", "-a", "demo", "--account", "annex"], "--account"),
    ],
)
def test_an_option_that_is_given_twice_is_refused_instead_of_being_taken_once(
    cli, words: list[str], option: str, tmp_path: Path
) -> None:
    done = cli(*words)
    assert done.exit_code == 2 and option in done.stderr and "is given twice" in done.stderr, done.stderr
    assert not (tmp_path / "warehouse.db").exists()


def test_a_file_without_a_serial_number_column_names_those_it_has(cli, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,town\nLi,Hangzhou\n")
    result = cli("sn", "add", "-a", "demo", "people.csv")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "people.csv has no serial number column. Its columns are: name, town. Name one of them sn, serial_number or "
        "序列号 (and, if there is one, the work order order_code or 工单号)."
    )


def test_a_tilde_that_the_shell_left_is_home(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "at-home.csv").write_text("sn\nA0001\n")
    assert "1 registered" in cli("sn", "add", "-a", "demo", "~/at-home.csv").stdout
    assert cli("export", "serial_number", "-a", "demo", "--out", "~/out.csv").exit_code == 0
    assert "A0001" in (tmp_path / "out.csv").read_text()
    assert "There is no file" in cli("sn", "add", "-a", "demo", "~nobody-of-that-name/x.csv").stderr


def test_a_file_that_is_not_there(cli) -> None:
    result = cli("sn", "add", "-a", "demo", "nothing.csv")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "There is no file nothing.csv.")


def test_an_account_that_is_not_configured_gets_no_serial_number(cli, units: Path) -> None:
    result = cli("sn", "add", "-a", "demmo", str(units))
    assert result.exit_code == 1
    assert "There is no account 'demmo' (there are: demo)." in result.stderr


def test_the_case_of_an_account_does_not_count(cli) -> None:
    cli("sn", "add", "-a", "DEMO", "--pattern", "B001..B003")
    assert "B002" in cli("sn", "list", "-a", "Demo").stdout


def test_a_list_by_state_and_limit(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B001..B003")
    assert "B001" not in cli("sn", "list", "-a", "demo", "--state", "finished").stdout
    limited = cli("sn", "list", "-a", "demo", "--state", "new", "--limit", "2").stdout
    assert "\n B002 " in limited
    assert "\n B003 " not in limited
    assert "The first 2 are shown" in limited


def test_a_list_by_state_on_postgresql(cli, fresh_postgres_url: str, secret_key: str) -> None:
    there = {"TUYAHOUSE_WAREHOUSE_URL": fresh_postgres_url, "TUYAHOUSE_SECRET_KEY": secret_key}
    cli("sn", "add", "-a", "demo", "--pattern", "B001..B003", **there)
    assert "B002" in cli("sn", "list", "-a", "demo", "--state", "new", **there).stdout


def test_what_looks_like_markup_is_shown_as_it_is(cli) -> None:
    (Path.cwd() / "odd.csv").write_text("sn\n[red]X1[/red]\n")
    cli("sn", "add", "-a", "demo", "odd.csv")
    assert "[red]X1[/red]" in cli("sn", "list", "-a", "demo").stdout


# ------------------------------------------------------------------------------------------------------------ commands


def test_command_records_of_a_file_are_followed(cli, tmp_path: Path) -> None:
    file = tmp_path / "commands.csv"
    file.write_text("command_sn,device_id\n1111111111111111111,dev1\n1111111111111111112,\n")
    result = cli("commands", "add", "-a", "demo", str(file))
    assert result.exit_code == 0
    assert result.stdout.startswith("commands.csv: 2 rows read: 2 registered, 0 known before")
    again = cli("commands", "add", "-a", "demo", str(file))
    assert "0 registered, 2 known before" in again.stdout


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A workbook with two sheets of record numbers, the second under a heading of its own."""
    book = openpyxl.Workbook()
    for sheet, rows in (
        (book.worksheets[0], (("command_sn", "device_id"), ("1111111111111111111", "dev1"))),
        (book.create_sheet("Line 2"), (("Ticket", "device_id"), ("1111111111111111112", "dev2"))),
    ):
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "commands.xlsx")
    return tmp_path / "commands.xlsx"


def test_column_names_the_record_numbers_of_a_sheet_that_is_named(cli, records: Path) -> None:
    result = cli("commands", "add", "-a", "demo", str(records), "--sheet", "Line 2", "--column", "ticket")
    assert result.exit_code == 0 and "1 rows read: 1 registered" in result.stdout, result.output
    assert "1 rows read: 1 registered" in cli("commands", "add", "-a", "demo", str(records)).stdout, "the other sheet"


def test_a_sheet_or_column_of_commands_that_is_not_there_is_refused_with_those_that_are(cli, records: Path) -> None:
    result = cli("commands", "add", "-a", "demo", str(records), "--sheet", "Line 3")
    assert result.exit_code == 1 and "has no sheet Line 3. Its sheets are: Sheet, Line 2." in result.stderr
    result = cli("commands", "add", "-a", "demo", str(records), "--column", "Number")
    assert result.exit_code == 1
    assert "has no column Number. Its columns are: command_sn, device_id." in result.stderr


def test_two_columns_that_could_be_the_record_number_are_refused_with_both_names(cli, tmp_path: Path) -> None:
    (tmp_path / "commands.csv").write_text("command_sn,指令编号,device\n1111111111111111111,1111111111111111112,dev1\n")
    result = cli("commands", "add", "-a", "demo", "commands.csv")
    assert result.exit_code == 1
    assert (
        "2 columns that could hold the record number: command_sn, 指令编号. Choose one with --column." in result.stderr
    )
    assert cli("commands", "add", "-a", "demo", "commands.csv", "--column", "指令编号").exit_code == 0


def test_the_text_of_a_command_is_not_taken_for_its_record_number(cli, tmp_path: Path) -> None:
    (tmp_path / "commands.csv").write_text("command,command_sn\nswitch_on,1111111111111111111\n")
    assert "1 registered" in cli("commands", "add", "-a", "demo", "commands.csv").stdout


def test_a_blank_inside_a_record_number_is_refused_by_row(cli, tmp_path: Path) -> None:
    (tmp_path / "commands.csv").write_text("command_sn\n11111 11111\n1111111111111111111\n")
    result = cli("commands", "add", "-a", "demo", "commands.csv")
    assert result.exit_code == REFUSED
    assert "row 2: '11111 11111' is refused: it holds a blank" in result.stdout


def test_record_numbers_that_a_spreadsheet_turned_into_numbers_are_refused(cli, tmp_path: Path) -> None:
    (tmp_path / "commands.csv").write_text("指令编号;设备ID\n1.11111E+18;dev1\n1111111111111111112;dev2\n")
    result = cli("commands", "add", "-a", "demo", "commands.csv")
    assert "1 registered, 0 known before, 0 more than once in it, 0 blank, 1 refused" in result.stdout
    assert "row 2: '1.11111E+18' is refused: its last digits are lost" in result.stdout
    assert result.exit_code == REFUSED


def test_a_file_without_record_numbers_names_the_columns_it_has(cli, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,town\nLi,Hangzhou\n")
    result = cli("commands", "add", "-a", "demo", "people.csv")
    assert result.exit_code == 1
    assert "people.csv has no column of record numbers. Its columns are: name, town." in result.stderr
