"""The list of third-party industry devices: its query, its pages (docs/tuya.md, "Industry devices")."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from tuyahouse import json_text
from tuyahouse.cloud.calls.device_fields import Device, Documented, documented_devices, read_device
from tuyahouse.cloud.calls.lenient_values import whole_number
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import UnusableAnswer
from tuyahouse.cloud.http.answer import MOST_PAGE_ROWS, Answer

Spelling = Literal["snake", "camel", "dotted"]
SPELLINGS: dict[Spelling, tuple[str, str, str]] = {
    "snake": ("project_id", "page_no", "page_size"),
    "camel": ("projectId", "pageNo", "pageSize"),
    "dotted": ("request.project_id", "request.page_no", "request.page_size"),
}
"""The three ways in which Tuya's pages and samples spell the list's query."""

MOST_DEVICES = 2**31
"""A ``total`` from here on is not a number of devices; an integer column could not hold it either."""

PROBE_PAGE, PROBE_SIZE = 2, 7
"""Page and size of the requests that detect the spelling: no server uses these as its defaults."""


class DevicePage(msgspec.Struct, frozen=True, gc=False):
    """One page of the list. ``unusable`` holds items without a device id; numbers that Tuya did not send are None."""

    devices: list[Device]
    unusable: list[bytes]
    total: int | None
    page_no: int | None
    page_size: int | None

    @property
    def rows(self) -> int:
        return len(self.devices) + len(self.unusable)

    @property
    def size(self) -> int:
        """Bytes of its rows, as sent."""
        return sum([len(device.raw) for device in self.devices]) + sum(map(len, self.unusable))


class ListResult(msgspec.Struct, gc=False):
    """The result of :data:`LIST`, its items as sent."""

    items: list[msgspec.Raw] | None = msgspec.field(default=None, name="list")
    total: Any = None
    page_no: Any = None
    page_size: Any = None
    page_no_camel: Any = msgspec.field(default=None, name="pageNo")
    page_size_camel: Any = msgspec.field(default=None, name="pageSize")


class _DocumentedList(msgspec.Struct):
    items: list[Documented] = msgspec.field(name="list")


class _DocumentedAnswer(msgspec.Struct):
    result: _DocumentedList


LIST = Endpoint("GET", "/v1.0/expand/devices", "platform", shape=ListResult)

_LIST = msgspec.json.Decoder(ListResult)
_DOCUMENTED = msgspec.json.Decoder(_DocumentedList)
_DOCUMENTED_ANSWER = msgspec.json.Decoder(_DocumentedAnswer)


def list_query(spelling: Spelling, project_id: str, page_no: int, page_size: int) -> dict[str, str]:
    """Query of :data:`LIST` in one of the three spellings."""
    project, number, size = SPELLINGS[spelling]
    return {project: project_id, number: str(page_no), size: str(page_size)}


def understood(page: DevicePage, page_no: int, page_size: int) -> bool:
    """Whether the answer is the page that was requested.

    Judged by the page number and size that Tuya echoes. An echoed size below the requested one is a cap, not a
    misunderstanding, except for :data:`PROBE_SIZE`, which is below every cap. If no size is echoed, the page may hold
    no more rows than requested.
    """
    if page.page_no is not None and page.page_no != page_no:
        return False
    if page.page_size is None:
        return page.rows <= page_size
    return page.page_size == page_size or (page_size != PROBE_SIZE and page.page_size < page_size)


def read_page(answer: Answer) -> DevicePage:
    """The page in an answer of :data:`LIST`.

    Raises:
        UnusableAnswer: its result is not an object with a ``list``.
    """
    if not isinstance(answer.shaped, ListResult):
        return decode_page(answer.result)
    return _page(answer.shaped, lambda: _DOCUMENTED_ANSWER.decode(answer.body).result.items, answer.body)


def decode_page(result: bytes | msgspec.Raw) -> DevicePage:
    """Read the result of :data:`LIST`.

    Raises:
        UnusableAnswer: it is not an object with a ``list``.
    """
    try:
        page = json_text.read(_LIST.decode, result)
    except msgspec.MsgspecError as error:
        raise UnusableAnswer(f"the device list has another shape than documented: {error}", bytes(result)) from None
    return _page(page, lambda: _DOCUMENTED.decode(result).items, result)


def _page(page: ListResult, documented: Callable[[], list[Documented]], sent: bytes | msgspec.Raw) -> DevicePage:
    """``documented`` decodes all items at once; it raises if one of them has another shape than documented."""
    if page.items is None and whole_number(page.total) != 0:
        raise UnusableAnswer("the device list has no list", bytes(sent))
    if page.items and len(page.items) > MOST_PAGE_ROWS:
        raise UnusableAnswer(f"a page of the device list has {len(page.items):,} rows", bytes(sent))
    raws = list(map(bytes, page.items or ()))
    try:
        read = documented_devices(documented(), raws)
    except json_text.BROKEN:
        read = [read_device(raw) for raw in raws]
    devices = [device for device in read if device is not None]
    return DevicePage(
        devices,
        [raw for raw, device in zip(raws, read, strict=True) if device is None] if len(devices) < len(read) else [],
        _total(page.total),
        whole_number(page.page_no_camel if page.page_no is None else page.page_no),
        whole_number(page.page_size_camel if page.page_size is None else page.page_size),
    )


def _total(sent: Any) -> int | None:
    """The announced number of devices; None if no list can have that many."""
    total = whole_number(sent)
    return total if total is not None and 0 <= total < MOST_DEVICES else None
