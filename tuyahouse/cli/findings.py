"""The findings of a check, one a line: ok, a note, or wrong with the remedy."""

import sys
from dataclasses import dataclass, field

import typer
from rich.text import Text

from tuyahouse.cli.output import screen
from tuyahouse.foreign_text import plain
from tuyahouse.logs import redact
from tuyahouse.wrapping import fitted

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "bold red"}


@dataclass(slots=True)
class Findings:
    """Prints each finding at once and counts them. Checks add the calls they make to ``calls``."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COLOURS, 0))
    calls: int = 0

    def ok(self, what: str, said: str) -> None:
        self._found("ok", what, said)

    def note(self, what: str, said: str) -> None:
        """Nothing is wrong, but it should be known."""
        self._found("note", what, said)

    def wrong(self, what: str, said: object) -> None:
        """It does not work; ``said`` names the remedy."""
        self._found("wrong", what, str(said))

    @property
    def bad(self) -> bool:
        return self.counts["wrong"] > 0

    def summary(self) -> str:
        """The last line of a report."""
        state = f"{self.counts['wrong']} wrong" if self.bad else "all is well"
        return f"{sum(self.counts.values())} checks, {state}. Calls made to Tuya: {self.calls}."

    def _found(self, kind: str, what: str, said: str) -> None:
        self.counts[kind] += 1
        text = fitted(" " * 6 + plain(f"{what}: {redact(said)}"), sys.stdout)
        line = Text().append(f"{kind:<6}", style=_COLOURS[kind]).append(text[6:])
        screen().print(line, soft_wrap=True)

    def end(self) -> typer.Exit:
        """Print the summary; raise what is returned."""
        typer.echo(self.summary())
        return typer.Exit(1 if self.bad else 0)
