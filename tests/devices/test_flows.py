"""sync_devices and reconcile_commands as flows: what they report to the operator."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.testing.utilities import prefect_test_harness
from sqlalchemy import select

from flows.reconcile_commands import reconcile_commands
from flows.sync_devices import sync_devices
from tests.devices.nights import inventory, truth
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.errors import ConfigurationWrong, UnusableAnswer
from tuyahouse.warehouse.ledgers import dead_letters, runs
from tuyahouse.warehouse.tables import command
from tuyahouse.warehouse.warehouse import Warehouse

Start = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def prefect() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
def reach(prefect: None, sqlite_url: str, secret_key: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the environment so that the flows reach a sandbox and the test's warehouse."""

    def set_environment(sandbox: Sandbox, **account: str) -> None:
        told = {"CALLS_PER_SECOND": "0", "PROJECT_IDS": "north-hall,south-hall", "ATTEMPTS": "2"} | account
        extra = {f"TUYAHOUSE_ACCOUNTS__DEMO__{name}": value for name, value in told.items()}
        extra |= {"TUYAHOUSE_WAREHOUSE_URL": sqlite_url, "TUYAHOUSE_SECRET_KEY": secret_key}
        for name, value in (sandbox.env | extra).items():
            monkeypatch.setenv(name, value)

    return set_environment


@pytest.fixture
def opened(sqlite_url: str, secret_key: str) -> Iterator[Warehouse]:
    warehouse = Warehouse.open(sqlite_url, secret_key)
    yield warehouse
    warehouse.close()


async def devices(**parameters: Any) -> State[Any]:
    state: State[Any] = await sync_devices(account="demo", **parameters, return_state=True)
    return state


def run(warehouse: Warehouse, flow: str, run_key: str) -> runs.Summary:
    found = runs.find_run(warehouse, "demo", flow, run_key)
    assert found
    return found


async def test_a_night_of_devices_and_commands_balances(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=60", "--set", "commands_per_day=20")
    reach(sandbox)
    assert (await devices(run_key="n1")).is_completed()
    numbers = [each["command_sn"] for each in truth(sandbox, "commands")]
    state = await reconcile_commands(account="demo", run_key="n1", command_sns=numbers, return_state=True)
    assert state.is_completed()
    assert len(inventory(opened)) == len(truth(sandbox, "devices"))
    outcome = run(opened, "sync_devices", "n1").outcome
    assert (outcome.asked, outcome.answered) == (2 + len(inventory(opened)), 2 + len(inventory(opened)))
    with opened.read() as conn:
        verdicts = set(conn.execute(select(command.c.verdict)).scalars())
    assert "api_ahead" in verdicts and None not in verdicts
    assert run(opened, "reconcile_commands", "n1").outcome.asked == 20


async def test_a_list_that_is_not_read_to_its_total_is_red_and_goes_on_with_its_run_key(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=60", "--set", "total_error=3")
    reach(sandbox)
    state = await devices(run_key="n1")
    assert state.is_failed()
    assert "two sweeps found the same" in run(opened, "sync_devices", "n1").note
    sandbox.control("options", {"total_error": 0})
    assert (await devices(run_key="n1")).is_completed()
    assert run(opened, "sync_devices", "n1").status == "balanced"


async def test_a_project_that_tuya_refuses_is_red_in_words_and_the_other_is_read(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    reach(sandboxes("--set", "devices=60"), PROJECT_IDS="nowhere,north-hall")
    state = await devices(run_key="n1")
    assert state.is_failed()
    (note,) = run(opened, "sync_devices", "n1").note.splitlines()
    assert note.startswith("Project nowhere was not read completely: ")
    assert note.endswith(".") and not note.endswith("..")
    assert {row["project_id"] for row in inventory(opened).values()} == {"north-hall"}


async def test_a_project_that_was_refused_is_read_once_it_is_allowed_and_the_run_is_green_then_only(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=20")
    reach(sandbox)
    sandbox.control("faults", {"rights": 1})
    for _ in range(2):
        assert (await devices(run_key="n1")).is_failed()
        assert inventory(opened) == {}
    sandbox.control("faults", {})
    assert (await devices(run_key="n1")).is_completed()
    assert len(inventory(opened)) == len(truth(sandbox, "devices"))
    read = run(opened, "sync_devices", "n1")
    assert (read.status, read.outcome.failed) == ("balanced", 0)


async def test_without_projects_the_run_says_what_to_set(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    reach(sandboxes("--set", "devices=20"), PROJECT_IDS="")
    state = await devices(run_key="n1")
    assert state.is_failed()
    assert "TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS" in run(opened, "sync_devices", "n1").note


async def test_a_budget_stops_softly_and_the_run_key_goes_on(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=60")
    reach(sandbox, MONTHLY_CALLS="60")
    state = await devices(run_key="n1")
    assert (state.is_completed(), state.name) == (True, "Stopped")
    assert run(opened, "sync_devices", "n1").status == "stopped"
    reach(sandbox, MONTHLY_CALLS="6000")
    assert (await devices(run_key="n1")).is_completed()
    summary = run(opened, "sync_devices", "n1")
    assert (summary.status, summary.outcome.failed) == ("balanced", 0)
    assert all(row["detail_at"] for row in inventory(opened).values())


async def test_a_budget_that_ends_within_a_list_is_no_fault_of_the_list(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=60", "--set", "page_size_cap=5")
    reach(sandbox, MONTHLY_CALLS="9")
    state = await devices(run_key="n1")
    assert (state.is_completed(), state.name) == (True, "Stopped")
    with opened.read() as conn:
        assert list(dead_letters.open_dead_letters(conn, "demo")) == []
    assert run(opened, "sync_devices", "n1").status == "stopped"
    reach(sandbox, MONTHLY_CALLS="6000")
    assert (await devices(run_key="n1")).is_completed()
    assert set(inventory(opened)) == {each["device_id"] for each in truth(sandbox, "devices")}


async def test_what_vendors_keep_in_extend_data_is_in_no_artifact(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=200")
    reach(sandbox)
    assert (await devices(run_key="n1")).is_completed()
    secrets = [row["extend_data"] for row in inventory(opened).values() if "password" in (row["extend_data"] or "")]
    async with get_client() as client:
        artifacts = str([artifact.data for artifact in await client.read_artifacts(limit=200)])
    assert secrets
    assert inventory(opened).keys() & set(artifacts.replace('"', " ").split())
    assert "password" not in artifacts


async def test_devices_whose_sources_contradict_each_other_are_shown_to_the_operator(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=300")
    reach(sandbox)
    assert (await devices(run_key="n1")).is_completed()
    contradicting = {each["device_id"] for each in truth(sandbox, "devices") if each["factory_info_sn"] != each["sn"]}
    async with get_client() as client:
        shown = [each for each in await client.read_artifacts(limit=200) if each.key == "devices-contradicting-demo"]
    assert contradicting
    assert any(all(name in str(each.data) for name in contradicting) for each in shown)


async def test_commands_beyond_the_budget_stop_softly_and_the_run_key_asks_the_rest(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse
) -> None:
    sandbox = sandboxes("--set", "devices=20", "--set", "commands_per_day=20")
    reach(sandbox)
    assert (await devices(run_key="n1")).is_completed()
    numbers = [each["command_sn"] for each in truth(sandbox, "commands")]
    reach(sandbox, MONTHLY_CALLS="1")
    state = await reconcile_commands(account="demo", run_key="idle", return_state=True)
    assert state.is_completed() and not run(opened, "reconcile_commands", "idle").note
    state = await reconcile_commands(account="demo", run_key="n1", command_sns=numbers, return_state=True)
    assert (state.is_completed(), state.name) == (True, "Stopped")
    stopped = run(opened, "reconcile_commands", "n1")
    assert (stopped.status, stopped.planned) == ("stopped", 20)
    assert "The month's calls pay for 0 of 20." in stopped.note
    reach(sandbox, MONTHLY_CALLS="6000")
    assert (await reconcile_commands(account="demo", run_key="n1", return_state=True)).is_completed()
    done = run(opened, "reconcile_commands", "n1")
    assert (done.status, done.outcome.asked) == ("balanced", 20)


async def test_a_refused_source_of_serial_numbers_is_noted_until_it_answers(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(sandboxes("--set", "devices=20"))

    def refuse(result: bytes) -> Any:
        raise ConfigurationWrong("permission deny", code="1106")

    with monkeypatch.context() as refused:
        refused.setattr("tuyahouse.sync.devices.links.decode_factory_infos", refuse)
        assert (await devices(run_key="n1")).is_completed()
    barred = run(opened, "sync_devices", "n1")
    assert "factory-infos (code 1106)" in barred.note and "full=true" in barred.note
    assert (barred.status, barred.outcome.answered, barred.outcome.failed) == ("balanced", 19, 17)
    assert (await devices(run_key="n1")).is_completed()
    again = run(opened, "sync_devices", "n1")
    assert (again.status, again.planned, again.outcome.asked, again.outcome.failed) == ("balanced", 19, 19, 0)
    assert (await devices(run_key="n2", full=True)).is_completed()
    assert "1106" not in run(opened, "sync_devices", "n2").note


async def test_a_source_of_serial_numbers_whose_answers_cannot_be_used_makes_the_run_red(
    sandboxes: Start, reach: Callable[..., None], opened: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(sandboxes("--set", "devices=20"))

    def odd(result: bytes) -> Any:
        raise UnusableAnswer("It has another shape", result)

    with monkeypatch.context() as refused:
        refused.setattr("tuyahouse.sync.devices.links.decode_factory_infos", odd)
        assert (await devices(run_key="n1")).is_failed()
    red = run(opened, "sync_devices", "n1")
    assert red.status == "failed" and red.note.startswith("17 of 36 keys ended as dead letters"), red.note
    assert "It has another shape" in red.note, "the newest dead letter is named"
    assert (await devices(run_key="n1")).is_completed()
    mended = run(opened, "sync_devices", "n1")
    assert (mended.status, mended.outcome.asked, mended.outcome.failed) == ("balanced", 19, 0)
    assert "nothing was left" not in mended.note
