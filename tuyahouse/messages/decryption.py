"""From the cipher text of a message to its plain text (docs/tuya.md, "Messages": cipher).

Only the message property ``em`` names the cipher, which may be switched in Tuya's console in mid-stream.
"""

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tuyahouse.messages.errors import MessageKeyError, UnreadableMessage

BLOCK = 16
NONCE = 12
TAG = 16
_PADDINGS = tuple(bytes((length,)) * length for length in range(BLOCK + 1))
ECB_NAMES = frozenset(("aes_ecb", "aes_ecb_128"))
GCM_NAMES = frozenset(("aes_gcm", "aes_gcm_128"))


def message_key(access_key: str) -> bytes:
    """The AES-128 key: characters 8 to 24 of the access key.

    Raises:
        MessageKeyError: when the access key is too short for that or not ASCII.
    """
    key = access_key[8:24].encode()
    if len(key) != BLOCK:
        raise MessageKeyError(
            "CLIENT_SECRET cannot decrypt messages: its characters 8 to 24 are the key, and it is too short or not "
            "ASCII. Copy the access secret of the cloud project again."
        )
    return key


class Decryptor:
    """Decrypts cipher texts of one access key. One instance a thread: it keeps its cipher objects.

    ECB keeps no state between whole blocks, so one context serves all messages: making a context costs fifteen times
    the decryption of a message.
    """

    def __init__(self, access_key: str) -> None:
        key = message_key(access_key)
        self._ecb = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
        self._gcm = AESGCM(key)

    def decrypt(self, cipher_text: str, mode: str | None) -> bytes:
        """The plain text of Base64 ``cipher_text``; ``mode`` is the property ``em``, in any case, with ``_`` or ``-``.

        Without the property, ECB is tried first, then GCM, whose tag proves it.

        Raises:
            UnreadableMessage: ``bad_base64``, ``bad_padding``, ``bad_tag``, ``bad_length`` or ``unknown_cipher``.
        """
        sealed = _base64(cipher_text)
        if mode and mode not in ECB_NAMES:
            name = mode.strip().lower().replace("-", "_")
            if name in GCM_NAMES:
                return self._open_gcm(sealed)
            if name and name not in ECB_NAMES:
                raise UnreadableMessage("unknown_cipher", f"the message property em names the cipher {mode[:40]!r}")
            mode = name
        try:
            plain = self._open_ecb(sealed)
        except UnreadableMessage:
            if mode or (proven := self._proven_gcm(sealed)) is None:
                raise
            return proven
        if mode or plain.startswith(b"{"):
            return plain
        return self._proven_gcm(sealed) or plain

    def _proven_gcm(self, sealed: bytes) -> bytes | None:
        try:
            return self._open_gcm(sealed)
        except UnreadableMessage:
            return None

    def _open_ecb(self, sealed: bytes) -> bytes:
        if not sealed or len(sealed) % BLOCK:
            raise UnreadableMessage("bad_length", f"{len(sealed)} bytes of cipher text are not whole blocks")
        plain = self._ecb.update(sealed)
        padding = plain[-1]
        if not 1 <= padding <= BLOCK or not plain.endswith(_PADDINGS[padding]):
            raise UnreadableMessage(
                "bad_padding",
                "the padding is wrong after decryption: the access secret is not (or no longer) the one this message "
                "was encrypted with, or the cipher was switched without the property em saying so",
            )
        return plain[:-padding]

    def _open_gcm(self, sealed: bytes) -> bytes:
        if len(sealed) < NONCE + TAG:
            raise UnreadableMessage("bad_length", f"{len(sealed)} bytes are too few for nonce and tag")
        try:
            return self._gcm.decrypt(sealed[:NONCE], sealed[NONCE:], None)
        except InvalidTag:
            raise UnreadableMessage(
                "bad_tag",
                "the tag does not fit: the access secret is not (or no longer) the one this message was encrypted "
                "with, or it was changed on the way",
            ) from None


def _base64(cipher_text: str) -> bytes:
    try:
        return msgspec.convert(cipher_text, bytes)  # strict, and twice as fast as binascii
    except ValueError:
        pass
    try:  # some encoders break lines
        return msgspec.convert("".join(cipher_text.split()), bytes)
    except ValueError:
        raise UnreadableMessage("bad_base64", "the cipher text is not Base64") from None
