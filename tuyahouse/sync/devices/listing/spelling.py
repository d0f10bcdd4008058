"""Detects how the query of the device list is spelled: Tuya's pages and samples disagree (docs/tuya.md)."""

from collections.abc import Awaitable, Callable
from typing import cast

from tuyahouse.cloud.calls.device_list import PROBE_PAGE, PROBE_SIZE, SPELLINGS, DevicePage, Spelling, understood
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, NotFound, TuyaError, UnusableAnswer

AskPage = Callable[[Spelling, int, int], Awaitable[DevicePage]]
"""Ask one page: spelling, page number, page size."""

NO_RIGHT = "1106"


def concerns_project(error: TuyaError) -> bool:
    """Whether an error means that this one project cannot be listed; a foreign project is answered with 1106 too."""
    if isinstance(error, ConfigurationWrong):
        return error.code == NO_RIGHT
    return isinstance(error, ItemRefused | NotFound)


def candidates(setting: str, found_before: str | None) -> list[Spelling]:
    """Spellings to try, the likeliest first; only the set one if there is one."""
    if setting != "auto":
        return [cast(Spelling, setting)]
    names: list[Spelling] = list(SPELLINGS)
    return sorted(names, key=lambda name: name != found_before)


async def find_spelling(ask: AskPage, setting: str, found_before: str | None) -> Spelling:
    """The spelling that Tuya understands: its answer is the requested page, of the requested size.

    Raises:
        UnusableAnswer: it answers all of them with another page.
        TuyaError: it refuses all of them; the error of the first one.
    """
    refused: list[TuyaError] = []
    names = candidates(setting, found_before)
    for name in names:
        try:
            page = await ask(name, PROBE_PAGE, PROBE_SIZE)
        except TuyaError as error:
            if not concerns_project(error):
                raise
            refused.append(error)
            continue
        if understood(page, PROBE_PAGE, PROBE_SIZE):
            return name
    if len(refused) == len(names):
        raise refused[0]
    raise UnusableAnswer(
        f"the device list answered another page than the requested one, with the query spelled {', '.join(names)}"
    )
