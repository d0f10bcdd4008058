"""A proxy that the environment names is for the world outside: Prefect's server on this machine is asked directly."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.flows.nights import environment_of
from tests.flows.processes import ROOT, run_flow
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.warehouse import Warehouse

EXEMPT = """
from flows.temporary_server import start_where_none_is_named
from urllib.request import getproxies
assert start_where_none_is_named() is None
print(getproxies()["no"])
"""


@pytest.fixture
def dead_proxy() -> Iterator[dict[str, str]]:
    """Variables that name a proxy on a port where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        yield {"HTTP_PROXY": url, "http_proxy": url, "NO_PROXY": "", "no_proxy": ""}


@pytest.fixture
def env(tuya: Sandbox, sqlite_url: str, secret_key: str, dead_proxy: dict[str, str], tmp_path) -> dict[str, str]:
    """Of a process with a warehouse and a dead proxy, which names no server of Prefect's."""
    Warehouse.open(sqlite_url, secret_key).close()
    found = environment_of(tuya, sqlite_url, secret_key, PREFECT_HOME=str(tmp_path / "prefect"), **dead_proxy)
    return {name: value for name, value in found.items() if name != "PREFECT_API_URL"}


def test_the_temporary_server_is_never_asked_through_a_proxy(env):
    code, printed = run_flow("prune", env)
    assert code == 0 and "Traceback" not in printed, printed


def test_a_named_server_on_this_machine_is_never_asked_through_a_proxy(env, prefect_server: PrefectServer):
    code, printed = run_flow("prune", env | prefect_server.env)
    assert code == 0 and "Traceback" not in printed, printed


@pytest.mark.parametrize(
    ("held", "exempt"),
    [
        ({"NO_PROXY": "tuya.internal, 10.0.0.0/8"}, "tuya.internal,10.0.0.0/8,127.0.0.1,localhost"),
        ({"NO_PROXY": "upper", "no_proxy": "lower"}, "lower,127.0.0.1,localhost"),
        ({"NO_PROXY": "localhost"}, "localhost,127.0.0.1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_what_no_proxy_held_stays_exempt(env, held, exempt):
    there = {name: value for name, value in env.items() if name.lower() != "no_proxy"}
    named = there | held | {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PYTHONPATH": str(ROOT)}
    printed = subprocess.run([sys.executable, "-c", EXEMPT], env=named, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == exempt
