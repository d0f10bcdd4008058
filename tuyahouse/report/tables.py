"""Tables of the report, from pandas frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tuyahouse.report.markup import join, tag, text

if TYPE_CHECKING:
    import pandas


def missing(value: Any) -> bool:
    """None, NA, NaT and NaN alike."""
    return value is None or value != value or str(value) in ("<NA>", "NaT")


@dataclass(frozen=True, slots=True)
class Col:
    """A column: its heading, and how a row's value is shown.

    ``wide`` ones are left out on a phone; ``whole`` ones are not broken into lines.
    """

    title: str
    value: str | Callable[[Any], Any]
    show: Callable[[Any], Any] = text
    number: bool = False
    wide: bool = False
    whole: bool = False

    @property
    def kind(self) -> str | None:
        return " ".join(name for name, on in (("n", self.number), ("wide", self.wide), ("k", self.whole)) if on) or None

    def cell(self, row: Any) -> Any:
        found = self.value(row) if callable(self.value) else getattr(row, self.value)
        return "–" if not isinstance(found, Markup) and missing(found) else self.show(found)


def table(frame: "pandas.DataFrame", columns: Sequence[Col], caption: str) -> Markup:
    """The frame's rows; on a narrow screen it scrolls in its own place."""
    head = tag("tr", *[tag("th", one.title, class_=one.kind, scope="col") for one in columns])
    body = [
        tag("tr", *[tag("td", one.cell(row), class_=one.kind) for one in columns])
        for row in frame.itertuples(index=False)
    ]
    inside = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", join(body)))
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label=caption)
