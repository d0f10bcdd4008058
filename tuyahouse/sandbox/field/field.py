"""The field: devices of several projects at any time. Every answer is a pure function of (seed, time)."""

from typing import Any

from tuyahouse.sandbox.days import begin_ms
from tuyahouse.sandbox.factory.factory import Factory
from tuyahouse.sandbox.factory.reference import ReferenceFactory
from tuyahouse.sandbox.field.devices import PLACES, Change, Device, device, online
from tuyahouse.sandbox.seeded_random import fraction

CONTRADICTING_SHARE = 0.01
PASSWORDS = ("Gate7-only", "hall-Pass-19", "n0rth#lift")


class Field:
    """Devices by index, id, uuid and project."""

    def __init__(
        self,
        seed: int,
        count: int,
        projects: tuple[str, ...],
        in_two_projects: bool,
        factory: Factory | ReferenceFactory,
    ) -> None:
        self.seed = seed
        self.count = count
        self.projects = projects
        self._in_two = in_two_projects
        self._factory = factory
        self._devices: list[Device] = []
        self._index: dict[str, int] = {}
        self._lists: dict[tuple[str, int], list[int]] = {}

    @property
    def devices(self) -> list[Device]:
        if not self._devices:
            self._devices = [device(self.seed, index) for index in range(self.count)]
        return self._devices

    def find(self, name: str) -> Device | None:
        """The device with that id or uuid, whether present or not."""
        if not self._index:
            for each in self.devices:
                self._index[each.device_id] = self._index[each.uuid] = each.number
        index = self._index.get(name)
        return None if index is None else self.devices[index]

    def project_of(self, each: Device, at_ms: int) -> str:
        moved = 1 if each.changed("project_id", at_ms) else 0
        return self.projects[(each.number + moved) % len(self.projects)]

    def projects_of(self, each: Device, at_ms: int) -> list[str]:
        """All projects whose list holds the device."""
        first = self.project_of(each, at_ms)
        if not (self._in_two and each.number % 50 == 0):
            return [first]
        second = self.projects[(self.projects.index(first) + 1) % len(self.projects)]
        return list(dict.fromkeys([first, second]))

    def listed(self, project: str, at_ms: int) -> list[int]:
        """Indices of the devices that are present, in the order of the list before anything shifts."""
        key = project, at_ms
        if key not in self._lists:
            self._lists = {k: v for k, v in self._lists.items() if k[1] == at_ms}  # other times are not asked again
            here = (d for d in self.devices if d.present(at_ms) and project in self.projects_of(d, at_ms))
            self._lists[key] = [d.number for d in here]
        return self._lists[key]

    def sn(self, each: Device) -> str | None:
        """The serial number under which the factory made the device; every fourth comes from elsewhere."""
        return self._factory.serial_number(each.number * 7) if each.number % 4 != 3 and self._factory.count else None

    def factory_info_sn(self, each: Device) -> str | None:
        """The serial number in the factory infos: mostly the same."""
        if fraction(self.seed, "other sn", each.number) < CONTRADICTING_SHARE and self.sn(each):
            return self._factory.serial_number(each.number * 7 + 1)
        return self.sn(each)

    def cid(self, each: Device) -> str:
        """The vendor's own id: serial number, MAC or IMEI."""
        kind = each.number % 3
        return (kind == 0 and self.sn(each)) or (self.mac(each) if kind == 1 else f"86{int(each.mac, 16):013d}")

    def mac(self, each: Device) -> str:
        mac = each.mac.upper()
        return f"00-55-{each.number % 256:02X}-{mac[:2]}-{mac[2:4]}-{mac[4:]}"

    def facts(self, each: Device, at_ms: int) -> dict[str, Any]:
        """Everything about a device at that time, named as in the device list; states as booleans."""
        behind = None if each.is_gateway else self.devices[each.gateway]
        renamed, moved = each.changed("device_name", at_ms), each.changed("install_location", at_ms)
        return {
            "device_id": each.device_id,
            "project_id": self.project_of(each, at_ms),
            "cid": self.cid(each),
            "gateway_id": behind.device_id if behind else "",
            "device_name": f"{each.product.name} no. {each.number}" + (f" ({renamed})" if renamed else ""),
            "device_ip": f"10.{each.number >> 8 & 255}.{each.number & 255}.{each.changed('device_ip', at_ms) or 2}",
            "mac_address": self.mac(each),
            "install_location": PLACES[(each.number + moved) % len(PLACES)],
            "product_type": each.product.type,
            "product_id": each.product.id,
            "product_name": each.product.name,
            "supplier_code": each.product.supplier_code,
            "supplier_name": each.product.supplier_name,
            "extend_data": _extend_data(each, each.changed("extend_data", at_ms)),
            "active": True,
            "online": online(self.seed, each.number, at_ms),
            "create_time": each.created_ms,
            "task_id": f"task{each.number // 100:06d}",
            "uid": each.uid,
        }

    def functions(self, each: Device, at_ms: int) -> list[tuple[str, str]]:
        """Data points in use: some devices lack one, which a few of them gain later."""
        pool = each.product.functions
        gains = fraction(self.seed, "gain", each.number) < 0.05 and at_ms >= begin_ms(2)
        return list(pool if each.number % 4 or gains else pool[:-1])

    def changes(self, each: Device, since_ms: int, until_ms: int) -> list[Change]:
        """Changes of a device within [since, until) while it was present."""
        return [c for c in each.changes if since_ms <= c.at_ms < until_ms and each.present(c.at_ms)]


def _extend_data(each: Device, changed: int) -> str:
    """JSON, pseudo-JSON in single quotes, or nothing; some hold a password."""
    channel = each.number % 8 + changed
    if each.number % 3 == 2:
        return f'{{"channel":{channel}}}' if changed else ""
    secret = PASSWORDS[each.number % 3] if each.number % 10 in (3, 4) else ""
    pairs = {"channel": str(channel), "firmware": f"2.{changed}"} | ({"password": secret} if secret else {})
    quote = "'" if each.number % 3 == 0 else '"'
    return "{" + ", ".join(f"{quote}{k}{quote}: {quote}{v}{quote}" for k, v in pairs.items()) + "}"
