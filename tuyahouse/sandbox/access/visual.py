"""Visual tokens of devices on Alibaba Cloud (docs/tuya.md, "Visual tokens")."""

import base64
import hmac
import secrets
from hashlib import sha256
from typing import Any, Literal

import msgspec

from tuyahouse.sandbox.field.devices import Device
from tuyahouse.sandbox.field.field import Field


def visual_name(device: Device) -> str:
    """The name under which a device is known there."""
    return device.uuid[:10]


class VisualTokens:
    """Issues tokens for the devices of a field and remembers all of them."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._key = secrets.token_bytes(16)
        self.issued: list[dict[str, Any]] = []

    def find(self, product_key: str, device_name: str) -> Device | None:
        return next(
            (d for d in self._field.devices if d.product.id == product_key and visual_name(d) == device_name), None
        )

    def issue(self, device: Device, kind: Literal["jwt", "opaque"], now_ms: int, seconds: float) -> str:
        """A new token for a device; earlier ones stay valid until they expire."""
        issued_at = now_ms // 1000
        claims = {"iat": issued_at, "exp": issued_at + int(seconds), "jti": secrets.token_hex(8)}
        name = {"productKey": device.product.id, "deviceName": visual_name(device)}
        token = self._jwt({**claims, **name}) if kind == "jwt" else secrets.token_urlsafe(48)
        self.issued.append({**name, "token": token, "expires_at": claims["exp"]})
        return token

    def _jwt(self, claims: dict[str, Any]) -> str:
        signed = f"{_part(msgspec.json.encode({'alg': 'HS256'}))}.{_part(msgspec.json.encode(claims))}"
        return f"{signed}.{_part(hmac.digest(self._key, signed.encode(), sha256))}"


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
