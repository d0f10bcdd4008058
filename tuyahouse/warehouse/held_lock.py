"""What a run carries along to prove that it still works under its locks."""

from datetime import timedelta
from typing import NamedTuple


class HeldLock(NamedTuple):
    """A lock as its holder took it: its name, and a mark that is new for every taking. Travels between processes."""

    name: str
    process: str
    lease: timedelta
