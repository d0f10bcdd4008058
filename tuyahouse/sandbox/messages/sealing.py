"""Encrypting and signing messages as Tuya's message service does (docs/tuya.md, Messages)."""

import base64
from hashlib import md5
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def stream_password(access_id: str, access_key: str) -> str:
    """The password with which a consumer of messages connects."""
    inner = md5(access_key.encode()).hexdigest()
    return md5((access_id + inner).encode()).hexdigest()[8:24]


class Sealer:
    """Seals plain texts with the middle of an access key."""

    def __init__(self, access_key: str) -> None:
        self._access_key = access_key
        key = access_key[8:24].encode()
        self._ecb = Cipher(algorithms.AES(key), modes.ECB())
        self._gcm = AESGCM(key)

    def ecb(self, plain: bytes) -> str:
        padding = 16 - len(plain) % 16
        encryptor = self._ecb.encryptor()
        sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def gcm(self, plain: bytes, nonce: bytes) -> str:
        """Nonce of 12 bytes, cipher text, tag of 16 bytes; no associated data."""
        return base64.b64encode(nonce + self._gcm.encrypt(nonce, plain, None)).decode()

    def envelope_a(self, cipher_text: str, t: int, protocol: int) -> bytes:
        return self._signed({"data": cipher_text, "protocol": protocol, "pv": "2.0", "t": t})

    def envelope_b(self, cipher_text: str, t: int) -> bytes:
        return self._signed({"encryptPayload": cipher_text, "encryptType": "aes_ecb", "t": t, "v": "1.0"})

    def _signed(self, fields: dict[str, Any]) -> bytes:
        text = "||".join(f"{name}={fields[name]}" for name in sorted(fields)) + f"||{self._access_key}"
        return msgspec.json.encode({**fields, "sign": md5(text.encode()).hexdigest()})
