"""Cases that others reported from the field, each by name: a Prefect that is set up oddly is answered in words."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.nights import environment_of
from tests.flows.processes import run_flow, start_flow
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.warehouse import Warehouse

Env = Callable[..., dict[str, str]]


@pytest.fixture
def env(tuya: Sandbox, warehouse_without_server: str, secret_key: str, tmp_path: Path) -> Env:
    """Variables of a process with a warehouse, a home of Prefect's own and no server."""

    def made(**prefect: str) -> dict[str, str]:
        named = {"PREFECT_HOME": str(tmp_path / "prefect"), **prefect}
        found = environment_of(tuya, warehouse_without_server, secret_key)
        return {name: value for name, value in found.items() if not name.startswith("PREFECT_")} | named

    return made


@pytest.fixture
def warehouse_without_server(sqlite_url: str, secret_key: str) -> str:
    Warehouse.open(sqlite_url, secret_key).close()
    return sqlite_url


def test_a_home_of_prefects_that_cannot_be_written_is_named(env: Env, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, printed = run_flow("prune", env(PREFECT_HOME=str(tmp_path / "file")))
    assert code == 1 and "Traceback" not in printed, printed
    assert "Check PREFECT_HOME and the disk" in printed


@pytest.mark.parametrize(
    "profiles", ["active = [broken", 'active = "mine"\n[profiles.mine]\nPREFECT_API_REQUEST_TIMEOUT = "many"\n']
)
def test_broken_profiles_of_prefect_are_named_with_their_file(env: Env, tmp_path: Path, profiles: str) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "profiles.toml").write_text(profiles)
    code, printed = run_flow("prune", env())
    assert code == 1 and "Traceback" not in printed, printed
    assert "Prefect's settings cannot be used" in printed and f"{tmp_path}/prefect/profiles.toml" in printed


def test_a_url_of_prefects_api_that_lacks_its_end_is_told(env: Env, prefect_server: PrefectServer) -> None:
    code, printed = run_flow("prune", env(PREFECT_API_URL=prefect_server.url.removesuffix("/api")))
    assert code == 1 and "Traceback" not in printed, printed
    assert f"write PREFECT_API_URL={prefect_server.url}" in printed


def test_a_server_of_prefects_that_is_dead_is_told(env: Env) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{one.getsockname()[1]}/api"
    code, printed = run_flow("prune", env(PREFECT_API_URL=url))
    assert code == 1 and f"Prefect's server at {url} does not answer" in printed, printed


def test_three_flows_that_start_at_once_each_have_a_server_and_end_well(env: Env) -> None:
    processes = [start_flow("prune", env(), run_key=f"n{n}") for n in range(3)]
    ended = [(process.communicate(timeout=400)[0], process.returncode) for process in processes]
    # Those that meet at the account's lock are refused in words, which is an end as good as any here.
    assert all(code == 0 or (code == 1 and "is being worked on" in printed) for printed, code in ended), ended
    assert 0 in [code for _, code in ended], ended
