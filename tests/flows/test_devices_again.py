"""Tuya describes the same devices in another way from one night to the next: the second is as green as the first."""

from collections.abc import Callable

from tests.devices.nights import history, inventory
from tests.flows.nights import environment_of
from tests.flows.processes import run_flow
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

KEPT = ("created_at", "changed_at", "first_run", "project_id", "device_name", "product_id")


def test_a_night_after_tuya_described_devices_differently_balances_and_keeps_their_history(
    sandboxes: Callable[..., Sandbox],
    prefect_server: PrefectServer,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
) -> None:
    cloud = sandboxes("--set", "devices=30")
    projects = {"TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS": "north-hall,south-hall"}
    env = environment_of(cloud, warehouse_url, secret_key, **prefect_server.env, **projects)
    code, printed = run_flow("sync_devices", env, run_key="first")
    assert code == 0, printed
    before, spans = inventory(warehouse), history(warehouse)
    cloud.control("options", {"device_rows": "updated"})
    code, printed = run_flow("sync_devices", env, run_key="second")
    assert code == 0 and "Traceback" not in printed, printed
    found = runs.find_run(warehouse, "demo", "sync_devices", "second")
    assert found and (found.status, found.outcome.failed, found.outcome.updated) == ("balanced", 0, len(before))
    after = inventory(warehouse)
    assert after.keys() == before.keys() and history(warehouse) == spans
    for device_id, row in after.items():
        assert {name: row[name] for name in KEPT} == {name: before[device_id][name] for name in KEPT}
        assert row["extra"] == {"task_id": f"{before[device_id]['extra']['task_id']}-2", "firmware": "2.0"}
