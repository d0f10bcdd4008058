"""``tuyahouse report`` and the flow ``build_report``, as an operator runs them."""

from pathlib import Path

import pytest

from tests.cli.conftest import cli, environment
from tests.flows.nights import environment_of
from tests.flows.processes import run_flow
from tuyahouse.warehouse.warehouse import Warehouse

__all__ = ["cli", "environment"]


def test_the_command_writes_the_file_in_the_language_asked_for(cli, sqlite_url: str, tmp_path: Path) -> None:
    Warehouse.open(sqlite_url).close()
    done = cli("report", "-a", "demo", "--out", str(tmp_path / "r.html"), "--language", "zh")
    assert done.exit_code == 0 and "which says what to do" in done.output
    assert '<html lang="zh-Hans">' in (tmp_path / "r.html").read_text()
    done = cli("report", "-a", "demo", "--out", str(tmp_path / "r.html"))
    assert '<html lang="en">' in (tmp_path / "r.html").read_text()
    done = cli("report", "-a", "demo", "--out", str(tmp_path / "r.html"), REPORT_LANGUAGE="zh")
    assert '<html lang="zh-Hans">' in (tmp_path / "r.html").read_text()
    refused = cli("report", "-a", "demo", "--out", str(tmp_path / "no" / "r.html"))
    assert refused.exit_code == 1 and "cannot be written: No such file or directory" in refused.output


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_the_flow_writes_the_file_or_is_red_with_what_to_change(
    tuya, prefect_server, warehouse, warehouse_url, secret_key, tmp_path: Path
) -> None:
    env = environment_of(tuya, warehouse_url, secret_key) | prefect_server.env
    code, printed = run_flow("build_report", env, out=str(tmp_path / "r.html"))
    assert code == 0 and "r.html: " in printed, printed
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    code, printed = run_flow("build_report", env, out=str(tmp_path / "no" / "r.html"))
    assert code == 1 and "Name a file in a folder that exists and is writable." in printed, printed
    where = {"TUYAHOUSE_REPORT_DIR": str(tmp_path / "reports")}
    code, printed = run_flow("build_report", env | where)
    assert code == 0 and (tmp_path / "reports" / "demo.html").is_file(), printed
    assert f"`{tmp_path}/reports/demo.html` on " in prefect_server.newest_artifact("report-demo")["data"]
    code, printed = run_flow("build_report", env | where | {"TUYAHOUSE_REPORT_URL": "https://reports.example/"})
    assert code == 0 and "(https://reports.example/demo.html)" in prefect_server.newest_artifact("report-demo")["data"]
