"""`make up`, and what a person does first in the browser: a form, a red night, Retry. Ctrl-C leaves nothing running.

``TUYAHOUSE_TEST_IMAGES=docs/images`` keeps the pictures that the documentation shows.
"""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.deployment.conftest import ROOT, free_port

KEPT = os.environ.get("TUYAHOUSE_TEST_IMAGES")
SECONDS = 600


class Up:
    """`make up` under way, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.printed = folder, free_port(), folder / "printed"
        command = ["make", "up", f"PORT={self.port}", f"FOLDER={folder}"]
        with self.printed.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
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

    def api(self, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.ui}/api/{path}", data=json.dumps(body).encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def deployment(self, name: str) -> str:
        (found,) = self.api("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return str(found["id"])

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
    opened.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
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
    expect(page.get_by_text("Account, by its name")).to_be_visible()
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


def test_ctrl_c_leaves_nothing_running_and_the_next_start_doubles_and_resumes_nothing(up: Up) -> None:
    night = up.deployment("nightly-demo")
    (schedule,) = up.api("deployments/filter", {"deployments": {"id": {"any_": [night]}}})[0]["schedules"]
    request = urllib.request.Request(
        f"{up.ui}/api/deployments/{night}/schedules/{schedule['id']}",
        data=b'{"active": false}',
        headers={"Content-Type": "application/json"},
        method="PATCH",
    )
    urllib.request.urlopen(request, timeout=30).close()
    before = what_there_is(up)
    assert "Nothing is running any more" in up.stop()
    assert eventually(lambda: not up.processes()), up.processes()
    again = Up(up.folder)
    try:
        assert what_there_is(again) == before
    finally:
        again.stop()
    assert eventually(lambda: not again.processes())


def what_there_is(up: Up) -> dict[str, Any]:
    deployments = up.api("deployments/filter", {})
    return {
        "schedules": {one["name"]: [each["active"] for each in one["schedules"]] for one in deployments},
        "automations": sorted(one["name"] for one in up.api("automations/filter", {})),
    }


def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.5)
    return true()
