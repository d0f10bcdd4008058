"""What a run leaves in Prefect: verdict first, counts of red runs too, notes that end with their cause."""

import pytest

from tests.flows.nights import environment_of, register
from tests.flows.operator import Operator
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

KNOWN = [f"YZCB04ZZR{number:05}" for number in range(1, 11)]


@pytest.fixture
def start(tuya: Sandbox, operator: Operator, sqlite_url: str, secret_key: str):
    env = environment_of(tuya, sqlite_url, secret_key, TUYAHOUSE_CHUNK_SIZE="5")
    return lambda name, changes={}, **parameters: operator.run(name, env | changes, **parameters)


def newest(server: PrefectServer, suffix: str = "", flow: str = "sync-sn-flows") -> dict[str, str]:
    return server.newest_artifact(f"{flow}-demo{suffix}")


def state_message(server: PrefectServer, name: str = "sn flows demo") -> tuple[str, str]:
    query = {"sort": "START_TIME_DESC", "limit": 1, "flow_runs": {"name": {"like_": name}}}
    (run,) = server.api("flow_runs/filter", query)
    return run["state"]["name"], run["state"]["message"]


def test_a_red_run_replaces_the_card_of_the_green_one_and_a_green_one_resolves_the_note(
    start, tuya, sqlite_url, prefect_server
):
    warehouse = Warehouse.open(sqlite_url)
    register(warehouse, KNOWN)
    assert start("sync_sn_flows", run_key="green", sns=KNOWN[:2])[0] == 0
    assert newest(prefect_server)["description"].startswith("**Good: 2 asked, ")
    tuya.control("options", {"quota": 5})
    assert start("sync_sn_flows", run_key="red", sns=KNOWN)[0] == 1
    table = newest(prefect_server)["description"]
    assert (
        table.startswith("**Red")
        and "press Retry, or start it again with run_key=red" in table.partition("sn flows")[0]
    )
    assert "quota" in newest(prefect_server, "-note")["data"]
    message = state_message(prefect_server)[1]
    assert message.startswith("Red: ") and "quota" in message, message
    assert message.endswith(" When that is fixed, press Retry, or start it again with run_key=red"), message
    tuya.control("options", {"quota": 0})
    assert start("sync_sn_flows", run_key="red", sns=KNOWN)[0] == 0
    note = newest(prefect_server, "-note")["data"]
    assert note.startswith("# Resolved") and "quota" not in note
    warehouse.close()


def test_a_run_without_work_says_so_instead_of_nine_noughts(start, tuya, prefect_server):
    assert start("reconcile_commands", run_key="nothing")[0] == 0
    table = newest(prefect_server, flow="reconcile-commands")
    assert table["description"].startswith("**Good: Nothing was due.**") and table["data"] == "[]"
    assert state_message(prefect_server, "commands demo") == ("Completed", "Good: Nothing was due. Run key: nothing")


def test_a_serial_number_that_was_asked_by_name_and_is_unknown_is_named(start, tuya, prefect_server):
    code, printed = start("sync_sn_flows", run_key="named", sns=["YZCB04ZZR00001", "NOBODY"])
    assert code == 0 and "Tuya does not know NOBODY." in printed
    assert "Tuya does not know NOBODY." in newest(prefect_server)["description"]


def test_a_run_for_an_account_that_is_not_there_leaves_a_sentence_a_note_and_a_row(
    start, tuya, sqlite_url, prefect_server
):
    code, printed = start("sync_sn_flows", run_key="r", account="other")
    assert code == 1 and "Traceback" not in printed
    assert printed.splitlines()[-3].startswith("There is no account 'other' (there are: demo).")
    name, message = state_message(prefect_server, "sn flows other")
    assert name == "Refused" and message.startswith("Red: There is no account 'other'")
    note = prefect_server.newest_artifact("sync-sn-flows-other-note")["data"]
    assert note.startswith("# Red: sync_sn_flows of other did not begin")
    warehouse = Warehouse.open(sqlite_url)
    refused = runs.find_run(warehouse, "other", "sync_sn_flows", "r")
    assert refused and refused.status == "failed" and refused.note.startswith("There is no account 'other'")
    warehouse.close()


def test_a_warehouse_that_is_away_is_a_sentence_and_a_note(start, tuya, prefect_server):
    away = {"TUYAHOUSE_WAREHOUSE_URL": "postgresql://someone:a-password-of-no-use@127.0.0.1:9/none"}
    code, printed = start("sync_sn_flows", away, run_key="r")
    assert code == 1 and "Traceback" not in printed
    name, message = state_message(prefect_server)
    assert name == "Refused" and message.startswith("Red: The warehouse ") and "a-password" not in message
    assert "127.0.0.1" in newest(prefect_server, "-note")["data"]
