"""Log files in a directory: one a day, appended to by all processes; old ones are removed."""

import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tuyahouse.logs import OWN_LOGGERS, JsonFormatter, install_redaction
from tuyahouse.settings import Settings, SettingsError

_NAME = "tuyahouse-{:%Y-%m-%d}.jsonl"


class DailyFile(logging.Handler):
    """Writes each record as one JSON line into the file of its day (UTC).

    A line is one write to a file opened for appending, so that lines of several processes do not mix.
    """

    def __init__(self, folder: Path, kept: timedelta) -> None:
        super().__init__()
        self.folder, self._kept = folder, kept
        self._day: date | None = None
        self._file = -1
        self._said = False
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            day = datetime.fromtimestamp(record.created, UTC).date()
            if day != self._day:
                self._open(day)
            os.write(self._file, (self.format(record) + "\n").encode())
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once that lines are missing from the file. The run continues, with its lines elsewhere."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        if self._said:
            return
        self._said = True
        words = f"Log files in {self.folder} (TUYAHOUSE_LOG_DIR) cannot be written and lack lines: {error.strerror}."
        with suppress(OSError):
            sys.stderr.write(f"{words}\n")

    def close(self) -> None:
        self._close_file()
        super().close()

    def _close_file(self) -> None:
        """Forget its number too: the next file that this process opens, such as the warehouse, may get it."""
        number, self._file, self._day = self._file, -1, None
        if number >= 0:
            os.close(number)

    def _open(self, day: date) -> None:
        self._close_file()
        self._file = os.open(self.folder / _NAME.format(day), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._day = day
        oldest = _NAME.format(day - self._kept)
        for file in self.folder.glob("tuyahouse-????-??-??.jsonl"):
            if file.name < oldest:
                file.unlink(missing_ok=True)


def log_to_files(settings: Settings) -> None:
    """Send our own log lines to files too, where LOG_DIR names a directory; calling it again changes nothing.

    Raises:
        SettingsError: the directory cannot be written to.
    """
    if not settings.log_dir:
        return
    folder = Path(settings.log_dir).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"TUYAHOUSE_LOG_DIR names {folder}, which cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise SettingsError(f"TUYAHOUSE_LOG_DIR names {folder}, which this user may not write to.")
    install_redaction()
    for name in OWN_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, DailyFile) and each.folder == folder for each in logger.handlers):
            logger.addHandler(DailyFile(folder, settings.log_kept))
