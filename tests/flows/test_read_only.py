"""A warehouse that cannot be written: the run is red and says why, before it begins or in its middle; status works."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.flows.nights import environment_of, register, units
from tests.flows.operator import Operator
from tests.flows.processes import ROOT, start_flow, wait_until
from tests.support.postgres import OwnPostgres
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.warehouse import Warehouse


def server_that_only_reads(request: pytest.FixtureRequest, _tmp_path: Path) -> str:
    url: str = request.getfixturevalue("fresh_postgres_url")
    Warehouse.open(url).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on")
    return url


def user_without_rights(request: pytest.FixtureRequest, _tmp_path: Path) -> str:
    url: str = request.getfixturevalue("fresh_postgres_url")
    Warehouse.open(url).close()
    reads = "-c role=pg_read_all_data".replace(" ", "%20").replace("=", "%3D")
    return f"{url}{'&' if '?' in url else '?'}options={reads}"


def file_opened_to_read(_request: pytest.FixtureRequest, tmp_path: Path) -> str:
    Warehouse.open(f"sqlite:///{tmp_path}/w.db").close()
    return f"sqlite:///file:{tmp_path}/w.db?mode=ro&uri=true"


def file_on_a_medium_that_only_reads(_request: pytest.FixtureRequest, tmp_path: Path) -> str:
    Warehouse.open(f"sqlite:///{tmp_path}/w.db").close()
    return f"sqlite:///file:{tmp_path}/w.db?immutable=1&uri=true"


READ_ONLY: dict[str, tuple[Callable[[pytest.FixtureRequest, Path], str], str]] = {
    "a server": (server_that_only_reads, "is read-only"),
    "a user": (user_without_rights, "lacks a right: permission denied for table ops_lock. Grant it"),
    "a file": (file_opened_to_read, "is read-only. Make the file and its folder writable"),
    "a medium": (file_on_a_medium_that_only_reads, "is read-only. Make the file and its folder writable"),
}


@pytest.mark.parametrize(("make", "words"), READ_ONLY.values(), ids=READ_ONLY)
def test_a_run_over_a_warehouse_that_only_reads_is_red_with_the_reason_and_status_works(
    request, tmp_path, tuya: Sandbox, operator: Operator, secret_key: str, make, words: str
) -> None:
    env = environment_of(tuya, make(request, tmp_path), secret_key)
    code, printed = operator.run("nightly_sync", env, run_key="n")
    assert code == 1 and words in printed.splitlines()[-3] and "Traceback" not in printed, printed
    status = subprocess.run([sys.executable, "-m", "tuyahouse", "status"], env=env, capture_output=True, text=True)
    assert (status.returncode, status.stderr) == (0, "")
    assert "No run yet." in status.stdout


def test_a_warehouse_that_becomes_read_only_in_mid_run_ends_it_red_with_the_reason(
    own_postgres: OwnPostgres, tuya: Sandbox, prefect_server: PrefectServer, secret_key: str
) -> None:
    url = own_postgres.create_database()
    warehouse = Warehouse.open(url, secret_key)
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 20])
    warehouse.close()
    env = environment_of(tuya, url, secret_key, TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND="5") | prefect_server.env
    process = start_flow("nightly_sync", env, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 3, process)
    with psycopg.connect(own_postgres.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
    printed, _ = process.communicate(timeout=240)
    assert process.returncode == 1 and "Traceback" not in printed, printed
    assert "is read-only" in printed.splitlines()[-3] and "-p run_key=n" in printed.splitlines()[-1], printed
    status = subprocess.run(
        [sys.executable, "-m", "tuyahouse", "status"],
        env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert status.returncode == 0 and "nightly_sync: died" in status.stdout, status


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_file_that_is_taken_away_while_a_run_works_is_said_and_the_run_is_red(
    tuya: Sandbox, prefect_server: PrefectServer, sqlite_url: str, tmp_path: Path, secret_key: str, replaced: bool
) -> None:
    warehouse = Warehouse.open(sqlite_url, secret_key)
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 10])
    warehouse.close()
    slow = {"TUYAHOUSE_CHUNK_SIZE": "10", "TUYAHOUSE_ACCOUNTS__DEMO__CALLS_PER_SECOND": "8"}
    env = environment_of(tuya, sqlite_url, secret_key, **slow) | prefect_server.env
    process = start_flow("sync_sn_flows", env, run_key="n")
    wait_until(lambda: len(tuya.control("asked")) >= 3, process)
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"warehouse.db{suffix}").unlink()
    if replaced:
        Warehouse.open(sqlite_url, secret_key).close()
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in printed, printed
    assert "warehouse.db was deleted, moved or replaced after this process had opened it." in printed, printed
    assert replaced or not (tmp_path / "warehouse.db").exists(), "no empty file is left in its place"
