"""Python's collector of cycles and the C library's heap, told that batches are coming."""

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for garbage in cycles after ten thousand new objects instead of hundreds: those of a batch live until its commit.

    Still often enough that what database drivers leave behind in cycles does not add up.
    """
    before = gc.get_threshold()
    gc.set_threshold(10_000, 5, 5)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def give_back() -> None:
    """Return freed memory to the system, where the C library can; it keeps more the longer a consumer runs."""
    if _trim is not None:
        _trim(0)


def _found() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # not glibc
        return None
    return trim


_trim = _found()
