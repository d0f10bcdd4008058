"""What an operator looks at: plan, status, explain, dictionary, migrate."""

import asyncio
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from tests.cli.asking import ask
from tests.cli.conftest import PROGRAM
from tests.support.direct_nights import Nights
from tests.support.sandbox import Sandbox
from tuyahouse.cli.program import app
from tuyahouse.outcome import Outcome
from tuyahouse.sync.serial_numbers.budget import share_of_night
from tuyahouse.warehouse import schema
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.ledgers.refusals import record_refusal
from tuyahouse.warehouse.messages import gaps, ledger
from tuyahouse.warehouse.messages.gaps import AWAY_TOO_LONG, Gap
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.tables import metadata, ops_lock
from tuyahouse.warehouse.warehouse import Warehouse

SN = "YZCB04ZZR00001"
LEASE = timedelta(minutes=2)
DEMO = "TUYAHOUSE_ACCOUNTS__DEMO__"
ANNEX = {"REGION": "eu", "CLIENT_ID": "an-id-of-the-annex", "CLIENT_SECRET": "a-secret-of-the-annex-of-32-chars"}


@pytest.fixture
def asked(sandbox: Sandbox, sqlite_url: str) -> None:
    """One unit that the factory knows and one that it does not were asked."""
    asyncio.run(ask(sandbox.account, sqlite_url, [SN, "NOBODY0001"]))


def cells(text: str, first: str) -> list[str]:
    """The cells of the row that begins with ``first``."""
    row = next(line for line in text.splitlines() if line.strip().startswith(first))
    return [cell for cell in row.split("  ") if cell.strip()]


def row(text: str, first: str) -> list[str]:
    return [cell.strip() for cell in cells(text, first)]


# ---------------------------------------------------------------------------------------------------------------- plan


def test_a_plan_counts_what_is_due_by_its_reason(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B0001..B0100", "--work-order", "WO-1")
    result = cli("plan", "-a", "demo", CALLS_PER_SECOND="4", MONTHLY_CALLS="26000")
    assert result.exit_code == 0
    assert row(result.stdout, "pass counts") == ["pass counts of work orders", "0", "0"]
    assert row(result.stdout, "serial numbers never asked") == ["serial numbers never asked", "100", "100"]
    assert row(result.stdout, "craft lines") == ["craft lines of work orders", "2"]
    assert row(result.stdout, "tokens") == ["tokens", "3"]
    assert row(result.stdout, "devices on lists") == ["devices on lists", "0", "2"]
    assert row(result.stdout, "all") == ["all", "107"]
    lines = result.stdout.splitlines()
    assert "The counts are not trusted yet: they agreed on 0 of 2 nights." in lines
    assert "At 4 calls per second and endpoint the serial numbers take about 25 s." in lines
    assert "That is 0.4% of the month's 26,000 calls, of which 26,000 are left now; 25,893 would be left." in lines
    assert (
        "Never read whole: north-hall, south-hall. How many devices are listed there nobody knows yet, and each new "
        "one costs 3 calls for its details, in the same night."
    ) in lines
    assert row(result.stdout, "stale") == ["stale", "26,000", "100", "1 day", "1 day", "same night"]
    assert lines[-1] == (
        "At 26,000 calls a month by pass_counts: work orders at most 1 day old, serial numbers at most 6 days."
    )


def test_a_plan_says_what_the_budget_leaves_for_later(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B0001..B0100")
    result = cli("plan", "-a", "demo", MONTHLY_CALLS="50")
    paid = share_of_night(50, datetime.now(UTC)) - 3
    assert row(result.stdout, "serial numbers never asked") == ["serial numbers never asked", "100", str(paid)]
    assert f"Tonight's share of the month's calls leaves {100 - paid} serial numbers for later nights." in result.stdout
    assert row(result.stdout, "stale") == ["stale", "50", "1", "100 days", "100 days", "100 days"]


def test_a_plan_fits_into_80_columns_and_shows_what_another_strategy_or_budget_would_give(
    environment: dict[str, str], sqlite_url: str, secret_key: str
) -> None:
    """Some nights of a factory are in the warehouse: the counts are trusted, and tonight goes by them."""
    warehouse = Warehouse.open(sqlite_url, secret_key)
    nights = Nights(warehouse, orders=12, order_units=60, orders_at_once=4)
    for day in range(4):
        nights.run(day)
    warehouse.close()
    budget = {f"{DEMO}MONTHLY_CALLS": "26000", f"{DEMO}CALLS_PER_SECOND": "4", "TUYAHOUSE_SECRET_KEY": secret_key}
    shown = in_a_terminal(["plan", "-a", "demo"], environment | budget, 80)
    assert max(map(len, shown)) <= 80
    text, words = "\n".join(shown), " ".join(" ".join(shown).split())
    assert "Left out at this width" not in words
    assert int(row(text, "pass counts of work orders")[1]) > 0
    assert int(row(text, "serial numbers moved, and samples")[1]) > 0
    assert "The counts are trusted (passed)." in words
    found = [line.split() for line in shown[[line.startswith("In the long run") for line in shown].index(True) :]]
    by_all, by_counts = (next(one for one in found if one[:2] == [name, "26,000"]) for name in ("all", "pass_counts"))
    assert by_all[3:] == ["1", "day", "1", "day", "same", "night"]
    assert int(by_counts[2]) < int(by_all[2]) and by_counts[3:] == ["1", "day", "6", "days", "same", "night"]
    assert any(one[:3] == ["pass_counts", "no", "limit"] for one in found)
    assert "At 26,000 calls a month by pass_counts: work orders at most 1 day old, serial numbers at most 6" in words
    assert "Now: the open serial number that was asked longest ago was asked" in words


def test_a_budget_of_nothing_plans_nothing_and_says_so(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B0001..B0100")
    planned = cli("plan", "-a", "demo", MONTHLY_CALLS="0").stdout
    assert row(planned, "serial numbers never asked") == ["serial numbers never asked", "100", "0"]
    assert row(planned, "tokens") == ["tokens", "0"]
    words = " ".join(planned.split())
    assert "MONTHLY_CALLS is 0: no call is paid for, so nothing is asked." in words
    assert "At 0 calls a month nothing is ever asked." in words
    assert "0.0% of 0, 0 left" in cli("status", "-a", "demo", MONTHLY_CALLS="0").stdout


def test_a_strategy_and_a_budget_that_do_not_exist_are_refused_with_what_may_be_written(cli) -> None:
    refused = cli("plan", MONTHLY_CALLS="-1", STRATEGY="fast")
    assert refused.exit_code == 1
    assert f"{DEMO}MONTHLY_CALLS: must be at least 0" in refused.stderr
    assert f"{DEMO}STRATEGY: must be 'all', 'stale' or 'pass_counts'" in refused.stderr


@pytest.mark.usefixtures("asked")
def test_a_plan_without_calls_left_says_so(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B0001..B0100")
    shown = cli("plan", "-a", "demo", MONTHLY_CALLS="5").stdout
    assert "calls, of which 0 are left now; 0 would be left." in shown
    assert "The month's calls do not pay for all of it" in shown


@pytest.mark.usefixtures("asked")
def test_blanks_around_a_serial_number_do_not_hide_it(cli) -> None:
    assert cli("explain", "-a", "demo", f" {SN}\n", "--raw").exit_code == 0


def test_a_plan_says_what_the_night_cannot_ask_and_which_settings_to_add(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B0001..B0100")
    shown = cli("plan", "-a", "demo", PMS_USERNAME="", PMS_PASSWORD="", PROJECT_IDS="").stdout
    p = "TUYAHOUSE_ACCOUNTS__DEMO__"
    assert (
        f"A night follows open commands. It asks no serial number: set {p}PMS_USERNAME and {p}PMS_PASSWORD. "
        f"It reads no device list: set {p}PROJECT_IDS.\n"
        "100 serial numbers are due and cannot be asked without a user of Tuya's production system."
    ) in shown
    assert row(shown, "serial numbers never asked") == ["serial numbers never asked", "100", "0"]
    able = cli("plan", "-a", "demo").stdout
    assert "A night asks the due serial numbers, reads the device lists and follows open commands.\n" in able
    assert "cannot be asked" not in able


def test_the_only_account_need_not_be_named_and_several_are(cli) -> None:
    assert cli("sn", "add", "--pattern", "B0001..B0003").exit_code == 0
    assert "B0002" in cli("sn", "list").stdout
    two = {f"TUYAHOUSE_ACCOUNTS__ANNEX__{name}": value for name, value in ANNEX.items()}
    for command in (["sn", "list"], ["sn", "add", "--pattern", "B1..B2"], ["dead-letters", "list"], ["explain", "B1"]):
        result = cli(*command, **two)
        assert result.exit_code == 1, command
        assert result.stderr.splitlines() == [
            "Several accounts are configured: annex, demo. Name one of them. For example:",
            f"  tuyahouse {' '.join(command)} --account annex",
        ]
    assert "default: the only one" in cli("sn", "list", "--help").stdout


def test_a_plan_makes_no_call(cli, sandbox: Sandbox) -> None:
    before = sandbox.control("stats")["calls"]
    cli("plan")
    cli("status")
    assert sandbox.control("stats")["calls"] == before


def test_commands_of_a_file_are_in_the_plan(cli, tmp_path) -> None:
    (tmp_path / "commands.csv").write_text("sn\n1111111111111111111\n1111111111111111112\n")
    cli("commands", "add", "-a", "demo", "commands.csv")
    assert row(cli("plan").stdout, "open commands") == ["open commands", "2", "2"]


def test_without_an_account_the_plan_says_what_to_set() -> None:
    result = CliRunner().invoke(app, ["plan"])
    assert result.exit_code == 1
    assert result.stderr.startswith("No account is configured. Set TUYAHOUSE_ACCOUNTS__<NAME>__REGION")


# -------------------------------------------------------------------------------------------------------------- status


@pytest.mark.usefixtures("asked")
def test_status_shows_runs_registry_calls_and_tokens(cli) -> None:
    result = cli("status", "-a", "demo", MONTHLY_CALLS="100")
    assert result.exit_code == 0
    assert "sync_sn_flows: balanced\n               run key tonight\n               2 asked, " in result.stdout
    assert row(result.stdout, "unknown") == ["unknown", "1"]
    assert row(result.stdout, "POST /v1.0/pms/station/sn/flows/get") == [
        "POST /v1.0/pms/station/sn/flows/get",
        "2",
        "0",
        "0",
    ]
    assert "5 (5.0% of 100, 95 left)." in result.stdout
    assert "Token platform: number 1, " in result.stdout
    assert "Token pms: number 1, " in result.stdout
    assert "No dead letter is open." in result.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_status_fits_a_terminal_with_long_notes(program, environment, sqlite_url, columns) -> None:
    with closing(Warehouse.open(sqlite_url)) as warehouse:
        run = runs.start_run(warehouse, "demo", "reconcile_commands", f"reconcile_commands/{'k' * 30}", {})
        note = "Project north-hall was not read completely: the list ended at page 7 of 9 (1106, permission deny). " * 9
        runs.finish_run(warehouse, run.run_id, "failed", note)
        night = runs.start_run(warehouse, "demo", "sync_sn_flows", "under way", {})
        with warehouse.begin() as conn:
            run_chunks.add_chunks(conn, night.run_id, [["A1", "A2", "A3"], ["A4"]])
            run_chunks.finish_chunk(conn, night.run_id, 0, Outcome(asked=3, answered=3))
        with locks.account_lock(warehouse, locks.of_run("demo", "sync_sn_flows", "under way"), "it", LEASE):
            lines = in_a_terminal(["status", "-a", "demo"], environment, columns)
    assert any(line.endswith("sync_sn_flows: running") for line in lines)
    whole = [line for line in lines if line.endswith(".db") or "python -m flows" in line]
    assert max(len(line) for line in lines if line not in whole) <= columns
    key = f"run_key=reconcile_commands/{'k' * 30}"
    assert f"python -m flows reconcile_commands -p account=demo -p {key}" in map(str.strip, whole), "to be pasted"
    assert any(line.endswith("reconcile_commands: failed") for line in lines)
    words = " ".join(" ".join(lines).split())
    assert note.strip() in words, "no word of it is torn"
    assert "3 of 4 committed (75%)" in words


@pytest.mark.parametrize(("seconds", "state"), [(60, "running"), (-1, "died")])
def test_a_run_that_was_killed_on_another_machine_has_died_once_its_lock_has_ended(cli, sqlite_url, seconds, state):
    now = datetime.now(UTC)
    with closing(Warehouse.open(sqlite_url)) as warehouse:
        runs.start_run(warehouse, "demo", "nightly_sync", "night of $HOME", {})
        lock = {"name": "demo/nightly_sync/night of $HOME", "holder": "it", "process": "elsewhere/1/2/3#4"}
        with warehouse.begin() as conn:
            conn.execute(ops_lock.insert().values(acquired_at=now, expires_at=now + timedelta(seconds=seconds), **lock))
    shown = cli("status", "-a", "demo").stdout
    assert f"nightly_sync: {state}\n" in shown
    how = "To continue: python -m flows nightly_sync -p account=demo -p 'run_key=night of $HOME'"
    assert (how in " ".join(shown.split())) == (state == "died")


def test_a_start_for_an_account_that_is_not_in_the_settings_is_shown(cli, sqlite_url):
    with closing(Warehouse.open(sqlite_url)) as warehouse:
        record_refusal(warehouse, "other", "nightly_sync", "n", {}, "There is no account 'other'.")
    shown = cli("status").stdout
    assert "Account other is not in the settings.\n" in shown and "There is no account 'other'." in shown
    assert "Account other" not in cli("status", "-a", "demo").stdout
    named = cli("status", "-a", "other")
    assert named.exit_code == 0 and "nightly_sync: failed" in named.stdout
    assert named.stdout.splitlines()[1].startswith(
        "Account other is not in the settings: its runs are all that is shown."
    )
    unknown = cli("status", "-a", "nobody")
    assert unknown.exit_code == 1
    assert unknown.stderr.startswith("There is no account 'nobody' (there are: demo).")


def in_a_terminal(arguments: list[str], environment: dict[str, str], columns: int) -> list[str]:
    """What the program prints to a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {name: value for name, value in {**os.environ, **environment}.items() if name != "COLUMNS"}
    process = subprocess.Popen([PROGRAM, *arguments], env={**env, "TERM": "dumb"}, stdout=theirs, stderr=theirs)
    os.close(theirs)
    printed = b""
    with suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 65536):
            printed += piece
    os.close(ours)
    assert process.wait(60) == 0, printed
    return printed.decode().splitlines()


@pytest.mark.usefixtures("asked")
def test_status_holds_no_token(cli, sandbox: Sandbox) -> None:
    shown = cli("status").output
    assert [secret for secret in sandbox.control("secrets") if secret in shown] == []


def test_status_of_an_empty_warehouse_says_so(cli, sqlite_url: str) -> None:
    Warehouse.open(sqlite_url).close()
    shown = cli("status").stdout
    for line in ("No run yet.", "No serial number is registered.", "No message has been read yet."):
        assert line in shown


def test_status_counts_dead_letters_by_reason_and_shows_open_gaps(cli, sqlite_url: str) -> None:
    letter = type(
        "L", (), {"kind": "sn_flows", "key": SN, "reason": "item_error", "code": "1109", "message": "", "raw": None}
    )
    now = datetime.now(UTC)
    warehouse = Warehouse.open(sqlite_url)
    with warehouse.begin() as conn:
        dead_letters.record(conn, "demo", [letter], now)
        ledger.advance(conn, "demo", "pulsar", now, now=now, messages=7)
        gaps.record_gap(conn, "demo", Gap(now - timedelta(hours=5), now, AWAY_TOO_LONG, "Asleep."))
    warehouse.close()
    shown = cli("status").stdout
    assert row(shown, "sn_flows") == ["sn_flows", "item_error", "1", "0", "0"]
    assert row(shown, "pulsar")[-3:] == ["7", "0", "0"]
    assert "UTC may be lost. Asleep. Reading all devices and open commands closes it." in shown
    assert cli("dead-letters", "dismiss", "-a", "demo", "--by", "ana", "--why", "scrapped", SN).exit_code == 0
    assert "No dead letter is open (1 dismissed)." in cli("status").stdout


# ------------------------------------------------------------------------------------------------------------- explain


@pytest.mark.usefixtures("asked")
def test_explain_shows_registry_steps_run_and_bytes(cli) -> None:
    result = cli("explain", "-a", "demo", SN)
    assert result.exit_code == 0
    assert row(result.stdout, "order_code") == ["order_code", "YZCB04ZZR"]
    assert "firstTest" in result.stdout
    assert "sync_sn_flows" in result.stdout
    assert f'"sn":"{SN}"' in result.stdout


@pytest.mark.usefixtures("asked")
def test_explain_raw_gives_the_bytes_of_tuya_and_nothing_else(cli) -> None:
    answer = json.loads(cli("explain", "-a", "demo", SN, "--raw").stdout_bytes)
    assert {step["sn"] for step in answer["result"]} == {SN}
    assert answer["success"] is True


def test_explain_of_an_unknown_serial_number(cli, sqlite_url: str) -> None:
    Warehouse.open(sqlite_url).close()
    result = cli("explain", "-a", "demo", "NOBODY")
    assert result.exit_code == 1
    assert result.stderr == "The warehouse holds nothing on NOBODY: register it with `tuyahouse sn add -a demo …`.\n"


def test_explain_raw_without_a_kept_answer(cli) -> None:
    cli("sn", "add", "-a", "demo", "--pattern", "B001..B001")
    result = cli("explain", "-a", "demo", "B001", "--raw")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("No answer of Tuya about B001 is kept")


# --------------------------------------------------------------------------------------- dictionary, migrate, databases


def test_the_dictionary_has_every_table_and_needs_no_settings(cli) -> None:
    result = cli("dictionary", CALLS_PER_SECOND="nonsense")
    assert result.exit_code == 0
    assert [name for name in metadata.tables if f"\n## {name}\n" not in result.stdout] == []


def test_the_dictionary_as_a_table(cli) -> None:
    result = cli("dictionary", "--format", "table")
    assert "What devices reported" not in result.stdout
    assert [name for name in metadata.tables if name not in result.stdout] == []


def test_migrate_sets_an_empty_database_up(cli, sqlite_url: str) -> None:
    result = cli("migrate")
    assert result.exit_code == 0
    assert result.stdout.endswith(f"w.db is at schema {schema.HEAD}.\n".replace("w.db", "warehouse.db"))


def test_a_newer_schema_is_refused_and_left_as_it_is(cli, sqlite_url: str) -> None:
    warehouse = Warehouse.open(sqlite_url)
    with warehouse.begin() as conn:
        conn.exec_driver_sql("UPDATE tuyahouse_schema SET version_num = '9999'")
    warehouse.close()
    for command in (["migrate"], ["status"], ["sn", "list", "-a", "demo"]):
        result = cli(*command)
        assert result.exit_code == 1
        assert "has schema 9999, which this version of tuyahouse does not know" in result.stderr


def test_an_older_schema_names_the_command_to_run(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("migrate")
    monkeypatch.setattr(schema, "HEAD", "0999")
    result = cli("status")
    assert result.exit_code == 1
    assert "run `tuyahouse migrate`" in result.stderr


@pytest.mark.parametrize(
    "command", [["status"], ["plan"], ["migrate"], ["sn", "add", "-a", "demo", "--pattern", "A1..A2"]]
)
def test_a_database_that_is_away_is_one_sentence(cli, command: list[str]) -> None:
    result = cli(*command, TUYAHOUSE_WAREHOUSE_URL="postgresql://reader:s3cret@127.0.0.1:9/house")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("The warehouse postgresql://reader:***@127.0.0.1:9/house cannot be reached: ")
    assert line.endswith("Check TUYAHOUSE_WAREHOUSE_URL.")
    assert "s3cret" not in result.output


def test_a_read_only_database_is_one_sentence(cli, sqlite_url: str) -> None:
    Warehouse.open(sqlite_url).close()
    path = sqlite_url.removeprefix("sqlite:///")
    read_only = f"sqlite:///file:{path}?mode=ro&uri=true"
    result = cli("sn", "add", "-a", "demo", "--pattern", "A1..A2", TUYAHOUSE_WAREHOUSE_URL=read_only)
    assert result.exit_code == 1
    assert "warehouse.db is read-only. Make the file and its folder writable" in result.stderr.splitlines()[-1]


def test_a_database_of_something_else_is_left_as_it_is(cli, fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE payroll (a text)")
    result = cli("migrate", TUYAHOUSE_WAREHOUSE_URL=fresh_postgres_url)
    assert result.exit_code == 1
    assert "holds tables of something else (payroll" in result.stderr


# -------------------------------------------------------------------------------------------- accounts without settings


@pytest.mark.usefixtures("asked")
def test_explain_and_status_need_no_settings_of_an_account_that_the_warehouse_knows(sqlite_url: str) -> None:
    env = {"PATH": os.environ["PATH"], "TUYAHOUSE_WAREHOUSE_URL": sqlite_url}
    for arguments, words in (
        (["explain", "-a", "demo", SN], "Steps (UTC)"),
        (["status", "-a", "demo"], "sync_sn_flows"),
    ):
        shown = subprocess.run([PROGRAM, *arguments], env=env, capture_output=True, text=True)
        assert (shown.returncode, words in shown.stdout) == (0, True), shown.stderr
    unknown = subprocess.run([PROGRAM, "explain", "-a", "nobody", SN], env=env, capture_output=True, text=True)
    assert unknown.returncode == 1
    assert "There is no account 'nobody'" in unknown.stderr


@pytest.mark.usefixtures("asked")
def test_a_table_that_is_too_wide_leaves_its_last_columns_out_and_says_so(environment: dict[str, str]) -> None:
    printed = in_a_terminal(["explain", "-a", "demo", SN], environment, 80)
    steps = printed[next(place for place, line in enumerate(printed) if line.startswith("Steps (UTC)")) :]
    assert any("2026-" in line and len(line.split()[0]) == len("2026-11-20") for line in steps), "times stay whole"
    assert "Left out at this width: craft_line_code, gone_at, first_run, last_run." in " ".join(steps)
    tables = [line for line in steps if SN not in line and not line.startswith("Newest answer")]
    assert max(map(len, tables)) <= 80
