"""Errors of calls to Tuya, by what to do about them (docs/tuya.md, "Errors").

    TuyaError
    ├── PassingFault          try again later: Tuya busy, answer cut off, time-out, HTML instead of JSON
    ├── Throttled             try again, slower
    ├── AuthenticationRefused the token was refused, and so was its successor
    ├── ClockWrong            the time was refused, also after it was corrected
    ├── ItemRefused           this item is refused; others are not
    ├── NotFound              Tuya does not know this item
    ├── QuotaExhausted        stop the run: every further call would be refused
    ├── ConfigurationWrong    nothing works until a person changes something
    ├── UnusableAnswer        JSON, but not of the documented shape
    └── BudgetReached         our own MONTHLY_CALLS is used up

Texts never hold a secret: they quote no URL, header or body, and Tuya's own texts are redacted.
"""

from typing import ClassVar

from tuyahouse.cloud.answer_excerpt import beginning
from tuyahouse.cloud.codes import Action, classify, ruling
from tuyahouse.redaction import SECRETS

LONGEST_TEXT = 2_000
"""Characters of a text of Tuya's, and of the sentence around it, that an error holds."""
_LONGEST_CODE = 100

WHOLE_UP_TO = 1_000_000
"""Bytes of an unusable answer that are kept whole; of a larger one its beginning is kept."""

__all__ = [
    "Action",
    "AuthenticationRefused",
    "BudgetReached",
    "ClockWrong",
    "ConfigurationWrong",
    "ItemRefused",
    "NotFound",
    "PassingFault",
    "QuotaExhausted",
    "Throttled",
    "TuyaError",
    "UnusableAnswer",
    "classify",
    "prefix",
    "refusal",
    "ruling",
]


class TuyaError(Exception):
    """A call failed. ``str()`` is a sentence for the operator.

    Args:
        what: what happened, as a sentence without its full stop.
        code: Tuya's code as text, ``HTTP 503`` and the like for an answer without one, or empty.
        msg: Tuya's text.
        tid: Tuya's trace id, which its support asks for.
        endpoint: name of the call, e.g. ``POST /v1.0/pms/station/sn/flows/get``.
        remedy: what a person can change.
        reached: Tuya may have carried the call out.
        raw: what was received of an answer that could not be read; empty where nothing was, or where it could hold a
            token.
    """

    action: ClassVar[Action] = Action.SKIP_ITEM

    def __init__(
        self,
        what: str,
        *,
        code: str = "",
        msg: str = "",
        tid: str = "",
        endpoint: str = "",
        remedy: str = "",
        reached: bool = True,
        raw: bytes = b"",
    ) -> None:
        what, msg = (SECRETS.beginning(text, LONGEST_TEXT) for text in (what, msg))
        code, tid = (SECRETS.beginning(text, _LONGEST_CODE) for text in (code, tid))
        super().__init__(what)
        self.what = what
        self.code = code
        self.msg = msg
        self.tid = tid
        self.endpoint = endpoint
        self.remedy = remedy
        self.reached = reached
        self.raw = raw

    def __str__(self) -> str:
        call = f" [{self.endpoint}]" if self.endpoint and self.endpoint not in self.what else ""
        trace = f" (trace id {self.tid})" if self.tid else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.what}{call}{trace}.{remedy}"


class PassingFault(TuyaError):
    """A passing fault: Tuya is busy, no connection, a time-out, an answer that was cut off or is not JSON."""

    action = Action.RETRY


class Throttled(TuyaError):
    """Tuya asks for fewer calls; nothing was carried out."""

    action = Action.SLOW_DOWN


class AuthenticationRefused(TuyaError):
    """The access token was refused, and so was the one that replaced it."""

    action = Action.REAUTHENTICATE


class ClockWrong(TuyaError):
    """The time of the request was refused, also after it was corrected."""

    action = Action.FIX_CLOCK


class ItemRefused(TuyaError):
    """Tuya refuses this item; repeating the same call would end the same way."""

    action = Action.SKIP_ITEM


class NotFound(TuyaError):
    """Tuya does not know this item."""

    action = Action.NOT_FOUND


class QuotaExhausted(TuyaError):
    """The project's quota or plan is used up: every further call would be refused."""

    action = Action.STOP_RUN


class ConfigurationWrong(TuyaError):
    """Nothing works until a person changes a setting or something in Tuya's console."""

    action = Action.CONFIGURATION


class UnusableAnswer(TuyaError):
    """JSON of another shape than documented, or more bytes than are read."""

    def __init__(self, reason: str, raw: bytes = b"", *, tid: str = "", endpoint: str = "") -> None:
        raw = raw if len(raw) <= WHOLE_UP_TO else beginning(raw)
        super().__init__(reason, tid=tid, endpoint=endpoint, remedy="The answer is kept in the dead letter.", raw=raw)
        self.args = (self.what, raw)
        self.reason = self.what


class BudgetReached(TuyaError):
    """Our own limit of calls per month is reached: the run stops cleanly and can be continued by its run key."""

    action = Action.STOP_RUN


_BY_ACTION: dict[Action, type[TuyaError]] = {
    kind.action: kind
    for kind in (
        PassingFault,
        Throttled,
        AuthenticationRefused,
        ClockWrong,
        ItemRefused,
        NotFound,
        QuotaExhausted,
        ConfigurationWrong,
    )
}


def prefix(account: str) -> str:
    """The beginning of the names of an account's settings."""
    return f"TUYAHOUSE_ACCOUNTS__{account.upper() or '<NAME>'}__"


def refusal(code: str | int | None, msg: str, *, tid: str, endpoint: str, account: str) -> TuyaError:
    """The error for an answer that refuses a call; its remedy names the account's own settings."""
    meaning = ruling(code, msg)
    said = f"{'' if code is None else code} {msg!r}".strip() if msg else f"{code}"
    return _BY_ACTION[meaning.action](
        f"{endpoint} was refused by Tuya with {said}: {meaning.meaning}",
        code="" if code is None else str(code),
        msg=msg,
        tid=tid,
        endpoint=endpoint,
        remedy=meaning.remedy.replace("{p}", prefix(account)),
        reached=meaning.action is not Action.SLOW_DOWN,
    )
