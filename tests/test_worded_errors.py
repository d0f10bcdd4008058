"""Every error of the library either reaches the operator as its own sentence or is caught within the library."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import tuyahouse
from tuyahouse.cloud.http.bodies import TooLarge, UnaskedEncoding
from tuyahouse.messages.errors import UnreadableMessage
from tuyahouse.messages.sources.diagnosis import UnusableUrl
from tuyahouse.sync.access.intent import NothingGained
from tuyahouse.sync.access.token_files import NotKept
from tuyahouse.sync.answer_memory import MemoryFull
from tuyahouse.worded_errors import IN_WORDS

CAUGHT_WITHIN = (MemoryFull, NotKept, NothingGained, TooLarge, UnaskedEncoding, UnreadableMessage, UnusableUrl)
NOT_IMPORTED = ("tuyahouse.sandbox", "tuyahouse.warehouse.migrations")


def errors_of_the_library() -> Iterator[type[Exception]]:
    for module in pkgutil.walk_packages(tuyahouse.__path__, "tuyahouse."):
        if module.name.startswith(NOT_IMPORTED) or module.name.endswith("__main__"):
            continue
        for name, one in vars(import_module(module.name)).items():
            own = isinstance(one, type) and issubclass(one, Exception) and one.__module__ == module.name
            if own and not name.startswith("_"):
                yield one


def test_every_error_of_the_library_is_worded_or_caught_within_it() -> None:
    found = set(errors_of_the_library())
    assert set(IN_WORDS) | set(CAUGHT_WITHIN) <= found
    assert {one for one in found if not issubclass(one, IN_WORDS + CAUGHT_WITHIN)} == set()
