"""What the automations of Prefect's server do, with a real webhook receiver and a worker that is killed."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.conftest import ROOT, Site
from tests.flows.nights import rows
from tests.flows.processes import run_flow
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import flow_step
from tuyahouse.warehouse.warehouse import Warehouse

BLOCK = """
from prefect.blocks.notifications import CustomWebhookNotificationBlock as Webhook
Webhook(name="w", url="{url}", json_data={{"subject": "{{{{subject}}}}", "body": "{{{{body}}}}"}}).save("operators")
"""


def automate(site: Site, *words: str) -> dict[str, str]:
    """Run `python -m deployments.automations`; what was done to each automation, by name."""
    command = [sys.executable, "-m", "deployments.automations", *words]
    done = subprocess.run(command, cwd=ROOT, env=site.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {line[18:]: line[:18].strip() for line in done.stdout.splitlines() if line[18:].startswith("tuyahouse: ")}


def eventually(true: Callable[[], Any], seconds: float = 90) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.5)
    return bool(true())


@pytest.fixture(scope="module")
def received() -> Iterator[list[dict[str, str]]]:
    """What a webhook received; the list has its address as ``url`` in its first item."""
    got: list[dict[str, str]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got.append({"url": f"http://127.0.0.1:{server.server_port}/"})
    yield got
    server.shutdown()


@pytest.fixture(scope="module")
def automated(site: Site, received: list[dict[str, str]]) -> dict[str, str]:
    """What was made, with a notification block for the webhook."""
    command = [sys.executable, "-c", BLOCK.format(url=received[0]["url"])]
    subprocess.run(command, cwd=ROOT, env=site.env, check=True, capture_output=True)
    assert set(automate(site, "--dry-run").values()) == {"would be made"}
    return automate(site, "--notify", "custom-webhook/operators", "--no-heartbeat-for", "40")


def of(site: Site) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in site.prefect.api("automations/filter", {})}


def test_a_dry_run_makes_nothing_and_the_first_run_makes_all(site: Site, automated: dict[str, str]) -> None:
    assert set(automated.values()) == {"made"}
    assert set(automated) == set(of(site))
    assert "tuyahouse: tell when annex has had no good night" in automated


def test_a_second_run_changes_nothing_and_leaves_switched_off_what_is(site: Site, automated: dict[str, str]) -> None:
    late = of(site)["tuyahouse: tell when a run is late"]["id"]
    site.prefect.api(f"automations/{late}", {"enabled": False}, method="PATCH")
    before = of(site)
    again = automate(site, "--notify", "custom-webhook/operators", "--no-heartbeat-for", "40")
    assert set(again.values()) == {"as it was"}
    assert of(site) == before
    automate(site, "--notify", "custom-webhook/operators", "--no-heartbeat-for", "41")
    assert [one["enabled"] for one in of(site).values()].count(False) == 1
    automate(site, "--notify", "custom-webhook/operators", "--no-heartbeat-for", "40")


def test_a_red_run_is_told_with_its_verdict_and_what_to_do(
    site: Site, automated: dict[str, str], received: list[dict[str, str]]
) -> None:
    run = site.ended(site.start("replay-stored-answers", account=None))
    assert eventually(lambda: any(run["name"] in each.get("subject", "") for each in received))
    told = next(each for each in received if run["name"] in each.get("subject", ""))
    assert told["subject"] == f"{run['name']}: Refused"
    assert told["body"].startswith("Red: Several accounts are configured: annex, demo. Name one of them.")
    assert "press Retry" in told["body"]


def test_the_report_is_written_after_the_night_and_an_artifact_says_where(
    site: Site, automated: dict[str, str]
) -> None:
    file = site.warehouse.parent / "reports" / "annex.html"
    file.unlink(missing_ok=True)
    night = site.ended(site.start("nightly-annex", account="annex", run_key="nightly/reported"))
    assert eventually(file.exists), night["state"]
    assert eventually(lambda: artifact_of(site, "report-annex").startswith(f"`{file}` on "))


def artifact_of(site: Site, key: str) -> str:
    found = site.prefect.api("artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"})
    return str(found[0]["data"]) if found else ""


def test_schedules_pause_when_the_quota_is_used_up_and_those_alone_are_resumed(
    site: Site, automated: dict[str, str]
) -> None:
    def active() -> dict[str, bool]:
        found = site.prefect.api("deployments/filter", {})
        return {one["name"]: each["active"] for one in found for each in one["schedules"]}

    (by_hand,) = site.deployment("hourly-commands-demo")["schedules"]
    path = f"deployments/{site.deployment('hourly-commands-demo')['id']}/schedules/{by_hand['id']}"
    site.prefect.api(path, {"active": False}, method="PATCH")
    before = active()
    site.sandbox.control("faults", {"quota": 1})
    red = site.ended(site.start("read-devices"))
    site.sandbox.control("faults", {})
    assert "28841004" in red["state"]["message"]
    assert eventually(lambda: not active()["nightly-demo"] and not active()["weekly-devices-demo"])
    assert active()["nightly-annex"] == before["nightly-annex"] and active()["weekly-prune-demo"]
    site.ended(site.start("hold-schedules-demo", action="resume"))
    assert active() == before


def test_a_run_whose_worker_was_killed_is_marked_told_and_finished_under_its_run_key(
    site: Site, automated: dict[str, str], received: list[dict[str, str]], tmp_path: Path
) -> None:
    units = [each["sn"] for each in site.annex.lines("truth/serial-numbers")]
    (tmp_path / "units.csv").write_text("\n".join(["sn", *units]))
    registered = site.ended(site.start("register-serial-numbers", account="annex", path=str(tmp_path / "units.csv")))
    assert registered["state_type"] == "COMPLETED", registered["state"]
    site.worker.send_signal(signal.SIGSTOP)
    site.annex.control("faults", {"slow": 1})
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "tuyahouse"]
    with (tmp_path / "worker.log").open("wb") as log:
        second = subprocess.Popen(command, cwd=tmp_path, env=site.env, stdout=log, stderr=log, start_new_session=True)
    try:
        run = site.start("nightly-annex", account="annex", run_key="nightly/killed")
        in_the_middle = eventually(lambda: site.annex.control("asked") and heard_of(site, run), 180)
        assert in_the_middle, (tmp_path / "worker.log").read_text()
        os.killpg(second.pid, signal.SIGKILL)
        for child in children_of(run):
            os.kill(child, signal.SIGKILL)
    finally:
        second.kill()
        site.worker.send_signal(signal.SIGCONT)
        site.annex.control("faults", {})
    ended = site.ended(run, seconds=150)
    assert ended["state_type"] == "CRASHED" and ended["state"]["message"].startswith("Red: its worker died")
    assert eventually(lambda: any(each.get("subject") == f"{ended['name']}: Crashed" for each in received))
    code, printed = run_flow("nightly_sync", site.env, account="annex", run_key="nightly/killed")
    assert code == 0, printed
    warehouse = Warehouse.open(f"sqlite:///{site.warehouse}")
    found = [one.status for one in runs.recent_runs(warehouse, "annex") if one.run_key == "nightly/killed"]
    landed = [row[1:] for row in rows(warehouse, flow_step, "account", "sn", "node") if row[0] == "annex"]
    warehouse.close()
    assert found and set(found) == {"balanced"}
    assert sorted(landed) == sorted((step["sn"], step["node"]) for step in site.annex.lines("truth/steps"))


def heard_of(site: Site, run: str) -> bool:
    """Whether the run has said that it lives."""
    wanted = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "any_resource": {"id": [f"prefect.flow-run.{run}"]}}
    return bool(site.prefect.api("events/filter", {"filter": wanted})["events"])


def children_of(run: str) -> list[int]:
    """The processes that carry this flow run out."""
    found = []
    for each in os.listdir("/proc"):
        if each.isdigit():
            try:
                with open(f"/proc/{each}/environ", "rb") as environ:
                    if f"PREFECT__FLOW_RUN_ID={run}".encode() in environ.read():
                        found.append(int(each))
            except OSError:
                pass
    return found
