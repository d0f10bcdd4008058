"""What only a person can change: the run is red, says what to change, and nothing is lost."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import openpyxl
import pytest

from tests.flows.nights import environment_of, open_dead_letters, register, rows, units
from tests.flows.operator import Operator
from tests.support.sandbox import Sandbox
from tuyahouse.outcome import Outcome
from tuyahouse.warehouse.ledgers import dead_letters, dismissal, runs
from tuyahouse.warehouse.ledgers.dismissal import Chosen
from tuyahouse.warehouse.tables import craft_line, ops_dead_letter, ops_lock, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

DEMO = "TUYAHOUSE_ACCOUNTS__DEMO__"
WRONG_SETTINGS = [
    ({f"{DEMO}CLIENT_SECRET": "not-the-secret-of-this-account"}, f"{DEMO}CLIENT_SECRET"),
    ({f"{DEMO}CLIENT_ID": "not-the-id"}, f"{DEMO}CLIENT_ID"),
    ({f"{DEMO}SIGNATURE": "v1"}, f"{DEMO}SIGNATURE"),
    ({f"{DEMO}PMS_USERNAME": "nobody"}, f"{DEMO}PMS_USERNAME"),
    ({f"{DEMO}PMS_PASSWORD": "not-the-password"}, f"{DEMO}PMS_PASSWORD"),
]
CRAFT_LINES_ASKED = "asked?endpoint=POST%20/v2.0/pms/production/craftline/get/{orderCode}"
REFUSING = [("region", f"{DEMO}REGION"), ("ip", "IP allow list"), ("rights", "right"), ("subscription", "Subscribe")]


@pytest.fixture
def start(tuya: Sandbox, operator: Operator, sqlite_url: str, secret_key: str) -> Callable[..., tuple[int, str]]:
    env = environment_of(tuya, sqlite_url, secret_key)
    return lambda name, changes={}, **parameters: operator.run(name, env | changes, **parameters)


@pytest.fixture
def warehouse(tuya: Sandbox, sqlite_url: str, secret_key: str) -> Iterator[Warehouse]:
    """On SQLite, with thirty units."""
    opened = Warehouse.open(sqlite_url, secret_key)
    register(opened, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 10])
    yield opened
    opened.close()


def goes_on(start: Callable[..., tuple[int, str]], warehouse: Warehouse) -> None:
    """Mended and started again with the same run key, the night ends as it should."""
    code, printed = start("nightly_sync", run_key="n")
    assert code == 0, printed
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert found and (found.status, found.outcome.asked) == ("balanced", 30)
    assert rows(warehouse, ops_dead_letter) == [] and rows(warehouse, ops_lock) == []


@pytest.mark.parametrize(("changes", "words"), WRONG_SETTINGS, ids=lambda value: str(next(iter(value)))[-12:])
def test_a_wrong_setting_is_named_and_costs_no_serial_number(start, warehouse, tuya, changes, words):
    code, printed = start("sync_sn_flows", changes, run_key="n")
    assert code == 1 and words in printed, printed
    assert "Traceback" not in printed
    assert rows(warehouse, ops_dead_letter) == []
    goes_on(start, warehouse)


@pytest.mark.parametrize(("fault", "words"), REFUSING)
def test_what_tuya_does_not_allow_is_said_with_its_remedy(start, warehouse, tuya, fault, words):
    tuya.control("faults", {fault: 1})
    code, printed = start("nightly_sync", run_key="n")
    assert code == 1 and words in printed, printed
    assert "Traceback" not in printed
    tuya.control("faults", {})
    goes_on(start, warehouse)


def test_an_unknown_account_is_refused_with_the_names_of_those_configured(start, warehouse):
    code, printed = start("nightly_sync", account="other")
    assert code == 1 and "There is no account 'other' (there are: demo)" in printed


@pytest.mark.parametrize("account", [None, ""])
def test_the_only_account_need_not_be_named(start, warehouse, prefect_server, account):
    code, printed = start("sync_sn_flows", account=account, sns=["YZCB04ZZR00011"], run_key="n")
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert code == 0 and found and found.status == "balanced", printed
    query = {"sort": "START_TIME_DESC", "limit": 1}
    assert prefect_server.api("flow_runs/filter", query)[0]["name"].startswith("sn flows demo ")


def test_of_several_accounts_one_must_be_named(start, warehouse):
    annex = {"REGION": "eu", "CLIENT_ID": "an-id-of-the-annex", "CLIENT_SECRET": "a-secret-of-the-annex-of-32-chars"}
    two = {f"TUYAHOUSE_ACCOUNTS__ANNEX__{name}": value for name, value in annex.items()}
    code, printed = start("nightly_sync", two, account=None)
    assert code == 2 and "Several accounts are configured: annex, demo. Name one of them." in printed
    assert runs.recent_runs(warehouse) == []


def test_a_warehouse_that_is_away_is_said_in_words(start, tuya):
    url = "postgresql://someone:a-password-of-no-use@127.0.0.1:9/none"
    code, printed = start("nightly_sync", {"TUYAHOUSE_WAREHOUSE_URL": url})
    assert code == 1 and "Traceback" not in printed
    assert "127.0.0.1" in printed and "a-password-of-no-use" not in printed


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"sns": 7}, "sns"), ({"limit": 0}, "limit"), ({"nothing": 1}, "nothing: there is no such parameter")],
)
def test_a_wrong_parameter_is_named_before_anything_starts(start, warehouse, tuya, parameters, words):
    code, printed = start("sync_sn_flows", **parameters)
    assert code == 2 and words in printed
    assert runs.recent_runs(warehouse) == []


def test_given_serial_numbers_are_asked_and_those_that_tuya_knows_are_registered(start, warehouse, tuya):
    code, printed = start("sync_sn_flows", sns=["YZCB04ZZR00011", "NOBODY"], run_key="n")
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert code == 0 and found, printed
    assert (found.outcome.answered, found.outcome.empty) == (1, 1)
    assert set(tuya.control("asked")) == {"YZCB04ZZR00011", "NOBODY"}
    assert "Tuya does not know NOBODY. A run registers what Tuya knows; `tuyahouse sn add`" in printed
    registered = dict(rows(warehouse, serial_number, "sn", "source"))
    assert registered["YZCB04ZZR00011"] == "asked for" and "NOBODY" not in registered


def test_a_serial_number_that_a_file_names_as_well_stays_registered(start, warehouse):
    register(warehouse, ["NOBODY"])
    assert start("sync_sn_flows", sns=["NOBODY"], run_key="n")[0] == 0
    assert ("NOBODY", "test", "unknown") in rows(warehouse, serial_number, "sn", "source", "state")


NAMES_NONE = [
    ("sync_sn_flows", {"sns": []}),
    ("sync_sn_flows", {"sns": ["", " "]}),
    ("sync_sn_flows", {"work_orders": []}),
    ("reconcile_commands", {"command_sns": []}),
    ("sync_devices", {"project_ids": []}),
]


@pytest.mark.parametrize(("flow", "parameters"), NAMES_NONE, ids=str)
def test_who_names_no_key_is_told_so_instead_of_asking_all(start, warehouse, tuya, flow, parameters):
    code, printed = start(flow, **parameters)
    assert code == 2 and f"-p {next(iter(parameters))}: names none; leave it out for " in printed, printed
    assert runs.recent_runs(warehouse) == [] and tuya.control("asked") == {}


def test_a_work_order_without_serial_numbers_is_red_once_the_others_are_asked(start, warehouse, tuya):
    register(warehouse, [("YZCB04ZZR00011", "YZCB04ZZR")])
    code, printed = start("sync_sn_flows", work_orders=["YZCB04ZZR", "NOPE"], run_key="n")
    assert code == 1 and "The registry holds no serial number of these work orders: NOPE." in printed, printed
    assert tuya.control("asked") == {"YZCB04ZZR00011": 1}
    register(warehouse, [("YZCB04ZZR00012", "NOPE")])
    code, printed = start("sync_sn_flows", run_key="n")
    assert code == 0, printed
    assert tuya.control("asked") == {"YZCB04ZZR00011": 1, "YZCB04ZZR00012": 1}


def test_a_parameter_that_is_not_a_list_is_refused_with_how_to_write_one(start, warehouse):
    code, printed = start("sync_sn_flows", sns="A0001")
    assert code == 2 and """write it as JSON: 'sns=["…","…"]'""" in printed


def test_the_rows_of_a_file_are_the_counts_of_its_run_and_refused_ones_are_listed(start, warehouse, tmp_path):
    (tmp_path / "units.csv").write_text("sn\nA0001\nA0002\nA0001\n\n1.5E+12\n")
    code, printed = start("sync_serial_numbers", path=str(tmp_path / "units.csv"), run_key="n")
    found = runs.find_run(warehouse, "demo", "sync_serial_numbers", "n")
    assert code == 0 and found, printed
    assert found.outcome == Outcome(asked=5, answered=3, empty=1, rejected=1, inserted=2, unchanged=1)
    assert "- row 6: '1.5E+12': its last digits are lost" in printed and "kind serial_number" in printed


def test_sheet_and_column_choose_what_a_flow_reads_of_a_workbook(start, warehouse, tmp_path):
    book = openpyxl.Workbook()
    for sheet, cells in ((book.worksheets[0], ("sn", "A0001")), (book.create_sheet("Box 2"), ("Barcode 2", "A0002"))):
        for cell in cells:
            sheet.append((cell,))
    book.save(tmp_path / "units.xlsx")
    file = {"path": str(tmp_path / "units.xlsx"), "sheet": "Box 2"}
    code, printed = start("sync_serial_numbers", **file, run_key="one")
    assert code == 1 and "has no serial number column. Its columns are: Barcode 2." in printed, printed
    code, printed = start("sync_serial_numbers", **file, column="barcode 2", run_key="two")
    assert code == 0, printed
    assert {sn for (sn,) in rows(warehouse, serial_number, "sn") if sn.startswith("A")} == {"A0002"}
    with warehouse.read() as conn:
        kept = runs.parameters_of(conn, runs.find_run(warehouse, "demo", "sync_serial_numbers", "two").run_id)
    assert (kept["sheet"], kept["column"]) == ("Box 2", "barcode 2")


def test_given_serial_numbers_with_a_blank_inside_are_refused_in_the_words_of_files(start, warehouse, tuya):
    code, printed = start("sync_sn_flows", sns=["YZCB04ZZR00011", "YZCB 04ZZR00012"], run_key="n")
    assert code == 1 and tuya.control("asked") == {"YZCB04ZZR00011": 1}
    assert "One of the given serial numbers cannot be asked: 'YZCB 04ZZR00012': it holds a" in printed
    code, printed = start("sync_sn_flows", sns=["YZCB04ZZR00011", "YZCB04ZZR00012"], run_key="n")
    assert code == 0 and tuya.control("asked") == {"YZCB04ZZR00011": 1, "YZCB04ZZR00012": 1}, printed


def test_given_record_numbers_with_a_blank_inside_are_refused_and_nothing_else_is_asked(start, warehouse, tuya):
    assert start("sync_devices", project_ids=["north-hall"])[0] == 0
    number = next(each["command_sn"] for each in tuya.lines("truth/commands"))
    code, printed = start("reconcile_commands", command_sns=[number], run_key="one")
    assert code == 0, printed
    code, printed = start("reconcile_commands", command_sns=["11111 11111"], run_key="two")
    assert code == 1 and "One of the given record numbers cannot be asked: '11111 11111'" in printed
    found = runs.find_run(warehouse, "demo", "reconcile_commands", "two")
    assert found and found.outcome.asked == 0


def test_flows_without_work_are_green(start, warehouse):
    for name in ("replay", "redrive_dead_letters", "prune", "reconcile_commands"):
        code, printed = start(name, run_key="n")
        assert code == 0, printed


def test_a_night_that_goes_on_asks_what_became_due_since(start, warehouse, tuya):
    assert start("nightly_sync", run_key="n")[0] == 0
    added = [sn for sn, _ in units(tuya) if int(sn[-5:]) == 11]
    register(warehouse, added)
    code, printed = start("nightly_sync", run_key="n")
    assert code == 0, printed
    asked = tuya.control("asked")
    assert set(added) <= set(asked) and set(asked.values()) == {1}
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert found and (found.planned, found.outcome.asked) == (33, 33)


def test_more_serial_numbers_under_the_same_run_key_are_asked_too(start, warehouse, tuya):
    for sns in (["YZCB04ZZR00011"], ["YZCB04ZZR00011", "YZCB04ZZR00012"]):
        code, printed = start("sync_sn_flows", sns=sns, run_key="n")
        assert code == 0, printed
    assert tuya.control("asked") == {"YZCB04ZZR00011": 1, "YZCB04ZZR00012": 1}
    code, printed = start("sync_sn_flows", run_key="n")
    assert code == 0 and "nothing was left to ask" in printed
    assert tuya.control("asked") == {"YZCB04ZZR00011": 1, "YZCB04ZZR00012": 1}


def test_what_was_named_beyond_a_limit_is_said_to_be_left_and_asked_with_a_higher_one(start, warehouse, tuya):
    named = {"sns": ["YZCB04ZZR00011", "YZCB04ZZR00012", "YZCB04ZZR00013"], "run_key": "n"}
    code, printed = start("sync_sn_flows", **named, limit=1)
    assert code == 0 and "limit=1 leaves 2 of what was named." in printed, printed
    code, printed = start("sync_sn_flows", limit=5, run_key="n")
    assert code == 0 and "leaves" not in printed, printed
    assert tuya.control("asked") == dict.fromkeys(named["sns"], 1)
    numbers = [each["command_sn"] for each in tuya.lines("truth/commands")][:3]
    code, printed = start("reconcile_commands", command_sns=numbers, limit=1, run_key="c")
    assert code == 0 and "limit=1 leaves 2 of what was named." in printed, printed


def test_serial_numbers_given_to_a_run_of_what_is_due_are_refused_with_what_to_do(start, warehouse, tuya):
    assert start("sync_sn_flows", run_key="n", limit=1)[0] == 0
    code, printed = start("sync_sn_flows", sns=["YZCB04ZZR00012"], run_key="n")
    assert code == 1 and "Give another run_key to ask for given keys." in printed and "mistake" not in printed, printed


def test_the_run_key_alone_goes_on_with_the_record_numbers_that_were_typed_before(start, warehouse, tuya):
    numbers = [each["command_sn"] for each in tuya.lines("truth/commands")][:3]
    tuya.control("faults", {"rights": 1})
    code, printed = start("reconcile_commands", command_sns=numbers[:2], run_key="n")
    assert code == 1, printed
    tuya.control("faults", {})
    for given in ({}, {"command_sns": numbers[2:]}):
        code, printed = start("reconcile_commands", run_key="n", **given)
        assert code == 0, printed
    found = runs.find_run(warehouse, "demo", "reconcile_commands", "n")
    assert found and (found.outcome.asked, found.parameters["command_sns"]) == (3, numbers)


def test_a_night_that_cannot_ask_what_is_due_is_red_and_names_the_settings(start, warehouse, tuya):
    code, printed = start("nightly_sync", {f"{DEMO}PMS_USERNAME": "", f"{DEMO}PMS_PASSWORD": ""}, run_key="n")
    assert code == 1 and "30 serial numbers are due and cannot be asked" in printed, printed
    assert f"{DEMO}PMS_USERNAME" in printed and tuya.control("asked") == {}
    goes_on(start, warehouse)


def test_a_night_that_knows_devices_and_no_project_is_red_and_names_the_setting(start, warehouse, tuya):
    assert start("sync_devices", project_ids=["north-hall"])[0] == 0
    code, printed = start("nightly_sync", run_key="n")
    assert code == 1 and "devices are known and cannot be read without a project" in printed, printed
    assert f"{DEMO}PROJECT_IDS" in printed


def refused_keys(start: Callable[..., tuple[int, str]], flow: str, tuya: Sandbox, **parameters: object) -> str:
    """Run it while Tuya refuses every item; what it printed."""
    tuya.control("faults", {"item_error": 1})
    code, printed = start(flow, run_key="n", **parameters)
    assert code == 1 and " ended as dead letters, which is more than a few. The newest is that of " in printed, printed
    assert "`tuyahouse dead-letters list -a demo` shows them." in printed
    tuya.control("faults", {})
    return printed


def test_a_run_in_which_every_serial_number_was_refused_is_red_and_its_run_key_mends_it(start, warehouse, tuya):
    assert "All 30 keys ended as dead letters" in refused_keys(start, "sync_sn_flows", tuya)
    code, printed = start("sync_sn_flows", run_key="n")
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "n")
    assert code == 0 and found and (found.status, found.outcome.asked, found.outcome.failed) == ("balanced", 30, 0)
    assert "nothing was left to ask" not in printed


def test_a_night_and_a_run_of_commands_in_which_all_was_refused_are_red(start, warehouse, tuya):
    numbers = [each["command_sn"] for each in tuya.lines("truth/commands")][:3]
    assert "All 3 keys" in refused_keys(start, "reconcile_commands", tuya, command_sns=numbers)
    assert "All 30 keys" in refused_keys(start, "nightly_sync", tuya)


def test_dismissed_dead_letters_make_no_run_red(start, warehouse, tuya):
    refused_keys(start, "sync_sn_flows", tuya, sns=["YZCB04ZZR00001"])
    with warehouse.begin() as conn:
        dismissal.dismiss(conn, Chosen("demo"), by="ana", why="scrapped", at=datetime.now(UTC))
    tuya.control("faults", {"item_error": 1})
    code, printed = start("sync_sn_flows", run_key="n")
    assert code == 0 and "Done, with dead letters" in printed, printed


@pytest.fixture
def orders(tuya: Sandbox) -> set[str]:
    return {order for _, order in units(tuya)}


def test_craft_lines_that_an_account_may_not_read_are_dead_letters_and_asked_the_next_night(
    start, warehouse, tuya, orders
):
    tuya.control("options", {**tuya.control("options"), "craft_line_verb": "none"})
    code, printed = start("sync_sn_flows", {"TUYAHOUSE_CHUNK_SIZE": "5"}, run_key="one")
    assert code == 1 and "1106" in printed, printed
    assert open_dead_letters(warehouse, "craft_line") == dict.fromkeys(orders, "not_available")
    assert sum(tuya.control(CRAFT_LINES_ASKED).values()) <= len(orders), "not once a chunk"
    tuya.control("options", {**tuya.control("options"), "craft_line_verb": "both"})
    never_due = {f"TUYAHOUSE_PLAN__{state}_AFTER": "20d" for state in ("OPEN", "UNKNOWN", "FINISHED")}
    code, printed = start("sync_sn_flows", never_due, run_key="two")
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "two")
    assert code == 0 and found and found.outcome.asked == 0, printed
    assert open_dead_letters(warehouse, "craft_line") == {}
    assert {order for (order,) in rows(warehouse, craft_line, "order_code")} == orders


def test_a_run_in_which_every_craft_line_was_refused_is_red(start, warehouse, tuya, orders):
    assert start("sync_sn_flows", run_key="first")[0] == 0
    with warehouse.begin() as conn:
        conn.execute(craft_line.delete())
        letters = [dead_letters.DeadLetter("craft_line", order, "item_error") for order in orders]
        dead_letters.record(conn, "demo", letters, datetime.now(UTC))
    tuya.control("faults", {"item_error": 1})
    code, printed = start("redrive_dead_letters", run_key="n")
    assert code == 1 and "All 3 craft lines ended as dead letters" in printed, printed
    tuya.control("faults", {})
    code, printed = start("redrive_dead_letters", run_key="n")
    assert code == 0 and open_dead_letters(warehouse, "craft_line") == {}, printed
