"""The calls that this process has made for a run since it began, or began again. ``ops_run`` counts those of all."""

from collections import Counter
from threading import Lock

_made: Counter[str] = Counter()
_lock = Lock()


def begin(run_id: str) -> None:
    """The run begins, or begins again."""
    with _lock:
        _made[run_id] = 0


def add(run_id: str, calls: int) -> None:
    """Calls that a client of this process made for the run."""
    with _lock:
        _made[run_id] += calls


def made(run_id: str) -> int:
    """How many there were."""
    with _lock:
        return _made[run_id]
