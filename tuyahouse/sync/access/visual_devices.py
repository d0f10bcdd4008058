"""Devices for which visual tokens are wanted: those that are given, or the rows of a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tuyahouse.cloud.calls.visual_tokens import VisualDevice
from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.rows import Blank, Note, Refusal

HEADINGS = Headings(
    frozenset(("productkey", "product", "产品key")),
    frozenset(("devicename", "device", "设备名称")),
    ("product key", "device name"),
    "Name its columns product_key and device_name.",
    lacks="column of product keys",
    more=(),
)


def read_devices(path: str | Path) -> Iterator[VisualDevice | Written]:
    """The devices of a file, in its order; a row that names none is an invalid one, with the reason.

    Raises:
        SourceError: the file cannot be used.
    """
    for item in read_file(path, HEADINGS):
        if isinstance(item, Blank | Note):
            continue
        if isinstance(item, Refusal):
            yield Written(f"{item.place}: {item.value!r}", End.INVALID, f"Not valid, because {item.reason}.")
        elif not item.companion:
            yield Written(f"{item.place}: {item.key}", End.INVALID, "It names no device: write its device_name.")
        else:
            yield VisualDevice(item.key, item.companion)


def distinct(asked: Iterable[VisualDevice | Written]) -> tuple[list[VisualDevice], list[Written]]:
    """Each device once, and the rows that are not valid."""
    devices: dict[VisualDevice, None] = {}
    invalid: list[Written] = []
    for one in asked:
        if isinstance(one, Written):
            invalid.append(one)
        else:
            devices[one] = None
    return list(devices), invalid
