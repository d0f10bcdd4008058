"""The calls of a run on their way into ``ops_run``. What a warehouse that is away cannot take now is stored later."""

from collections import Counter
from threading import Lock

from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

_spent: Counter[str] = Counter()
_made: Counter[str] = Counter()
_lock = Lock()


def spent(run_id: str, calls: int) -> None:
    """Calls that a client of this process made for the run; :func:`store` adds them to it."""
    with _lock:
        _spent[run_id] += calls
        _made[run_id] += calls


def made(run_id: str) -> int:
    """Calls that this process has made for the run since it began, or last began again."""
    with _lock:
        return _made[run_id]


def begin(run_id: str) -> None:
    """The run begins, or begins again."""
    with _lock:
        _made[run_id] = 0


def store(warehouse: Warehouse, run_id: str) -> None:
    """Add to the run what was spent and is not stored yet.

    Raises:
        WarehouseError: it could not be stored; the next call tries again.
    """
    with _lock:
        calls = _spent.pop(run_id, 0)
    if not calls:
        return
    try:
        runs.add_calls(warehouse, run_id, calls)
    except BaseException:
        with _lock:
            _spent[run_id] += calls
        raise
