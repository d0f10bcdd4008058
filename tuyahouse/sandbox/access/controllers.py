"""What commands put on door, lift and gate controllers, and every command that was sent (docs/tuya.md, Commands)."""

from typing import Any

THINGS = ("card_no", "qr_code", "face_id", "authorization_id", "car_id", "person_id")
"""Path names that stand for a thing to put on the device; of several in a path, the first one here counts."""


class Controllers:
    """State of the devices and the log of commands, both in the order in which they arrived."""

    def __init__(self) -> None:
        self._things: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        self.sent: list[dict[str, Any]] = []
        self.orders: dict[str, bool] = {}
        """Parking orders by number; whether they are paid."""

    def has(self, device_id: str, kind: str, name: str) -> bool:
        return (kind, name) in self._things.get(device_id, {})

    def note(self, sn: str, call: str, parts: dict[str, str], body: dict[str, Any]) -> None:
        """Log a command under the record number it was given."""
        self.sent.append({"sn": sn, "call": call, **parts, "body": body})

    def put(self, device_id: str, kind: str, name: str, facts: dict[str, Any]) -> None:
        things = self._things.setdefault(device_id, {})
        things[kind, name] = {**things.get((kind, name), {}), **facts}

    def remove(self, device_id: str, kind: str, name: str) -> None:
        self._things.get(device_id, {}).pop((kind, name), None)

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            device: [{"kind": kind, "id": name, **facts} for (kind, name), facts in things.items()]
            for device, things in self._things.items()
            if things
        }


def thing_of(parts: dict[str, str]) -> tuple[str, str] | None:
    """Kind and name of the thing in the path of a command."""
    kind = next((name for name in THINGS if name in parts), None)
    return (kind, parts[kind]) if kind else None
