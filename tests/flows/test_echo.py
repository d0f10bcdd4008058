"""A cloud that sends back every secret it was sent: none is found in what a night leaves behind."""

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
from tuyahouse.warehouse.tables import device, flow_step, ops_dead_letter, ops_drift, raw_block
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.mark.parametrize("persisted", ["true", "false"])
def test_a_night_with_a_cloud_that_echoes_every_secret_leaves_none_behind(
    sandboxes,
    prefect_server: PrefectServer,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    tmp_path: Path,
    persisted: str,
) -> None:
    echo = sandboxes(
        "--set",
        "echo_secrets=true",
        "--set",
        "devices=20",
        "--set",
        "commands_per_day=5",
        "--serial-numbers",
        "60",
        "--set",
        "oversized_mb=1.2",
    )
    register(warehouse, [sn for sn, _ in units(echo) if int(sn[-5:]) <= 10])
    temporary, results = tmp_path / "tmp", tmp_path / "results"
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
    good = run_flow("nightly_sync", env, run_key=f"good-{persisted}-{warehouse.dialect}")
    assert good[0] == 0, good[1]
    echo.control(
        "faults",
        {"shape": 0.1, "item_error": 0.1, "broken_body": 0.05, "oversized": 0.05, "token_death": 0.05, "busy": 0.05},
    )
    printed = good[1] + run_flow("nightly_sync", env, run_key=f"echo-{persisted}-{warehouse.dialect}")[1]
    echo.control("faults", {"rights": 1})
    refused = run_flow("sync_sn_flows", env, run_key=f"refused-{persisted}-{warehouse.dialect}")
    assert refused[0] == 1, refused[1]
    printed += refused[1]
    with warehouse.read() as conn:
        assert conn.execute(select(func.count()).select_from(flow_step)).scalar()
        assert conn.execute(select(func.count()).select_from(device)).scalar(), printed
    assert rows(warehouse, raw_block) and rows(warehouse, ops_dead_letter), printed
    assert "echo" in {field for (field,) in rows(warehouse, ops_drift, "field")}
    known = [*secrets_of(echo), secret_key]
    known.append(hashlib.md5(echo.account.pms_password.get_secret_value().encode()).hexdigest())
    kept = [file for file in results.rglob("*") if file.is_file()]
    assert len(kept) <= 3 and {stat.S_IMODE(file.stat().st_mode) for file in kept} <= {0o600}  # errors of flows alone
    (tmp_path / "printed.log").write_text(printed)
    assert leaks_in_text(known, printed) == []
    assert leaks_in_text(known, json.dumps(everything_prefect_tells(prefect_server))) == []
    assert leaks_in_files(known, tmp_path, prefect_server.home) == []
    if warehouse.dialect == "postgresql":
        assert leaks_in_postgres(known, warehouse_url) == []
