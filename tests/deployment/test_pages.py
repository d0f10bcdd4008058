"""What an operator sees in the browser: the form of a deployment, and the page of a run that has ended."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.deployment.conftest import Site
from tests.support.prefect import PATIENCE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("pages are looked at in chromium, not on this machine")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


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


def test_the_form_of_a_deployment_explains_itself(site: Site, page: Page) -> None:
    page.goto(f"{site.pages}/deployments/deployment/{site.deployment('ask-serial-numbers')['id']}/run")
    for words in (
        "Account, by its name",
        "The same run key continues",
        "Only these serial numbers",
        "Most keys to ask",
    ):
        expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator("textarea").first).to_have_value("demo")


def test_the_page_of_a_run_shows_how_it_ended_its_log_and_its_artifacts(
    site: Site, page: Page, ended: dict[str, Any]
) -> None:
    page.goto(f"{site.pages}/runs/flow-run/{ended['id']}")
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()
    expect(page.get_by_text("sync_serial_numbers of demo").first).to_be_visible()
    page.get_by_text("Artifacts", exact=True).first.click()
    expect(page.get_by_text("sync-serial-numbers-demo").first).to_be_visible()
