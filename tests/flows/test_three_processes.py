"""Three processes ask on one account: they share one token, however often it dies."""

from collections.abc import Callable

from tests.flows.nights import environment_of, register, start_night, units
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse


def test_each_death_of_the_token_costs_one_grant_and_no_serial_number(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse, warehouse_url: str, secret_key: str
) -> None:
    sandbox = sandboxes("--serial-numbers", "2400", "--day", "3", "--set", "token_calls=500")
    register(warehouse, units(sandbox))
    orders = sorted({order for _, order in units(sandbox)})
    env = environment_of(sandbox, warehouse_url, secret_key, TUYAHOUSE_CHUNK_SIZE="100")
    processes = [start_night(env, f"of {order}", order) for order in orders]
    assert [process.wait(240) for process in processes] == [0, 0, 0]
    found = [runs.find_run(warehouse, "demo", "sync_sn_flows", f"of {order}") for order in orders]
    assert [(run.status, run.outcome.asked, run.outcome.failed) for run in found if run] == [("balanced", 800, 0)] * 3
    tokens = sandbox.control("stats")["tokens"]
    assert tokens["pms_deaths"] >= 4
    assert tokens.get("logins", 0) + tokens.get("pms_refreshes", 0) == tokens["pms_deaths"] + 1
    assert tokens["grants"] + tokens.get("refreshes", 0) == tokens.get("platform_deaths", 0) + 1
