"""Visual tokens of devices of Tuya IoT on Alibaba Cloud (docs/tuya.md, "Visual tokens")."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tuyahouse.cloud.calls.lenient_values import identifier, utc, whole_number
from tuyahouse.cloud.calls.results import decoded, folded, unusable
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.redaction import SECRETS

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

LOGIN = Endpoint("POST", "/v1.0/openapi/visual/d/user/login", idempotent=False, secret=True, server="visual")

MILLISECONDS_FROM = 1_000_000
"""``expire`` from here on counts milliseconds: an hour has 3,600,000, and no token is known to last eleven days."""
TIME_FROM = 1_000_000_000
"""``expire`` from here on is a time, in seconds or milliseconds since 1970."""


class VisualDevice(NamedTuple):
    """A device as Tuya IoT on Alibaba Cloud names it."""

    product_key: str
    device_name: str


class VisualToken(NamedTuple):
    """A token of one device; ``expires_at`` is None if neither the token nor Tuya names a time."""

    device: VisualDevice
    token: str
    expires_at: datetime | None


async def issue_visual_tokens(
    client: "TuyaClient", username: str, password: str, devices: Sequence[VisualDevice]
) -> dict[VisualDevice, VisualToken]:
    """Log in for these devices. The tokens are by device; devices for which Tuya sent none are not among them.

    Tokens are secrets: hidden in all logs and texts from now on.

    Raises:
        UnusableAnswer: there is no list of tokens; the answer is not kept.
    """
    SECRETS.keep([password], sent=True)
    asked = [{"productKey": device.product_key, "deviceName": device.device_name} for device in devices]
    answer = await client.call(LOGIN, body={"userName": username, "password": password, "deviceList": asked})
    value = decoded(answer, LOGIN)
    rows = folded(value).get("devicevisualtokenlist") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise unusable("the result has no deviceVisualTokenList", answer, LOGIN)
    issued_at = utc(answer.t_ms) if answer.t_ms else datetime.fromtimestamp(client.clock.now_ms() / 1000, UTC)
    assert issued_at is not None
    wanted, found = set(devices), (read_token(row, issued_at) for row in rows)
    return {token.device: token for token in found if token and token.device in wanted}


def read_token(row: Any, issued_at: datetime) -> VisualToken | None:
    """A row of the answer; None if it names no device or has no token."""
    fields = folded(row) if isinstance(row, dict) else {}
    token = identifier(fields.get("visualtoken"))
    if token:
        SECRETS.keep_passing(token)
    key, name = identifier(fields.get("productkey")), identifier(fields.get("devicename"))
    if not (token and key and name):
        return None
    return VisualToken(VisualDevice(key, name), token, expiry(token, fields.get("expire"), issued_at))


def expiry(token: str, expire: Any, issued_at: datetime) -> datetime | None:
    """When a token expires: by its own ``exp`` if it is a JWT, else by ``expire``; None if neither says so."""
    return _own_expiry(token) or _announced(expire, issued_at)


def _own_expiry(token: str) -> datetime | None:
    try:
        payload = token.split(".")[1].encode()
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return utc(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


def _announced(expire: Any, issued_at: datetime) -> datetime | None:
    number = whole_number(int(expire) if isinstance(expire, float) and expire.is_integer() else expire)
    if number is None or number <= 0:
        return None
    if number >= TIME_FROM:
        try:
            return utc(number)
        except ValueError:
            return None
    return issued_at + timedelta(milliseconds=number if number >= MILLISECONDS_FROM else number * 1000)
