"""What an operator sees in the browser: the form of a deployment, and the page of a run that has ended."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tests.deployment.conftest import Site
from tests.support.prefect import PATIENCE


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ended(site: Site) -> dict[str, Any]:
    return site.ended(site.start("register-serial-numbers", pattern="YZCB04ZZR00001..YZCB04ZZR00003"))


def field(page: Page, name: str) -> Locator:
    """A parameter of the form, which is not required."""
    return page.locator(".schema-form-property").filter(has=page.get_by_text(f"{name} (Optional)", exact=True))


def choose_account(page: Page, name: str) -> None:
    """Out of those that the form offers."""
    field(page, "account").locator("button.p-select-button__control").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_text(name, exact=True).last.click()


def open_artifacts(page: Page) -> None:
    """Of a run's page, which a person loads anew when the server was too busy to answer all that it asked for."""
    tab = page.get_by_text("Artifacts", exact=True).first
    for _ in range(5):
        try:
            tab.click(timeout=PATIENCE * 1000 / 8)
            return
        except TimeoutError:
            page.reload()
    tab.click()


def test_the_form_of_a_deployment_explains_itself(site: Site, page: Page) -> None:
    page.goto(f"{site.pages}/deployments/deployment/{site.deployment('ask-serial-numbers')['id']}/run")
    for words in (
        "Name of the account in the settings",
        "A run with the same run key continues",
        "Only these serial numbers",
        "Most keys to ask",
    ):
        expect(page.get_by_text(words)).to_be_visible()
    choose_account(page, "demo")


def test_the_page_of_a_run_shows_how_it_ended_its_log_and_its_artifacts(
    site: Site, page: Page, ended: dict[str, Any]
) -> None:
    page.goto(f"{site.pages}/runs/flow-run/{ended['id']}")
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()
    expect(page.get_by_text("sync_serial_numbers of demo").first).to_be_visible()
    open_artifacts(page)
    expect(page.get_by_text("sync-serial-numbers-demo").first).to_be_visible()


def test_a_write_is_asked_for_by_hand_and_its_artifact_says_what_it_would_do(site: Site, page: Page) -> None:
    device = site.sandbox.lines("truth/devices")[-1]["device_id"]
    page.goto(f"{site.pages}/deployments/deployment/{site.deployment('manage-device-persons')['id']}/run")
    choose_account(page, "demo")
    for name, typed in (("device_id", device), ("person_id", "by-hand")):
        field(page, name).get_by_text("str", exact=True).click()
        field(page, name).locator("textarea").fill(typed)
    expect(page.get_by_text("Tuya is read, nothing is written")).to_be_visible()
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="View run").last.click()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()
    open_artifacts(page)
    page.get_by_text("manage-device-persons-demo-writes").first.click()
    expect(page.get_by_text(f"add the person by-hand to the device {device}").first).to_be_visible()
    expect(page.get_by_text("would be done").first).to_be_visible()
    assert "by-hand" not in site.sandbox.control("access")["persons"].get(device, [])


def test_a_list_that_is_left_empty_is_named_below_its_field_and_nothing_starts(site: Site, page: Page) -> None:
    page.goto(f"{site.pages}/deployments/deployment/{site.deployment('set-device-functions')['id']}/run")
    choose_account(page, "demo")
    required = page.locator(".schema-form-property").filter(has=page.get_by_text("device_id", exact=True))
    required.first.locator("textarea").fill("d")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("'function_codes' is a required property")).to_be_visible()
    assert page.url.endswith("/run")
