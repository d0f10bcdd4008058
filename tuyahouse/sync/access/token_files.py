"""Tickets and visual tokens as files that only their owner can read. They are kept nowhere else."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from tuyahouse.settings import PREFIX, Settings, SettingsError

_UNSAFE = re.compile(r"[^A-Za-z0-9._@+-]+")
_LONGEST_NAME = 150


class NotKept(Exception):
    """A secret that Tuya issued could not be kept, and is lost; the text says why and what to change."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"Tuya issued it, but it could not be kept: {place} cannot be written ({why}). Fix that; it is issued "
            "anew when the run is started again."
        )


class TokenFiles:
    """A directory with a file of mode 0600 for each secret."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @classmethod
    def open(cls, settings: Settings) -> "TokenFiles":
        """The directory in the settings, created if missing and checked to be writable.

        Raises:
            SettingsError: none is set, or it cannot be written to.
        """
        if not settings.token_dir:
            raise SettingsError(f"{PREFIX}TOKEN_DIR is not set: tickets and tokens are kept in that directory only.")
        files = cls(Path(settings.token_dir).expanduser())
        try:
            files._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=files._directory):
                pass
        except OSError as error:
            raise files._unusable(error) from None
        return files

    def keep(self, name: str, secret: str) -> str:
        """Write a secret, in place of an older one of that name; returns the name of its file.

        Raises:
            NotKept: it cannot be written.
        """
        file = file_name(name)
        try:
            handle, path = tempfile.mkstemp(prefix=".", dir=self._directory)  # mode 0600
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as opened:
                    opened.write(secret)
                    opened.flush()
                    os.fsync(opened.fileno())
                os.replace(path, self._directory / file)
            except BaseException:
                os.unlink(path)
                raise
        except OSError as error:
            raise NotKept(str(self._directory / file), error.strerror or type(error).__name__) from None
        return file

    def has(self, file: str) -> bool:
        """Whether a file that :meth:`keep` returned is still there."""
        return bool(file) and os.path.isfile(self._directory / file)

    def _unusable(self, error: OSError) -> SettingsError:
        return SettingsError(
            f"{PREFIX}TOKEN_DIR names {self._directory}, which cannot be written to: {error.strerror}."
        )


def secret_name(*parts: str) -> str:
    """A name for a secret of these parts; different parts give different names."""
    return "-".join(part.replace("~", "~~").replace("-", "~-") for part in parts)


def file_name(name: str) -> str:
    """A name that every file system takes; different names stay different."""
    safe = _UNSAFE.sub("-", name)[:_LONGEST_NAME]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
