"""What all pages of the report share: its words, how values are shown, sections and cards."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas
from markupsafe import Markup

from tuyahouse.report.facts import Facts
from tuyahouse.report.markup import EMPTY, join, tag
from tuyahouse.report.tables import Col, missing, table
from tuyahouse.report.words import Words

FEW = 30
"""Below so many units a share says little, and is grey."""


@dataclass(frozen=True)
class Page:
    """The report under way."""

    facts: Facts
    w: Words

    # ------------------------------------------------------------------------------------------------------ values

    def number(self, value: Any) -> str:
        return "–" if missing(value) else f"{value:,.0f}"

    def decimal(self, value: Any) -> str:
        return "–" if missing(value) else f"{value:,.1f}"

    def percent(self, value: Any) -> str:
        return "–" if missing(value) else f"{value:.1%}"

    def share(self, value: Any, units: Any) -> Markup:
        """A share, grey where it is of few."""
        few = not missing(units) and units < FEW
        return tag("span", self.percent(value), class_="few" if few else None)

    def time(self, at: datetime | pandas.Timestamp | None) -> str:
        """A time of the factory's zone, to the minute."""
        return "–" if missing(at) or at is None else f"{at.astimezone(self.facts.zone):%Y-%m-%d %H:%M}"

    def day(self, at: date | datetime | None) -> str:
        return "–" if missing(at) or at is None else f"{at:%m-%d} {self.w.weekday(at.weekday())}"

    def duration(self, hours: Any) -> str:
        """Hours in words: minutes below one hour, days from two days on."""
        if missing(hours):
            return "–"
        if hours < 1:
            return self.w("{count} min", count=f"{hours * 60:.0f}")
        return (
            self.w("{count} d", count=f"{hours / 24:.1f}") if hours >= 48 else self.w("{count} h", count=f"{hours:.1f}")
        )

    def node(self, row: Any) -> str:
        """A node with the craft line that it is of."""
        line = getattr(row, "craft_line_code", None)
        name = self.w("after the last node") if missing(row.node) else str(row.node)
        return name if missing(line) else f"{line} · {name}"

    # -------------------------------------------------------------------------------------------------------- parts

    def section(self, name: str, title: str, *inside: Any, lead: str = "") -> Markup:
        words = tag("p", lead, class_="lead") if lead else EMPTY
        return tag("section", tag("h2", title), words, tag("div", *inside, class_="cards"), id=name)

    def card(self, title: str, *inside: Any, note: str = "", kind: str = "") -> Markup:
        below = tag("p", note, class_="note") if note else EMPTY
        return tag("article", tag("h3", title), *inside, below, class_=f"card {kind}".strip())

    def empty(self, says: str, command: str = "") -> Markup:
        """What stands where nothing is: why, and the command that changes it."""
        return tag(
            "p", says, Markup(" ") if command else EMPTY, tag("code", command) if command else EMPTY, class_="empty"
        )

    def no_steps(self, says: str, command: str) -> Markup:
        """What stands where process steps are missing: an account without PMS gets none, whatever else is done."""
        if self.facts.has_pms:
            return self.empty(says, command)
        says = self.w("This account has no user of Tuya's production system (PMS), which knows work orders. Set both:")
        prefix = f"TUYAHOUSE_ACCOUNTS__{self.facts.account.upper()}__PMS_"
        return self.empty(says, f"{prefix}USERNAME, {prefix}PASSWORD")

    def nothing(self, name: str, title: str, empty: Markup) -> Markup:
        """A section of which nothing is there yet."""
        return self.section(name, title, self.card(title, empty))

    def fine(self, title: str, says: str) -> Markup:
        """A card that has nothing to list, which is good."""
        return self.card(title, self.relief(says))

    def relief(self, says: str) -> Markup:
        return tag("p", says, class_="fine")

    def numbers(self, frame: pandas.DataFrame, columns: list[Col], caption: str) -> Markup:
        """The numbers under a chart, folded away."""
        return tag("details", tag("summary", self.w("Numbers")), table(frame, columns, caption))

    def chip(self, kind: str, *inside: Any) -> Markup:
        """A word on a colour, with a sign for those who do not see it."""
        sign = {"good": "✓", "bad": "✕", "warn": "!", "quiet": "○"}[kind]
        return tag("span", tag("span", sign, class_="sign", aria_hidden="true"), join(inside), class_=f"chip {kind}")

    def legend(self, *parts: tuple[str, str]) -> Markup:
        return tag(
            "p", *[tag("span", tag("i", class_=f"swatch {kind}"), name) for kind, name in parts], class_="legend"
        )

    @property
    def account_option(self) -> str:
        return f"-a {self.facts.account}"
