"""Opens messages as docs/tuya.md says, with another library than the one that sealed them."""

import base64
import json
from typing import Any

from Crypto.Cipher import AES

KEY = b"sandboxsecret00000000000000000001"[8:24]


def opened(properties: dict[str, str], payload: str) -> Any:
    """The plain text of a message as JSON."""
    envelope = json.loads(payload)
    sealed = base64.b64decode(envelope.get("encryptPayload") or envelope["data"])
    if properties.get("em") == "aes_gcm":
        cipher = AES.new(KEY, AES.MODE_GCM, nonce=sealed[:12])
        return json.loads(cipher.decrypt_and_verify(sealed[12:-16], sealed[-16:]))
    plain = AES.new(KEY, AES.MODE_ECB).decrypt(sealed)
    return json.loads(plain[: -plain[-1]])
