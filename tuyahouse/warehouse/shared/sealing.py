"""Secrets at rest: tokens are sealed before they reach a table."""

import base64
import logging
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tuyahouse.warehouse.errors import WarehouseError

log = logging.getLogger(__name__)


class Seal:
    """Encrypts text with a key made from any text. Text sealed with another key opens as None."""

    def __init__(self, key_text: str) -> None:
        key = HKDF(SHA256(), length=32, salt=None, info=b"tuyahouse tokens").derive(key_text.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str | None:
        """The text, or None (with a warning in the log) if it was sealed with another key."""
        try:
            return self._fernet.decrypt(bytes(sealed)).decode()
        except InvalidToken:
            log.warning("A stored token was encrypted with another TUYAHOUSE_SECRET_KEY: it is ignored and replaced.")
            return None


def key_beside(database: Path) -> str:
    """The key kept beside a SQLite file, as ``<file>.key`` with mode 0600; created if missing.

    Safe to call from several processes at once: all return the same key.
    """
    path = database.with_name(database.name + ".key")
    try:
        if not path.exists():
            _make(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise WarehouseError(
            f"The key file {path} cannot be used: {error.strerror}. "
            "Make it readable for this user, or set TUYAHOUSE_SECRET_KEY."
        ) from error


def _make(path: Path) -> None:
    """Write the file under another name and link it into place: no reader ever sees half a key."""
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600, exclusive
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass  # another process was first; its key is used
    finally:
        os.unlink(name)
