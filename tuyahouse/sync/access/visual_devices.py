"""Devices for which visual tokens are wanted: those that are given, or the rows of a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tuyahouse.cloud.calls.visual_tokens import VisualDevice
from tuyahouse.sync.access.file_rows import read_rows
from tuyahouse.sync.access.intent import End, Written
from tuyahouse.sync.intake.columns import Headings

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
    for row in read_rows(path, HEADINGS):
        if isinstance(row, Written):
            yield row
        elif not row.companion:
            yield Written(f"{row.place}: {row.key}", End.INVALID, "It names no device: write its device_name.")
        else:
            yield VisualDevice(row.key, row.companion)


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
