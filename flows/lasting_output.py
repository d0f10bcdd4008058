"""Standard output and error that may be lost: a run continues if its terminal or the reader of its pipe is gone."""

import sys
from contextlib import suppress
from typing import Any

from tuyahouse.foreign_text import take_any_text


class Lasting:
    """A stream unchanged, except that what can no longer be written is dropped."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def outlive_the_terminal() -> None:
    """Let nothing that this process prints end its work. An error of a terminal would make a run red otherwise."""
    take_any_text()
    sys.stdout, sys.stderr = Lasting(sys.stdout), Lasting(sys.stderr)
