"""The table of Tuya's error codes, numbers and texts: what each means and what to do about it (docs/tuya.md, "Errors").

Codes are compared as text in any case. A code that is not in the table concerns a single item: its call is not repeated
and it never stops a run.
"""

from enum import StrEnum
from typing import NamedTuple


class Action(StrEnum):
    """What an error asks for."""

    RETRY = "retry"
    SLOW_DOWN = "slow_down"
    REAUTHENTICATE = "reauthenticate"
    FIX_CLOCK = "fix_clock"
    SKIP_ITEM = "skip_item"
    NOT_FOUND = "not_found"
    STOP_RUN = "stop_run"
    CONFIGURATION = "configuration"


class Ruling(NamedTuple):
    """What a code means, and the remedy; ``{p}`` in a remedy stands for ``TUYAHOUSE_ACCOUNTS__<NAME>__``."""

    action: Action
    meaning: str
    remedy: str = ""


LATER = "It passes by itself: the call is retried, and what still fails can be redriven."
SLOWER = "Calls are slowed down automatically; if it happens often, lower {p}CALLS_PER_SECOND."
LOGIN = (
    "Another program may be using the same cloud project and replacing its token: let all of them share one warehouse, "
    "or give each a project of its own."
)
CLOCK = "Set the clock of this machine (NTP); Tuya accepts requests within five minutes of its own clock."
REGION = (
    "This is probably not the project's own data centre (every data centre grants a token): "
    "set {p}REGION (or {p}BASE_URL) to the one the project shows in Tuya's console."
)
SIGN = (
    "Check {p}CLIENT_SECRET, then {p}SIGNATURE (v1 for projects made before July 2021, v2 for all later ones), "
    "then {p}REGION (or {p}BASE_URL)."
)
CLIENT = "Check {p}CLIENT_ID and {p}CLIENT_SECRET against the overview page of the cloud project."
RIGHTS = (
    "Subscribe the cloud project to the API in Tuya's console (Service API) and give the project, or the PMS user, "
    "the right to the data; then run again."
)
ADDRESS = "Add this machine's public IP address to the IP allow list of the cloud project, or switch the list off."
CONSOLE = "Subscribe and authorise the API for this cloud project in Tuya's console, then run again."
PLAN = "Renew or extend the project's plan in Tuya's console; the run key continues where it stopped."
QUOTA = "Wait for the next period or extend the plan in Tuya's console; the run key continues where it stopped."
PMS_USER = "Check {p}PMS_USERNAME and {p}PMS_PASSWORD, and that the user belongs to this project's factory."
REQUEST = "Look at what was sent."
BUG = "This call does not fit the data centre, or Tuya has changed it: report it with the trace id."
DEVICE = "Look at the device: Tuya understood the call."
OFFLINE = "Try it again once the device is online."
NO_DEVICE = "Check the device id: it must be a device of this cloud project, in this data centre."
NO_FUNCTION = "Choose what the device can do: see its product type and its functions."
BELONGS = "Check that it belongs to this account."

_A = Action
_INSIDE = Ruling(_A.RETRY, "an error inside Tuya", LATER)
_ITEM = Ruling(_A.SKIP_ITEM, "a parameter of this request is not accepted", REQUEST)
_DEVICE = Ruling(_A.SKIP_ITEM, "the device cannot do this now", DEVICE)
_TOKEN = Ruling(_A.REAUTHENTICATE, "the access token is not accepted", LOGIN)
_CLIENT = Ruling(_A.CONFIGURATION, "the cloud project's credentials are not accepted", CLIENT)
_BUG = Ruling(_A.CONFIGURATION, "Tuya does not know this call in this form", BUG)
_API = Ruling(_A.CONFIGURATION, "the project may not use this API", CONSOLE)
_PAID = Ruling(_A.STOP_RUN, "the plan has expired or is not paid", PLAN)
_USED_UP = Ruling(_A.STOP_RUN, "the quota is used up", QUOTA)
_SLOW = Ruling(_A.SLOW_DOWN, "too many calls", SLOWER)
_UNKNOWN_ITEM = Ruling(_A.NOT_FOUND, "Tuya does not know this item", BELONGS)
_NO_USER = Ruling(_A.CONFIGURATION, "Tuya's production system does not know the user", PMS_USER)

UNKNOWN = Ruling(_A.SKIP_ITEM, "an error tuyahouse does not know", REQUEST)
"""For every code that is not in the table."""

BY_CODE: dict[str, Ruling] = {
    "-9999999": _INSIDE,
    "500": _INSIDE,
    "1000": _UNKNOWN_ITEM,
    "1001": _CLIENT,
    "1002": Ruling(_A.REAUTHENTICATE, "the access token is missing", LOGIN),
    "1003": _BUG,
    "1004": Ruling(_A.CONFIGURATION, "the signature is not accepted", SIGN),
    "1005": _CLIENT,
    "1006": _BUG,
    "1007": _BUG,
    "1008": _CLIENT,
    "1010": _TOKEN,
    "1011": _TOKEN,
    "1012": _TOKEN,
    "1013": Ruling(_A.FIX_CLOCK, "the time of the request is not accepted", CLOCK),
    "1100": _ITEM,
    "1101": _ITEM,
    "1102": _ITEM,
    "1103": Ruling(_A.SKIP_ITEM, "the command could not be issued", DEVICE),
    "1104": _ITEM,
    "1105": _BUG,
    "1106": Ruling(_A.CONFIGURATION, "the project has no right to this", RIGHTS),
    "1107": _BUG,
    "1108": _BUG,
    "1109": _ITEM,
    "1110": _SLOW,
    "1111": Ruling(_A.SLOW_DOWN, "the system is busy", SLOWER),
    "1113": _SLOW,
    "1114": Ruling(_A.CONFIGURATION, "this machine's IP address is not on the project's allow list", ADDRESS),
    "1199": _SLOW,
    "1400": _TOKEN,
    "2001": Ruling(_A.SKIP_ITEM, "the device is offline", OFFLINE),
    "2003": Ruling(_A.SKIP_ITEM, "the device does not have this function", NO_FUNCTION),
    "2006": Ruling(_A.SKIP_ITEM, "the user is not accepted", REQUEST),
    "2007": Ruling(_A.CONFIGURATION, "access across data centres is not allowed", REGION),
    "2008": _DEVICE,
    "2009": _DEVICE,
    "2010": Ruling(_A.SKIP_ITEM, "Tuya does not know the device", NO_DEVICE),
    "2017": Ruling(_A.SKIP_ITEM, "the schema is not accepted", REQUEST),
    "2401": Ruling(_A.SKIP_ITEM, "the password is not accepted", REQUEST),
    "2406": Ruling(_A.SKIP_ITEM, "the skill id is not accepted", REQUEST),
    "100323": _TOKEN,
    "28841001": Ruling(_A.CONFIGURATION, "the project has no cloud plan", CONSOLE),
    "28841002": _PAID,
    "28841003": _PAID,
    "28841004": Ruling(_A.STOP_RUN, "the trial quota is used up", QUOTA),
    "28841101": _API,
    "28841102": _PAID,
    "28841103": _PAID,
    "28841104": _USED_UP,
    "28841105": _API,
    "28841106": _API,
    "28841107": Ruling(_A.CONFIGURATION, "the data centre is not enabled for this project", REGION),
    "40001900": Ruling(_A.SKIP_ITEM, "there is no right to this space", RIGHTS),
    "the_blank_param": _ITEM,
    "the_user_not_existed": _NO_USER,
    "no_data_permission": Ruling(_A.SKIP_ITEM, "the PMS user has no right to this data", RIGHTS),
    "production_order_not_existed": _UNKNOWN_ITEM,
}
"""By code, text codes in lower case."""

BY_TEXT: dict[str, Ruling] = {
    "controllable device pool quota": _USED_UP,
    "token invalid": _TOKEN,
    "token is invalid": _TOKEN,
    "token expired": _TOKEN,
    "system error": _INSIDE,
    "cross-region": BY_CODE["2007"],
    "cross region": BY_CODE["2007"],
}
"""By a part of the message, in lower case, for codes that are not in the table."""

NOT_FOUND_ENDINGS = ("_not_existed", "_not_exist", "_not_exists", "_not_found")
"""Endings of text codes that Tuya does not document but that look like the documented ones."""


def ruling(code: str | int | None, msg: str) -> Ruling:
    """The ruling for a code, else for the message, else :data:`UNKNOWN`."""
    key = "" if code is None else str(code).strip().lower()
    if found := BY_CODE.get(key):
        return found
    text = msg.lower()
    for part, found in BY_TEXT.items():
        if part in text:
            return found
    return _UNKNOWN_ITEM if key.endswith(NOT_FOUND_ENDINGS) else UNKNOWN


def classify(code: str | int | None, msg: str = "") -> Action:
    """What to do about an error that Tuya answered; :attr:`Action.SKIP_ITEM` for an unknown code."""
    return ruling(code, msg).action
