"""The report in a browser: on a phone, on desktops and on paper, in both languages.

``TUYAHOUSE_TEST_IMAGES=docs/images`` keeps the pictures that the documentation shows.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from tests.report import factory
from tuyahouse.report import write
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.warehouse import Warehouse

IMAGES = Path(__file__).parents[2] / "docs" / "images"
KEPT = os.environ.get("TUYAHOUSE_TEST_IMAGES")
WIDTHS = {390: 844, 1024: 768, 1920: 1080}
LANGUAGES = ("en", "zh")
SPILLED = """() => [...document.querySelectorAll('body *')].filter(one => {
  const box = one.getBoundingClientRect();
  const inside = one.closest('nav, .scroll, svg, caption');
  return box.width && !inside && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map(one => one.outerHTML.slice(0, 120))"""
CUT = """() => [...document.querySelectorAll('svg.chart text')].filter(one => {
  const box = one.getBoundingClientRect(), chart = one.ownerSVGElement.getBoundingClientRect();
  return box.width && (box.right > chart.right + 2 || box.left < chart.left - 2);
}).map(one => one.textContent)"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The reports of the small factory; ``empty-en`` and ``empty-zh`` are of an account without data."""
    folder = tmp_path_factory.mktemp("reports")
    warehouse = Warehouse.open(f"sqlite:///{folder / 'w.db'}", "key", migrate=True)
    factory.fill(warehouse)
    with warehouse.begin() as conn:  # the one time of the clock on the page
        conn.execute(update(tables.ops_mart).values(refreshed_at=factory.AS_OF))
    made = {}
    for language in LANGUAGES:
        for name, of in (
            (language, factory.account()),
            (f"empty-{language}", factory.account().model_copy(update={"name": "new"})),
        ):
            made[name] = folder / f"{name}.html"
            write(warehouse, of, made[name], language)
    warehouse.close()
    return made


@pytest.fixture
def open_page(browser: Browser) -> Iterator:
    opened: list[Page] = []

    def open_(file: Path, width: int, height: int = 800, scale: float = 1) -> tuple[Page, list[str]]:
        """The page, and what it said or asked for."""
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
        opened.append(page)
        page.set_default_timeout(60_000)
        seen: list[str] = []
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on("request", lambda request: None if request.url == file.as_uri() else seen.append(request.url))
        page.goto(file.as_uri())
        return page, seen

    yield open_
    for page in opened:
        page.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_fits_asks_for_nothing_and_runs_nothing(
    open_page, reports, width: int, language: str, tmp_path
) -> None:
    for name in (language, f"empty-{language}"):
        page, seen = open_page(reports[name], width, WIDTHS[width], 2 if width < 500 else 1)
        assert page.locator("script").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(SPILLED) == []
        assert page.evaluate(CUT) == []
        smallest = page.evaluate(
            "Math.min(...[...document.querySelectorAll('svg.chart text')].map(t => "
            "t.getBoundingClientRect()).filter(b => b.width).map(b => b.height))"
        )
        assert smallest is None or smallest >= 10  # letters that a person can read
        if not name.startswith("empty"):  # before it is scrolled, which goes on after the call
            picture = (Path(KEPT) if KEPT else tmp_path) / f"report-{language}-{width}.png"
            page.screenshot(path=picture)
            assert picture.stat().st_size > 20_000
        page.mouse.wheel(0, 3000)
        page.wait_for_function("scrollY > 0 || document.documentElement.scrollHeight <= innerHeight")
        assert seen == []


def test_a_phone_shows_what_matters_first_and_a_desktop_everything(open_page, reports) -> None:
    phone, _ = open_page(reports["en"], 390, 844)
    tops = [
        phone.get_by_text(words, exact=True).first.bounding_box()["y"]
        for words in ("Finished", "Orders behind", "Nodes that fail most")
    ]
    assert tops[1] < 844 and tops == sorted(tops)  # without scrolling: freshness, numbers, orders
    heading = phone.get_by_text("Stuck units: 9").first.bounding_box()
    assert heading["y"] < 2 * 844
    charts = {
        width: open_page(reports["en"], width)[0].locator("#yield svg.chart:visible").count() for width in (390, 1920)
    }
    assert 0 < charts[390] < charts[1920] == 15  # a phone shows the nodes that are out of control
    assert not phone.locator("#orders table").first.is_visible()
    desktop, _ = open_page(reports["en"], 1920)
    assert desktop.locator("#orders table").first.is_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_paper_it_fits_too_and_shows_charts_and_tables(open_page, reports, language: str, tmp_path) -> None:
    page, seen = open_page(reports[language], 1032, 730)  # A4 landscape without its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == 1032
    assert page.evaluate(SPILLED) == []
    assert not page.locator("nav").is_visible()
    assert page.locator("#orders table").first.is_visible()
    assert page.locator("#yield svg.chart:visible").count() == 15
    page.screenshot(path=(Path(KEPT) if KEPT else tmp_path) / f"report-{language}-print.png")
    paper = tmp_path / "r.pdf"
    page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
    assert paper.read_bytes().startswith(b"%PDF") and seen == []
    pages = paper.read_bytes().count(b"/Type /Page\n") or paper.read_bytes().count(b"/Type/Page\n")
    assert 4 <= pages <= 16


def test_the_pictures_of_the_documentation_are_there() -> None:
    for language in LANGUAGES:
        for width in (*WIDTHS, "print"):
            assert (IMAGES / f"report-{language}-{width}.png").stat().st_size > 20_000
