"""Credentials of an account at the message endpoints (docs/tuya.md, "Messages": connection)."""

import hashlib
import json


def message_password(access_id: str, access_key: str) -> str:
    """Characters 8 to 24 of the MD5 of access id and the MD5 of the access key, lower-case hex."""
    inner = hashlib.md5(access_key.encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(f"{access_id}{inner}".encode(), usedforsecurity=False).hexdigest()[8:24]


def auth1(access_id: str, access_key: str) -> str:
    """What the Pulsar method ``auth1`` sends: a JSON object of user name and password."""
    user = {"username": access_id, "password": message_password(access_id, access_key)}
    return json.dumps(user, separators=(",", ":"))


def cut_for_basic(text: str) -> tuple[str, str]:
    """Split a text so that the Pulsar client, which joins user name and password by a colon, sends exactly it."""
    name, _, password = text.partition(":")
    return name, password
