"""What to change when Tuya refuses a write: codes do not say what a write names, so the intent brings the advice."""

from tuyahouse.cloud.codes import BELONGS, REQUEST, RIGHTS
from tuyahouse.cloud.errors import TuyaError

OF_ONE_ITEM = frozenset({"1106", "the_user_not_existed"})
"""Codes, in lower case, that mean a wrong configuration elsewhere, but here mostly a device of another owner or a
person that Tuya does not know."""

_OR_RIGHTS = "If that is right, give the cloud project the right to it in Tuya's console."


def advise(error: TuyaError, check: str) -> None:
    """Put ``check`` in place of advice that is about reads, or about anything whatever."""
    if error.remedy == RIGHTS or error.code.lower() in OF_ONE_ITEM:
        error.remedy = f"{check} {_OR_RIGHTS}"
    elif error.remedy in (REQUEST, BELONGS):
        error.remedy = check
