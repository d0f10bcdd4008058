"""Devices for which visual tokens are wanted: those that are given, or the rows of a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tuyahouse.cloud.calls.visual_tokens import VisualDevice
from tuyahouse.sync.access.file_rows import read_rows
from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.access.intent_results import IntentResults
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.rows import Note, Row, first_of

HEADINGS = Headings(
    frozenset(("productkey", "product", "产品key")),
    frozenset(("devicename", "device", "设备名称")),
    ("product key", "device name"),
    "Name its columns product_key and device_name.",
    lacks="column of product keys",
    more=(),
    by_option=False,
)


PLACES_NAMED = 3
"""Rows that are named if a device is in several."""


class Wanted(NamedTuple):
    """A device that is asked for; ``place`` says where, e.g. ``row 2``."""

    device: VisualDevice
    place: str = ""


def read_devices(path: str | Path) -> Iterator[Wanted | Written | Note]:
    """The devices of a file, in its order; a row that names none is an invalid one, with the reason.

    Raises:
        SourceError: the file cannot be used.
    """
    for row in read_rows(path, HEADINGS):
        if not isinstance(row, Row):
            yield row
        elif not row.companion:
            yield Written(f"{row.place}: {row.key}", End.INVALID, "It names no device: write its device_name.")
        else:
            yield Wanted(VisualDevice(row.key, row.companion), row.place)


def distinct(asked: Iterable[Wanted | Written | Note], results: IntentResults) -> dict[VisualDevice, str]:
    """Each device once, with its places in the source; everything else goes into ``results``."""
    places: dict[VisualDevice, list[str]] = {}
    for one in results.taking(asked):
        of_device = places.setdefault(one.device, [])
        of_device += [one.place] if one.place else []
    return {device: first_of(where, PLACES_NAMED) for device, where in places.items()}
