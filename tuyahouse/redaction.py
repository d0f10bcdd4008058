"""Secrets out of texts: the ones that were registered, and whatever stands where secrets stand."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_SHORTEST = 4
"""Shorter secrets are hidden by the patterns only: replacing them everywhere would tear texts apart."""

_FREE_FROM = 8
"""Secrets shorter than this are hidden as whole words only, longer ones also inside words."""

_MOST_TOKENS = 512
"""Tokens follow one another for as long as a process lives; the newest ones are kept."""

_NAMES = r"[\w-]{0,40}(?:password|passwd|pwd|secret|token|ticket)(?:_?key)?|secret_?key|sign"
_QUOTE = r"\\*[\"']"
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), f"\\1{HIDDEN}")
    for pattern in (
        r"(/v\d\.\d/token/)[^\s/?#&\"'\\]+",
        r"(://[^\s/@:\"']*:)[^\s/\"']+(?=@)",
        rf"({_QUOTE}(?:{_NAMES}){_QUOTE}\s*[:,]\s*b?{_QUOTE})[^\"'\\]+",
        rf"(\b(?:{_NAMES})\s*=\s*b?{_QUOTE})[^\"'\\]+",
        rf"(\b(?:{_NAMES})\s*=\s*)(?!b?{_QUOTE})[^\s&,;)\]}}\"'\\]+",
        r"(\b(?:authorization|access_token)\s*:\s*(?:bearer\s+)?)(?![\s\"'])(?!bearer\s)[^\s,;\"']+",
    )
)
_SIGNS = re.compile(r"password|passwd|pwd|secret|token|ticket|sign|authorization|://", re.IGNORECASE)
"""Without one of these no pattern can fit; most texts have none."""

_SECRET_NAME = re.compile(f"(?:{_NAMES})", re.IGNORECASE)


class Redactor:
    """Knows secrets and takes them out of texts. Adding is cheap, and so is a text without any of them."""

    def __init__(self) -> None:
        self._kept: dict[str, None] = {}
        self._passing: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def keep(self, secrets: Iterable[str]) -> None:
        """Hide these for good: what the settings hold."""
        fresh = [secret for secret in secrets if len(secret) >= _SHORTEST and secret not in self._kept]
        if fresh:
            self._kept.update(dict.fromkeys(fresh))
            self._pattern = None

    def keep_passing(self, secret: str) -> None:
        """Hide this one until some hundred newer ones came: a token."""
        if len(secret) < _SHORTEST or secret in self._passing:
            return
        self._passing[secret] = None
        if len(self._passing) > _MOST_TOKENS:
            del self._passing[next(iter(self._passing))]
        self._pattern = None

    def text(self, text: str) -> str:
        """The text with ``***`` in the place of every secret."""
        if self._pattern is None:
            self._pattern = self._compiled()
        text = self._pattern.sub(HIDDEN, text)
        if not _SIGNS.search(text):
            return text
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The same for any value: texts inside tables and lists, and whatever is named like a secret."""
        if name and isinstance(value, str | bytes) and _SECRET_NAME.fullmatch(name):
            return HIDDEN
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(str(value))

    def _compiled(self) -> re.Pattern[str]:
        forms = {form for secret in (*self._kept, *self._passing) for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        return re.compile("|".join(map(_as_pattern, longest_first)) or r"(?!)")


def _forms(secret: str) -> set[str]:
    """A secret as it is, as it stands in a URL, and as it stands in JSON."""
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}


def _as_pattern(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= _FREE_FROM else rf"(?<!\w){escaped}(?!\w)"
