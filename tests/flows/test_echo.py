"""A cloud that sends back every secret it was sent: none is found in what nights leave behind.

It echoes them in lists, details, steps, craft lines, command records and messages, in its error texts, in pages that
are no JSON, and in answers that are too long.
"""

import hashlib
import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import run_flow
from tests.flows.test_secrets import everything_prefect_tells
from tests.support.prefect import PrefectServer
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text, secrets_of
from tuyahouse.warehouse.tables import (
    command_observation,
    device,
    device_event,
    flow_step,
    ops_dead_letter,
    ops_drift,
    ops_run,
    raw_block,
    raw_message,
)
from tuyahouse.warehouse.warehouse import Warehouse

FILLED = (flow_step, device, device_event, command_observation, raw_message, raw_block)
PARTLY = {"item_error": 0.6, "shape": 0.15}
MIXED = {"shape": 0.1, "broken_body": 0.05, "oversized": 0.05, "token_death": 0.05, "busy": 0.05}
KINDS = {"sn_flows", "craft_line", "devices", "command", "message"}


@pytest.mark.parametrize(
    ("warehouse_url", "persisted"), [("sqlite", "true"), ("postgresql", "false")], indirect=["warehouse_url"]
)
def test_nights_with_a_cloud_that_echoes_every_secret_leave_none_behind(
    sandboxes,
    prefect_server: PrefectServer,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    tmp_path: Path,
    persisted: str,
) -> None:
    options = {
        "echo_secrets": "true",
        "devices": "20",
        "commands_per_day": "5",
        "oversized_mb": "1.2",
        "unreadable": "0.1",
    }
    echo = sandboxes(
        "--serial-numbers",
        "300",
        "--day",
        "1",
        *(word for each in options.items() for word in ("--set", "=".join(each))),
    )
    some = [(sn, order) for sn, order in units(echo) if int(sn[-5:]) <= 10]
    register(warehouse, [(sn, order) for sn, order in some if order == some[0][1]])
    temporary, results, printed = tmp_path / "tmp", tmp_path / "results", []
    temporary.mkdir()
    env = environment_of(
        echo,
        warehouse_url,
        secret_key,
        TUYAHOUSE_LOG_LEVEL="debug",
        TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS="north-hall,south-hall",
        TUYAHOUSE_ACCOUNTS__DEMO__MAX_ANSWER_MB="1",
        TMPDIR=str(temporary),
        PREFECT_RESULTS_PERSIST_BY_DEFAULT=persisted,
        PREFECT_LOCAL_STORAGE_PATH=str(results),
    )
    env |= prefect_server.env

    def run(flow: str, name: str, faults: dict[str, float]) -> int:
        echo.control("faults", faults)
        code, text = run_flow(flow, env, run_key=f"{name}-{warehouse.dialect}")
        printed.append(text)
        return code

    assert run("drain_messages", "messages", {}) == 0, printed
    run("nightly_sync", "refused", {"item_error": 1})
    assert run("nightly_sync", "good", {}) == 0, printed
    register(warehouse, some)  # with the craft lines of two more work orders
    run("sync_sn_flows", "partly", PARTLY)
    run("nightly_sync", "mixed", MIXED)
    assert run("sync_sn_flows", "forbidden", {"rights": 1}) == 1, printed
    with warehouse.read() as conn:
        counted = {str(table): conn.execute(select(func.count()).select_from(table)).scalar() for table in FILLED}
    assert all(counted.values()), counted
    assert {kind for (kind,) in rows(warehouse, ops_dead_letter, "kind")} >= KINDS
    assert "echo" in {field.rpartition(".")[2] for (field,) in rows(warehouse, ops_drift, "field")}
    assert any("***" in (note or "") for (note,) in rows(warehouse, ops_run, "note")), "Tuya's words are in a note"
    kept = [file for file in results.rglob("*") if file.is_file()]
    assert len(kept) <= 5 and {stat.S_IMODE(file.stat().st_mode) for file in kept} <= {0o600}  # errors of flows alone
    known = [*secrets_of(echo), secret_key]
    known.append(hashlib.md5(echo.account.pms_password.get_secret_value().encode()).hexdigest())
    (tmp_path / "printed.log").write_text("\n".join(printed))
    assert leaks_in_text(known, "\n".join(printed)) == []
    assert leaks_in_text(known, json.dumps(everything_prefect_tells(prefect_server))) == []
    assert leaks_in_files(known, tmp_path, prefect_server.home) == []
    if warehouse.dialect == "postgresql":
        assert leaks_in_postgres(known, warehouse_url) == []
