"""Python's collector of cycles and the C library's heap, told that batches are coming."""

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_inside = 0


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for garbage in cycles after ten thousand new objects instead of hundreds: those of a batch live until its commit.

    Still often enough that what database drivers leave behind in cycles does not add up. What was there before, the
    hundred thousands of objects of imported libraries, is not looked at again and again. For the time of a block; may
    be entered by many tasks at once.
    """
    global _inside
    if not _inside:
        gc.set_threshold(10_000, 5, 5)
        gc.freeze()
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            gc.unfreeze()
            gc.set_threshold(*_USUAL)


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
