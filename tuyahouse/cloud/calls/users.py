"""Users of the project's app (docs/tuya.md, "Users and their rights")."""

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from tuyahouse.cloud.calls.results import one_text
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.redaction import SECRETS

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

PUT_USER = Endpoint("POST", "/v1.0/apps/{schema}/user", idempotent=False)

UsernameType = Literal["phone", "email", "other"]
USERNAME_TYPES: dict[UsernameType, int] = {"phone": 1, "email": 2, "other": 3}


async def put_user(
    client: "TuyaClient",
    schema: str,
    *,
    username: str,
    password: str,
    country_code: str,
    username_type: UsernameType = "other",
    nick_name: str | None = None,
    time_zone_id: str | None = None,
) -> str:
    """Create a user of the app, or update the one of that name; returns the uid.

    The password is sent as its MD5 and hidden in all logs and texts from now on.
    """
    SECRETS.keep([password], sent=True)
    body: dict[str, Any] = {
        "country_code": country_code,
        "username": username,
        "password": hashlib.md5(password.encode(), usedforsecurity=False).hexdigest(),
        "username_type": USERNAME_TYPES[username_type],
    }
    optional = {"nick_name": nick_name, "time_zone_id": time_zone_id}
    body |= {name: value for name, value in optional.items() if value}
    answer = await client.call(PUT_USER, path={"schema": schema}, body=body)
    return one_text(answer, PUT_USER, ("uid", "userId"))
