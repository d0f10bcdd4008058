"""`deploy --pool-of-jobs` against a server of its own: each run of the pool gets a pod, by our template."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.conftest import ROOT, deploy
from tests.support.prefect import PrefectServer

FILE = ROOT / "deployments/kubernetes/overlays/pod-per-run/base-job-template.json"
TEMPLATE: dict[str, Any] = json.loads(FILE.read_text())
ONLY = ("--only", "ask-serial-numbers")


@pytest.fixture(scope="module")
def server() -> Iterator[PrefectServer]:
    started = PrefectServer()
    yield started
    started.close()


@pytest.fixture(scope="module")
def env(server: PrefectServer) -> dict[str, str]:
    account = {"REGION": "eu", "CLIENT_ID": "client", "CLIENT_SECRET": "secret"}
    return {
        **os.environ,
        **server.env,
        **{f"TUYAHOUSE_ACCOUNTS__DEMO__{name}": value for name, value in account.items()},
    }


def pool(server: PrefectServer) -> tuple[str, dict[str, Any]]:
    told = server.api("work_pools/tuyahouse")
    return told["type"], told["base_job_template"]


def test_the_pool_has_our_template_and_keeps_it_until_another_is_given(
    server: PrefectServer, env: dict[str, str], tmp_path: Path
) -> None:
    deploy(env, *ONLY, "--pool-of-jobs", str(FILE))
    assert pool(server) == ("kubernetes", TEMPLATE)
    (deployed,) = server.api("deployments/filter", {})
    assert deployed["work_pool_name"] == "tuyahouse"
    assert deployed["job_variables"]["env"]["PREFECT_LOGGING_EXTRA_LOGGERS"] == "tuyahouse"
    changed = json.loads(FILE.read_text())
    changed["variables"]["properties"]["memory"]["default"] = "2Gi"
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    deploy(env, *ONLY, "--pool-of-jobs", str(tmp_path / "changed.json"))
    deploy(env, *ONLY)
    assert pool(server) == ("kubernetes", changed)


@pytest.mark.parametrize(
    ("written", "said"),
    [(None, "cannot be read"), ("{", "cannot be read"), (json.dumps(TEMPLATE), "one of type process")],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_the_pool_stays(
    server: PrefectServer, env: dict[str, str], tmp_path: Path, written: str | None, said: str
) -> None:
    for one in server.api("work_pools/filter", {}):
        server.api(f"work_pools/{one['name']}", method="DELETE")
    server.api("work_pools/", {"name": "tuyahouse", "type": "process", "base_job_template": {}})
    file = tmp_path / "template.json"
    if written is not None:
        file.write_text(written)
    command = [sys.executable, "-m", "deployments.deploy", *ONLY, "--pool-of-jobs", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("Nothing was deployed. ") and said in done.stderr
    assert pool(server)[0] == "process"
