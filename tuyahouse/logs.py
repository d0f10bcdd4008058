"""Logs: lines for people in a terminal, JSON elsewhere, and never a secret in either.

Redaction sits where records are made, so it also holds for handlers of others (Prefect's, a test's) and for records of
other libraries.
"""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.logging import RichHandler

from tuyahouse.foreign_text import plain
from tuyahouse.redaction import SECRETS as _REDACTOR
from tuyahouse.settings import Settings
from tuyahouse.terminal import IN_WORDS, stderr_console

Format = Literal["auto", "text", "json"]

OWN_LOGGERS = ("tuyahouse", "flows", "tasks")
"""Loggers that follow the set level; all others speak from warning upwards."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", IN_WORDS}


def configure(level: str = "info", format_: Format = "auto", console: Console | None = None) -> None:
    """Send the logs of this process to standard error (or a given console); calling it again replaces the first call.

    ``auto`` and ``text`` are rich in a terminal; elsewhere ``auto`` is a JSON object a line and ``text`` plain lines.
    """
    install_redaction()
    handler = _handler(format_, console or stderr_console())
    root = logging.getLogger()
    for old in [old for old in root.handlers if getattr(old, "of_tuyahouse", False)]:
        root.removeHandler(old)
    handler.of_tuyahouse = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    set_levels(level)


def set_levels(level: str) -> None:
    """Set the level of our own loggers. Single retries are logged at ``debug`` only: a night may have thousands."""
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
    logging.getLogger("stamina").setLevel("WARNING" if level == "debug" else "ERROR")


def _handler(format_: Format, console: Console) -> logging.Handler:
    if console.is_terminal and format_ != "json":
        handler: logging.Handler = RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S")
        handler.setFormatter(TextFormatter("%(message)s"))
        return handler
    handler = _ConsoleHandler(console)
    plain = TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(plain if format_ == "text" else JsonFormatter())
    return handler


class _ConsoleHandler(logging.StreamHandler[Any]):
    """Writes to the current file of a console, which may change."""

    def __init__(self, console: Console) -> None:
        logging.Handler.__init__(self)
        self._console = console

    @property
    def stream(self) -> Any:
        return self._console.file


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, the fields given as ``extra``, exception."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _utc(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _REDACTOR.text(record.getMessage()),
            **_extra(record),
        }
        if record.exc_text or record.exc_info:
            entry["exception"] = record.exc_text or _exception(record)
        return plain(json.dumps(entry, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """A line for people; fields given as ``extra`` follow the message."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        given = {} if getattr(record, IN_WORDS, False) else _extra(record)
        fields = " ".join(f"{name}={value}" for name, value in given.items())
        first, newline, rest = text.partition("\n")
        return plain(f"{first} [{fields}]{newline}{rest}" if fields else text)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _utc(record).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {name: plain(value) if isinstance(value, str) else value for name, value in _REDACTOR.value(given).items()}


# ----------------------------------------------------------------------------------------------------------- redaction


def register_secrets(settings: Settings) -> None:
    """Hide every secret of the settings from now on, the password in the warehouse's URL among them."""
    _REDACTOR.keep(_secrets_in(settings.accounts), sent=True)
    _REDACTOR.keep([*_secrets_in(settings), *_url_passwords(settings.warehouse_url)])
    install_redaction()


def register_secret(secret: str) -> None:
    """Hide a secret that turned up later, such as an access token. Only the newest few hundred are remembered."""
    _REDACTOR.keep_passing(secret)


def redact(text: str) -> str:
    """The text without secrets, for texts that are stored or shown outside the logs."""
    return _REDACTOR.text(text)


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_in(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets_in(item)


def _url_passwords(url: str) -> list[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def install_redaction() -> None:
    """Clean every log record of this process when it is made. Calling it again changes nothing."""
    made_before = logging.getLogRecordFactory()
    if getattr(made_before, "of_tuyahouse", False):
        return

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = made_before(*args, **kwargs)
        _clean(record)
        return record

    make.of_tuyahouse = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)


def _clean(record: logging.LogRecord) -> None:
    if record.exc_info and not record.exc_text:
        record.exc_text = _exception(record)  # formatters take this text instead of making their own
    if record.stack_info:
        record.stack_info = _clean_text(record.stack_info)
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit; logging would print them as they are
        record.msg, record.args = _clean_text(f"{record.msg} {record.args}"), ()
        return
    cleaned = _clean_text(message)
    if cleaned != message:
        record.msg, record.args = cleaned, ()


def _exception(record: logging.LogRecord) -> str:
    if not record.exc_info or not isinstance(record.exc_info, tuple):
        return ""
    return _clean_text(logging.Formatter().formatException(record.exc_info))


def _clean_text(text: str) -> str:
    """The text without secrets and terminal commands."""
    return plain(_REDACTOR.text(text))
