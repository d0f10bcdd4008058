"""`make up`, and what a person does first in the browser: a form, a red night, Retry. Ctrl-C leaves nothing running.

``TUYAHOUSE_TEST_IMAGES=docs/images`` keeps the pictures that the documentation shows.
"""

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.deployment.conftest import ROOT
from tests.support.ports import free_port
from tests.support.prefect import PATIENCE, call
from tests.support.sandbox import Sandbox

KEPT = os.environ.get("TUYAHOUSE_TEST_IMAGES")
SECONDS = 600


class Up:
    """`make up` under way, in a folder of its own."""

    def __init__(self, folder: Path, *words: str, env: Mapping[str, str] = os.environ) -> None:
        self.folder, self.port, self.printed = folder, free_port(), folder / "printed"
        command = ["make", "up", f"PORT={self.port}", f"FOLDER={folder}", *words]
        with self.printed.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + SECONDS
        while "Ctrl-C stops everything" not in self.printed.read_text():
            assert self.process.poll() is None and time.monotonic() < end, self.printed.read_text()
            time.sleep(0.5)

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def api(self, path: str, body: Any, method: str | None = None) -> Any:
        return call(f"{self.ui}/api/{path}", body, method)

    def deployment(self, name: str) -> str:
        (found,) = self.api("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return str(found["id"])

    def started(self, deployment: str, **parameters: Any) -> dict[str, Any]:
        """Start a run as the UI does; the run, when it has ended."""
        path = f"deployments/{self.deployment(deployment)}/create_flow_run"
        wanted = {"flow_runs": {"id": {"any_": [self.api(path, {"parameters": parameters})["id"]]}}}
        end = time.monotonic() + SECONDS
        while True:
            (run,) = self.api("flow_runs/filter", wanted)
            if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED"):
                return run
            assert time.monotonic() < end, run
            time.sleep(0.5)

    def stop(self) -> str:
        """Press Ctrl-C, as a terminal does; what it printed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait(90)
        return self.printed.read_text()

    def processes(self) -> list[str]:
        """What still runs with this folder in its environment or command."""
        found = []
        for each in Path("/proc").iterdir():
            try:
                told = (each / "environ").read_bytes() + (each / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.folder) in told:
                found.append(each.name)
        return found


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("up"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    return opened


def keep(page: Page, name: str) -> None:
    if KEPT:
        page.wait_for_timeout(1500)  # charts and badges come in slowly
        page.screenshot(path=Path(KEPT) / f"{name}.png")


def test_the_deployments_say_what_they_are(up: Up, page: Page) -> None:
    page.goto(f"{up.ui}/deployments")
    for name in ("ask-serial-numbers", "build-report", "nightly-demo"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()
    keep(page, "ui-deployments")


def fill_in_a_serial_number(up: Up, page: Page, number: str) -> None:
    page.goto(f"{up.ui}/deployments/deployment/{up.deployment('ask-serial-numbers')}/run")
    expect(page.get_by_text("Name of the account in the settings")).to_be_visible()
    page.get_by_text("list", exact=True).first.click()
    page.get_by_role("button", name="Add").first.click()
    page.locator("textarea").last.fill(number)


def test_a_form_that_is_filled_in_by_hand_asks_one_serial_number(up: Up, page: Page) -> None:
    fill_in_a_serial_number(up, page, "YZCB04ZZR00001")
    keep(page, "ui-form")
    page.get_by_role("button", name="Submit").click()
    wanted = {"flow_runs": {"name": {"like_": "sn flows demo"}}, "sort": "START_TIME_DESC", "limit": 1}
    end = time.monotonic() + SECONDS
    done = None
    while done is None and time.monotonic() < end:
        runs = up.api("flow_runs/filter", wanted)
        done = next((one for one in runs if one["parameters"].get("sns") and one["state_type"] == "COMPLETED"), None)
        time.sleep(0.5)
    assert done and done["state"]["message"].startswith("Good: 1 asked, 1 answered"), runs
    page.goto(f"{up.ui}/runs/flow-run/{done['id']}")
    page.get_by_text("Artifacts", exact=True).first.click()
    expect(page.get_by_text("sync-sn-flows-demo").first).to_be_visible()


def test_a_number_out_of_its_bounds_is_refused_below_its_field_and_nothing_starts(up: Up, page: Page) -> None:
    page.goto(f"{up.ui}/deployments/deployment/{up.deployment('ask-serial-numbers')}/run")
    limit = page.locator(".schema-form-property").filter(has=page.get_by_text("limit (Optional)", exact=True))
    limit.get_by_text("int", exact=True).click()
    limit.locator("input").fill("0")
    page.get_by_role("button", name="Submit").click()
    expect(limit.get_by_text("0 is not valid")).to_be_visible()
    expect(limit.get_by_text("1 to 1,000,000,000")).to_be_visible()
    assert page.url.endswith("/run")


def test_a_red_night_says_why_and_turns_green_when_retry_is_pressed(up: Up, page: Page) -> None:
    failed = {
        "flow_runs": {
            "deployment_id": {"any_": [up.deployment("nightly-demo")]},
            "state": {"type": {"any_": ["FAILED"]}},
        }
    }
    (red,) = up.api("flow_runs/filter", failed)
    assert red["state"]["message"].startswith("Red: ") and "1106" in red["state"]["message"]
    page.goto(f"{up.ui}/runs/flow-run/{red['id']}")
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    keep(page, "ui-red-night")
    page.get_by_role("button", name="Retry").first.click()
    page.get_by_role("button", name="Retry").last.click()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=SECONDS * 1000)
    keep(page, "ui-night")


def test_the_report_of_the_newest_night_is_one_click_away(up: Up) -> None:
    night = up.api("artifacts/filter", {"artifacts": {"key": {"any_": ["nightly-sync-demo"]}}, "sort": "CREATED_DESC"})[
        0
    ]
    link = re.search(r"\[The report of demo\]\((http[^)]+)\)", night["description"])
    assert link, night["description"]
    with urllib.request.urlopen(link[1], timeout=30) as page:
        assert page.read(15).lower() == b"<!doctype html>"


def test_a_second_make_up_in_the_same_folder_is_refused_in_words(up: Up) -> None:
    command = ["make", "up", f"FOLDER={up.folder}"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "`make up` is running already" in done.stderr


def test_ctrl_c_leaves_nothing_running_and_the_next_start_doubles_resumes_and_switches_nothing(up: Up) -> None:
    night = up.deployment("nightly-demo")
    (schedule,) = up.api("deployments/filter", {"deployments": {"id": {"any_": [night]}}})[0]["schedules"]
    up.api(f"deployments/{night}/schedules/{schedule['id']}", {"active": False}, "PATCH")
    dead_workers = next(one for one in up.api("automations/filter", {}) if "worker died" in one["name"])
    up.api(f"automations/{dead_workers['id']}", {"enabled": False}, "PATCH")
    before = what_there_is(up)
    assert "Nothing is running any more" in up.stop()
    assert eventually(lambda: not up.processes()), up.processes()
    again = Up(up.folder)
    try:
        assert what_there_is(again) == before
        assert again.started("ask-serial-numbers", sns=["YZCB04ZZR00002"])["state_type"] == "COMPLETED"
    finally:
        again.stop()
    assert eventually(lambda: not again.processes())


def what_there_is(up: Up) -> dict[str, Any]:
    """What must neither double nor change: by name, so that two of a name would show as a longer list."""
    nights = {
        "flow_runs": {"deployment_id": {"any_": [up.deployment("nightly-demo")]}, "start_time": {"is_null_": False}}
    }
    deployments = up.api("deployments/filter", {})
    return {
        "deployments": sorted((one["name"], one["id"]) for one in deployments),
        "schedules": {
            one["name"]: sorted((each["schedule"]["cron"], each["active"]) for each in one["schedules"])
            for one in deployments
        },
        "automations": sorted((one["name"], one["id"], one["enabled"]) for one in up.api("automations/filter", {})),
        "nights": sorted(one["id"] for one in up.api("flow_runs/filter", nights)),
    }


def test_without_a_sandbox_it_works_on_the_accounts_that_are_configured(
    tmp_path: Path, sandboxes: Callable[..., Sandbox]
) -> None:
    tuya = sandboxes("--serial-numbers", "20")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TUYAHOUSE_", "PREFECT_"))}
    mine = {**plain, **tuya.env, "TUYAHOUSE_WAREHOUSE_URL": f"sqlite:///{tmp_path / 'mine.db'}"}
    up = Up(tmp_path, "WITHOUT_SANDBOX=1", env=mine)
    try:
        assert "the sandbox  " not in up.printed.read_text()
        asked = up.started("ask-serial-numbers", sns=["YZCB04ZZR00001"])
        assert asked["state"]["message"].startswith("Good: 1 asked, 1 answered"), asked["state"]
        assert tuya.control("asked") == {"YZCB04ZZR00001": 1} and (tmp_path / "mine.db").exists()
    finally:
        up.stop()
    assert eventually(lambda: not up.processes()), up.processes()


def test_without_a_sandbox_and_without_an_account_it_says_what_to_set(tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TUYAHOUSE_", "PREFECT_"))}
    command = ["make", "up", f"FOLDER={tmp_path}", "WITHOUT_SANDBOX=1"]
    done = subprocess.run(command, cwd=ROOT, env=plain, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.startswith("No account is configured. Set TUYAHOUSE_ACCOUNTS__<NAME>__REGION"), done.stderr
    assert "start without WITHOUT_SANDBOX to use a simulated Tuya" in done.stderr


def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.5)
    return true()
