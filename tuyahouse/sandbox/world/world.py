"""The state of one sandbox: options, factory, field, tokens, counts. Nothing is shared between two worlds."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from tuyahouse.sandbox.access.access import Access
from tuyahouse.sandbox.factory.factory import Factory, WorkOrder
from tuyahouse.sandbox.factory.reference import ReferenceFactory
from tuyahouse.sandbox.field.commands import Commands
from tuyahouse.sandbox.field.devices import Device
from tuyahouse.sandbox.field.field import Field
from tuyahouse.sandbox.world.call_log import CallLog
from tuyahouse.sandbox.world.faults import Faults
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sandbox.world.signature import Verifier
from tuyahouse.sandbox.world.tokens import TokenBook

_BUILDING = {
    "seed",
    "serial_numbers",
    "factory",
    "orders",
    "order_units",
    "orders_at_once",
    "unit_order",
    "devices",
    "projects",
    "in_two_projects",
    "commands_per_day",
    "authorized_accounts",
}
"""Options that make factory, field and access anew."""


class World:
    """What the sandbox's endpoints act upon; ``clock`` gives Unix seconds."""

    def __init__(
        self,
        options: Options | None = None,
        faults: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options or Options()
        self.clock = clock
        self.tokens = TokenBook(self.options)
        self.log = CallLog(self.options)
        self.signatures = {"v1": 0, "v2": 0}
        self.published_from = int(self.options.day)  # messages of earlier days were deleted by Tuya long ago
        self.pages = 0
        self.turns: dict[str, int] = {}
        self._pass_counts: dict[tuple[str, float, bool], Counter[int]] = {}
        self.set_faults(faults or {})
        self.verifier = Verifier(self.options.client_id, self.options.client_secret)
        self._build()

    def _build(self) -> None:
        options = self.options
        self.factory = _factory(options)
        self.field = Field(options.seed, options.devices, options.projects, options.in_two_projects, self.factory)
        self.commands = Commands(options.seed, options.commands_per_day, self.field)
        self.access = Access(options.seed, options.authorized_accounts, self.field)
        self._pass_counts.clear()

    @cached_property
    def login_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 1024)

    def now_ms(self) -> int:
        """The sandbox's own clock, by which requests are judged and tokens expire."""
        return int((self.clock() + self.options.clock_offset) * 1000)

    def set_faults(self, rates: Mapping[str, float]) -> None:
        """Replace all faults; :class:`~tuyahouse.sandbox.world.faults.FaultError` names what is wrong."""
        self.faults = Faults(self.options.seed, rates)
        if "clock" in rates:
            self.options.clock_offset = rates["clock"]

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set options by name while the sandbox runs; :class:`msgspec.ValidationError` if one does not exist or fit."""
        merged = msgspec.convert({**msgspec.to_builtins(self.options), **changes}, Options, strict=False)
        for name in changes:
            setattr(self.options, name, getattr(merged, name))
        if _BUILDING & set(changes):
            self._build()
        self.verifier = Verifier(self.options.client_id, self.options.client_secret)

    def pass_counts(self, order: WorkOrder) -> Counter[int]:
        """The pass amounts of the order's nodes as the PMS tells them now, which may not be the true ones.

        Raises:
            Refusal: the user has no rights to them.
        """
        how, day = self.options.pass_counts, self.options.day
        if how == "refused":
            raise Refusal("1106")
        day -= {"stale": 1.0, "lag": 1 / 24}.get(how, 0.0)
        if how == "lie":
            day = min(day, self.options.lie_from)
        key = order.code, day, how == "failures"
        if key not in self._pass_counts:
            self._pass_counts = {k: v for k, v in self._pass_counts.items() if k[1:] == key[1:]}
            self._pass_counts[key] = self.factory.pass_counts(order, day, how == "failures")
        return self._pass_counts[key]

    def serial_number_of(self, device: str) -> str | None:
        """The serial number of a device id or uuid that came out of this factory."""
        found = self.field.find(device)
        return self.field.sn(found) if found else None

    def set_functions(self, device: Device, codes: list[str]) -> None:
        """Set the data points in use from now on, on any day."""
        self.access.functions[device.device_id] = codes

    def functions_of(self, device: Device, at_ms: int) -> list[tuple[str, str]]:
        """Data points in use: those that were set, else those that the seed gives."""
        codes = self.access.functions.get(device.device_id)
        if codes is None:
            return self.field.functions(device, at_ms)
        return [(code, name) for code, name in device.product.functions if code in codes]


def _factory(options: Options) -> Factory | ReferenceFactory:
    if options.factory == "usual":
        return Factory(options.seed, options.serial_numbers)
    at_once, random_order = options.orders_at_once, options.unit_order == "random"
    return ReferenceFactory(options.seed, options.orders, options.order_units, at_once, random_order)
