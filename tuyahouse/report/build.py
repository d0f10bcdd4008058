"""The report as one page, and that page as a file."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from tuyahouse.report import pages
from tuyahouse.report.facts import Facts, gather
from tuyahouse.report.markup import tag
from tuyahouse.report.page import Page
from tuyahouse.report.words import Language, Words
from tuyahouse.settings import Account
from tuyahouse.warehouse.warehouse import Warehouse
from tuyahouse.whole_file import whole_file

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The browser itself keeps the page from running or fetching anything, whatever a name may hold."""


@dataclass(frozen=True, slots=True)
class Built:
    """A report that was written."""

    out: Path
    size: int
    as_of: str


def build(warehouse: Warehouse, account: Account, language: Language | None = None) -> tuple[str, Facts]:
    """The report of an account as an HTML document, and what it was made of.

    Args:
        language: ``en`` or ``zh``; default: the account's REPORT_LANGUAGE.
    """
    facts = gather(warehouse, account)
    page = Page(facts, Words(language or account.report_language))
    return document(page), facts


def write(warehouse: Warehouse, account: Account, out: Path, language: Language | None = None) -> Built:
    """Build the report into a file, which appears only once it is complete.

    Raises:
        WarehouseError: the file cannot be written.
    """
    with whole_file(out) as part:  # a path that cannot be written is refused before anything is read
        html, facts = build(warehouse, account, language)
        part.write_text(html, encoding="utf-8")
        size = part.stat().st_size
    return Built(out, size, f"{facts.as_of:%Y-%m-%d %H:%M} UTC" if facts.as_of else "")


def document(page: Page) -> str:
    """The HTML document of a page."""
    w = page.w
    sections = (
        pages.orders,
        pages.yields,
        pages.failures,
        pages.flow,
        pages.stuck,
        pages.field,
        pages.commands,
        pages.pipeline,
        pages.how_to_read,
    )
    names = (
        ("today", w("Today")),
        ("orders", w("Work orders")),
        ("yield", w("Yield")),
        ("failures", w("Failures")),
        ("flow", w("Flow")),
        ("stuck", w("Stuck")),
        ("field", w("Field")),
        ("commands", w("Commands")),
        ("pipeline", w("Pipeline")),
        ("reading", w("How to read it")),
    )
    links = tag("nav", *[tag("a", name, href=f"#{place}") for place, name in names], aria_label=w("Contents"))
    title = f"{page.facts.account} · {w('Factory report')}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup((files("tuyahouse.report") / "style.css").read_text(encoding="utf-8"))),
    )
    body = tag("body", pages.masthead(page), links, tag("main", pages.today(page), *[one(page) for one in sections]))
    return f"<!doctype html>\n{tag('html', head, body, lang=w.tag)}\n"
