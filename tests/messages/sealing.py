"""Seals plain texts as Tuya does, so that tests can say what was sent; written without the code under test."""

import base64
import hashlib
import json
from typing import Any

from Crypto.Cipher import AES

DEEP = 700
UNSTORABLE = (
    b'{"dataId":"deep","devId":"d","status":[{"code":"c","t":1637216002,"value":1,"odd":'
    + b"[" * DEEP
    + b'"\\u0000"'
    + b"]" * DEEP
    + b"}]}"
)
"""A message that is read, but nested deeper than what makes it fit for a database can follow."""

ACCESS_ID = "testaccessid00000000"
ACCESS_KEY = "testsecret000000000000000000000a"


def ecb(plain: bytes, access_key: str = ACCESS_KEY) -> str:
    padding = 16 - len(plain) % 16
    cipher = AES.new(access_key[8:24].encode(), AES.MODE_ECB)
    return base64.b64encode(cipher.encrypt(plain + bytes([padding]) * padding)).decode()


def gcm(plain: bytes, access_key: str = ACCESS_KEY, nonce: bytes = b"\x11" * 12) -> str:
    sealed, tag = AES.new(access_key[8:24].encode(), AES.MODE_GCM, nonce=nonce).encrypt_and_digest(plain)
    return base64.b64encode(nonce + sealed + tag).decode()


def signed(fields: dict[str, Any], access_key: str = ACCESS_KEY) -> bytes:
    text = "||".join(f"{name}={fields[name]}" for name in sorted(fields)) + f"||{access_key}"
    return json.dumps({**fields, "sign": hashlib.md5(text.encode()).hexdigest()}).encode()


def envelope_a(cipher_text: str, t: int = 1790000000999, protocol: int = 20, access_key: str = ACCESS_KEY) -> bytes:
    return signed({"data": cipher_text, "protocol": protocol, "pv": "2.0", "t": t}, access_key)


def envelope_b(cipher_text: str, t: int = 1790000000999, access_key: str = ACCESS_KEY) -> bytes:
    return signed({"encryptPayload": cipher_text, "encryptType": "aes_ecb", "t": t, "v": "1.0"}, access_key)


def sealed(plain: dict[str, Any] | bytes, access_key: str = ACCESS_KEY, **how: Any) -> bytes:
    """Envelope B for the v1.0 family, A for all else; ECB."""
    text = plain if isinstance(plain, bytes) else json.dumps(plain, separators=(",", ":")).encode()
    v1 = isinstance(plain, dict) and plain.get("bizCode") == "edge_device"
    return (envelope_b if v1 else envelope_a)(ecb(text, access_key), access_key=access_key, **how)
