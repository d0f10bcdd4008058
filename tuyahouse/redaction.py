"""Removes secrets from texts: registered ones, and whatever is in the usual places of secrets."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_SHORTEST = 4
"""Shorter secrets are hidden by the patterns only: replacing them everywhere would mangle other text."""

_FREE_FROM = 8
"""Secrets shorter than this are hidden as whole words only, longer ones also inside words."""

_MOST_TOKENS = 512
"""Newest tokens that are remembered: a long-running process goes through many."""

_IN_ANSWERS_FROM = 12
"""Shorter secrets are not searched for in answers: they could be part of a serial number."""

_TOKENS_IN_ANSWERS = 32
"""Newest tokens that are searched for in every answer: Tuya can echo only what it was sent lately."""

MARGIN = 4096
"""More than any secret has in any spelling: one that a cut would halve is still whole when it is looked for."""

_NAMES = r"[\w-]{0,40}(?:password|passwd|pwd|secret|token|ticket)(?:_?key)?|secret_?key|sign"
_QUOTE = r"\\*[\"']"
_NO_SECRET = r"(?:true|false|none|null)(?:[\s&,;)\]}\"'\\]|$)"
"""A switch that is named like a secret, as ``ticket=true``: hidden, it would spoil a command to be started again."""
_PLACE = r"(?:env:\w+|file:[^\s\"'\\]+)[\"'\\]"
"""Where a secret is, which is none: as above."""

_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), f"\\1{HIDDEN}")
    for pattern in (
        r"(/v\d\.\d/token/)[^\s/?#&\"'\\]+",
        r"(://[^\s/@:\"']*:)[^\s/\"']+(?=@)",
        rf"({_QUOTE}(?:{_NAMES}){_QUOTE}\s*[:,]\s*b?{_QUOTE})(?!{_PLACE})[^\"'\\]+",
        rf"(\b(?:{_NAMES})\s*=\s*b?{_QUOTE})(?!{_PLACE})[^\"'\\]+",
        rf"(\b(?:{_NAMES})\s*=\s*)(?!b?{_QUOTE}|{_NO_SECRET})[^\s&,;)\]}}\"'\\]+",
        r"(\b(?:authorization|access_token)\s*:\s*(?:bearer\s+)?)(?![\s\"'])(?!bearer\s)[^\s,;\"']+",
    )
)
_SIGNS = re.compile(r"password|passwd|pwd|secret|token|ticket|sign|authorization|://", re.IGNORECASE)
"""A text with none of these, as most are, cannot match any pattern."""

_SECRET_NAME = re.compile(f"(?:{_NAMES})", re.IGNORECASE)


class Redactor:
    """Knows secrets and takes them out of texts. Adding a secret is cheap, and so is a text without any."""

    def __init__(self) -> None:
        self._kept: dict[str, bool] = {}
        self._passing: dict[str, None] = {}
        self._forms: _Forms | None = None

    def keep(self, secrets: Iterable[str], *, sent: bool = False) -> None:
        """Hide these for good. Answers are looked through for those alone that Tuya is ``sent``, in whatever form."""
        for secret in secrets:
            if len(secret) >= _SHORTEST and (secret not in self._kept or sent > self._kept[secret]):
                self._kept[secret] = sent
                self._forms = None

    def keep_passing(self, secret: str) -> None:
        """Hide a token, until some hundred newer ones have followed it."""
        if len(secret) < _SHORTEST or secret in self._passing:
            return
        self._passing[secret] = None
        if len(self._passing) > _MOST_TOKENS:
            del self._passing[next(iter(self._passing))]
        self._forms = None

    def forget(self, secret: str) -> None:
        """Stop hiding a token that is no longer used, to make room for others."""
        if self._passing.pop(secret, "") is None:
            self._forms = None

    def text(self, text: str) -> str:
        """The text with ``***`` in place of every secret."""
        forms = self._known()
        for form in forms.long:
            if form in text:
                text = text.replace(form, HIDDEN)
        text = forms.short.sub(HIDDEN, text)
        if not _SIGNS.search(text):
            return text
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def beginning(self, text: str, most: int) -> str:
        """:meth:`text`, or its first ``most`` characters and a mark: others may send texts of any length."""
        if len(text) <= most:
            return self.text(text)
        clean = self.text(text[: most + MARGIN])
        return clean[: max(0, min(most, len(clean) - MARGIN))] + "…"

    def answer(self, body: bytes) -> bytes:
        """The bytes of an answer with ``***`` in place of every registered secret; no pattern is applied."""
        for form in self._known().in_answers:
            if form in body:
                body = body.replace(form, HIDDEN.encode())
        return body

    def value(self, value: Any, name: str = "") -> Any:
        """:meth:`text` for any value: for texts inside tables and lists, and for whatever is named like a secret."""
        if name and isinstance(value, str | bytes) and _SECRET_NAME.fullmatch(name):
            return HIDDEN
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(str(value))

    def _known(self) -> "_Forms":
        if self._forms is None:
            self._forms = _forms_of(self._kept, list(self._passing))
        return self._forms


class _Forms(NamedTuple):
    """Every spelling of the secrets: long ones (longest first), a pattern of the short ones, and those for answers."""

    long: list[str]
    short: re.Pattern[str]
    in_answers: list[bytes]


def _forms_of(kept: dict[str, bool], passing: list[str]) -> _Forms:
    forms = {form for secret in kept for form in _spellings(secret) | _digests(secret)}
    answered = {form for secret, sent in kept.items() if sent for form in _spellings(secret) | _digests(secret)}
    answered |= {form for secret in passing[-_TOKENS_IN_ANSWERS:] for form in _spellings(secret)}
    forms |= {form for secret in passing for form in _spellings(secret)}
    short = [rf"(?<!\w){re.escape(form)}(?!\w)" for form in _longest_first(forms) if len(form) < _FREE_FROM]
    return _Forms(
        [form for form in _longest_first(forms) if len(form) >= _FREE_FROM],
        re.compile("|".join(short) or r"(?!)"),
        [form.encode() for form in _longest_first(answered) if len(form) >= _IN_ANSWERS_FROM],
    )


def _longest_first(forms: Iterable[str]) -> list[str]:
    return sorted(forms, key=lambda form: (-len(form), form))


def _spellings(secret: str) -> set[str]:
    """A secret as it is, as written in a URL, and as written in JSON."""
    in_json = {json.dumps(secret, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), *in_json}


def _digests(secret: str) -> set[str]:
    """The MD5 of a secret: Tuya's logins take passwords in that form."""
    digest = hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()
    return {digest, digest.upper()}


SECRETS = Redactor()
"""The secrets of this process. Code that learns a secret registers it here; code that stores or shows text redacts it
here."""
