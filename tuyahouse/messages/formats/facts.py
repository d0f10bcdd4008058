"""The facts in a message: small typed rows, named like the columns of their tables in the warehouse."""

from datetime import datetime
from typing import Any

import msgspec


class DeviceEvent(msgspec.Struct, frozen=True, gc=False):
    """One reported value: a row of device_event."""

    device_id: str
    code: str
    happened_at: datetime
    data_id: str
    value: str | None
    dp_id: str | None
    product_id: str | None
    extra: dict[str, Any] | None


class Presence(msgspec.Struct, frozen=True, gc=False):
    """A device came online or went offline: a row of device_presence."""

    device_id: str
    happened_at: datetime
    online: bool
    uid: str | None
    extra: dict[str, Any] | None


class Binding(msgspec.Struct, frozen=True, gc=False):
    """A device was bound (or its information changed), unbound, or unbound as a gateway: a row of device_binding."""

    device_id: str
    event: str
    happened_at: datetime
    uid: str | None = None
    owner_id: str | None = None
    project_id: str | None = None
    gateway_id: str | None = None
    cid: str | None = None
    device_uuid: str | None = None
    device_name: str | None = None
    product_type: str | None = None
    product_id: str | None = None
    extra: dict[str, Any] | None = None


class CommandObservation(msgspec.Struct, frozen=True, gc=False):
    """A status that a message reports for a command: a row of command_observation with the source ``message``."""

    command_sn: str
    process_status: int
    happened_at: datetime
    device_id: str | None
    message: str | None
    data_flag: int | None
    biz_id: str | None
    cmd_biz_type: str | None
    data: str | None
    extra: dict[str, Any] | None


class BacklogNotice(msgspec.Struct, frozen=True, gc=False):
    """Tuya reports that unread messages pile up."""

    happened_at: datetime | None


Fact = DeviceEvent | Presence | Binding | CommandObservation | BacklogNotice


class Event(msgspec.Struct, frozen=True, gc=False):
    """The facts of one decrypted message. ``format`` is ``unknown`` if it is not documented.

    ``drift`` holds name and sample of undocumented fields.
    """

    format: str
    facts: tuple[Fact, ...] = ()
    drift: tuple[tuple[str, str], ...] = ()


UNKNOWN = "unknown"
DEVICE_EVENT = "device_event"
