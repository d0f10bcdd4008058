"""Finding out how the query of the device list is spelled: Tuya's pages and samples disagree (docs/tuya.md)."""

from collections.abc import Awaitable, Callable
from typing import cast

from tuyahouse.cloud.calls.device_list import PROBE_PAGE, PROBE_SIZE, SPELLINGS, DevicePage, Spelling, understood
from tuyahouse.cloud.errors import ConfigurationWrong, ItemRefused, NotFound, TuyaError, UnusableAnswer

AskPage = Callable[[Spelling, int, int], Awaitable[DevicePage]]
"""Ask one page: spelling, page number, page size."""

NO_RIGHT = "1106"


def concerns_project(error: TuyaError) -> bool:
    """Whether an error says that this one project cannot be listed; 1106 is also how a foreign project is answered."""
    if isinstance(error, ConfigurationWrong):
        return error.code == NO_RIGHT
    return isinstance(error, ItemRefused | NotFound)


def candidates(setting: str, found_before: str | None) -> list[Spelling]:
    """Spellings to try, the likeliest first; a set one alone."""
    if setting != "auto":
        return [cast(Spelling, setting)]
    names: list[Spelling] = list(SPELLINGS)
    return sorted(names, key=lambda name: name != found_before)


async def find_spelling(ask: AskPage, setting: str, found_before: str | None) -> Spelling:
    """The spelling that Tuya understands: it answers the page that was asked, of the size that was asked.

    Raises:
        UnusableAnswer: it answers all of them with something else.
        TuyaError: what it refused the first one with, when it refuses all.
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
        f"the device list answered another page than the one asked, with the query spelled {', '.join(names)}"
    )
