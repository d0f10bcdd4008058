"""The directory of secret files. Problems that would pass in silence, or without a file's name, are raised in words."""

from collections.abc import Mapping
from pathlib import Path

from tuyahouse.settings.errors import PREFIX, SettingsError

VARIABLE = f"{PREFIX}SECRETS_DIR"


def secrets_directory(environment: Mapping[str, str]) -> Path | None:
    """The directory of secret files, if one is named.

    Raises:
        SettingsError: it is not a directory, or one of its files cannot be read; never quotes a secret.
    """
    named = environment.get(VARIABLE)
    if not named:
        return None
    directory = Path(named).expanduser()
    if not directory.is_dir():
        raise SettingsError(f"{VARIABLE} names {named}, which is not a directory.")
    for file in _files(directory):
        _require_readable(file, directory.resolve())
    return directory


def secret_names(environment: Mapping[str, str]) -> list[str]:
    """The names of its files, which are names of variables."""
    directory = secrets_directory(environment)
    return [file.name for file in _files(directory)] if directory else []


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(file for file in directory.iterdir() if file.name.upper().startswith(PREFIX))
    except OSError as error:
        raise SettingsError(f"{VARIABLE} names {directory}, which cannot be read: {error.strerror}.") from None


def _require_readable(file: Path, directory: Path) -> None:
    if directory not in file.resolve().parents:  # pydantic-settings leaves such links out
        raise SettingsError(f"{file} is a link to a place outside of {VARIABLE}: put the file itself there.")
    try:
        file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file} ({VARIABLE}) cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file} ({VARIABLE}) is not UTF-8 text: write the secret into it as plain text.") from None
