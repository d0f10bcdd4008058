"""No secret of an account is anywhere but where it was set: not in logs, tables, raw answers, files or Prefect."""

import json
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.operator import Operator
from tests.flows.processes import run_flow
from tests.intake.test_query_url import WITH_A_PASSWORD
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text, secrets_of
from tuyahouse.warehouse.tables import ops_dead_letter, ops_token, raw_block
from tuyahouse.warehouse.warehouse import Warehouse

WRONG_PASSWORD = "wrong-password-of-the-operator"
QUERY_PASSWORD = "password-of-the-mes-database"


@pytest.mark.parametrize(
    ("warehouse_url", "away"), [("sqlite", True), ("postgresql", False)], indirect=["warehouse_url"]
)
def test_nights_that_succeed_and_fail_leave_no_secret_behind(
    tuya: Sandbox,
    prefect_server: PrefectServer,
    warehouse: Warehouse,
    warehouse_url: str,
    fresh_postgres_url: str,
    secret_key: str,
    tmp_path: Path,
    away: bool,
) -> None:
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 10])
    env = environment_of(tuya, warehouse_url, secret_key, TUYAHOUSE_LOG_LEVEL="debug") | prefect_server.env
    told_url = make_url("postgresql://reader@127.0.0.1:9/mes" if away else fresh_postgres_url)
    url = told_url.set(password=QUERY_PASSWORD).render_as_string(hide_password=False)
    outputs = []
    tuya.control("faults", {"shape": 0.1, "item_error": 0.1, "broken_body": 0.1, "token_death": 0.05})
    outputs.append(run_flow("nightly_sync", env, run_key="good"))
    wrong = env | {"TUYAHOUSE_ACCOUNTS__DEMO__PMS_PASSWORD": WRONG_PASSWORD}
    tuya.control("tokens/kill", {})
    outputs.append(run_flow("nightly_sync", wrong, run_key="bad"))
    query = {"query_url": "env:MES", "query": "SELECT 'Q0001' AS sn", "run_key": "query"}
    outputs.append(run_flow("sync_serial_numbers", env | {"MES": url}, **query))
    assert ("127.0.0.1:9/mes failed" in outputs[-1][1]) == away, outputs[-1][1]
    codes, printed = [code for code, _ in outputs], "\n".join(text for _, text in outputs)
    assert codes[1:] == [1, int(away)], printed
    assert rows(warehouse, ops_token) and rows(warehouse, raw_block) and rows(warehouse, ops_dead_letter)
    (tmp_path / "printed.log").write_text(printed)
    secrets = [*secrets_of(tuya), WRONG_PASSWORD, QUERY_PASSWORD, secret_key]
    assert leaks_in_text(secrets, printed) == []
    assert leaks_in_text(secrets, json.dumps(everything_prefect_tells(prefect_server))) == []
    assert leaks_in_files(secrets, tmp_path, prefect_server.home) == []
    if warehouse_url.startswith("postgresql"):
        assert leaks_in_postgres(secrets, warehouse_url) == []


def everything_prefect_tells(server: PrefectServer) -> list[object]:
    """Flow runs with their parameters, task runs, logs and artifacts."""
    told = [server.everything(kind) for kind in ("flow_runs", "task_runs", "logs", "artifacts")]
    assert all(told)
    return told


def test_the_search_finds_what_is_there(tuya: Sandbox, prefect_server: PrefectServer) -> None:
    assert leaks_in_files(["nightly_sync"], prefect_server.home)


@pytest.mark.parametrize("url", WITH_A_PASSWORD)
def test_a_url_that_is_typed_with_a_password_is_refused_before_prefect_has_it(
    operator: Operator, prefect_server: PrefectServer, tuya: Sandbox, sqlite_url: str, secret_key: str, url: str
) -> None:
    env = environment_of(tuya, sqlite_url, secret_key)
    code, printed = operator.run("sync_serial_numbers", env, query_url=url, query="SELECT sn FROM units", run_key="n")
    assert code == 2 and "-p query_url: it may hold a password" in printed and "write env:NAME" in printed, printed
    assert leaks_in_text(["in-the-clear-1"], printed) == []
    assert leaks_in_files(["in-the-clear-1"], prefect_server.home) == []


def test_a_url_with_a_password_in_a_variable_stays_in_the_process(
    prefect_server: PrefectServer, tuya: Sandbox, sqlite_url: str, secret_key: str, tmp_path: Path
) -> None:
    Warehouse.open(sqlite_url, secret_key).close()
    env = environment_of(tuya, sqlite_url, secret_key, **prefect_server.env)
    for number, url in enumerate(WITH_A_PASSWORD):
        given = env | {"MES": url.strip().replace("@db/", "@127.0.0.1:9/").replace("//db/", "//127.0.0.1:9/")}
        code, printed = run_flow(
            "sync_serial_numbers", given, query_url="env:MES", query="SELECT 1", run_key=f"v{number}"
        )
        assert code == 1 and "Traceback" not in printed, printed
        (tmp_path / f"{number}.log").write_text(printed)
    assert leaks_in_files(["in-the-clear-1"], tmp_path, prefect_server.home) == []
