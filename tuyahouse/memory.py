"""Memory settings for work in batches: Python's cycle collector and the C library's heap."""

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_inside = 0


@contextmanager
def rare_collections() -> Iterator[None]:
    """Run Python's cycle collector every hundred thousand new objects instead of every few hundred, within a block.

    The objects of a batch, some twenty thousand for a thousand serial numbers, live until its commit, so early
    collections find nothing. A hundred thousand is still often enough for the cycles that database drivers leave.
    Objects that exist on entry, mostly those of imported libraries, are frozen and not scanned inside the block.
    Several tasks may be inside at once.
    """
    global _inside
    if not _inside:
        gc.set_threshold(100_000, 5, 5)
        gc.freeze()
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            gc.unfreeze()
            gc.set_threshold(*_USUAL)


def collect_cycles_again() -> None:
    """End a ``gc.disable()`` that let a program import without looking for cycles: what imports left is for good."""
    gc.freeze()
    gc.enable()


def return_freed_memory() -> None:
    """Return freed memory to the system, if the C library can: a long-running consumer would keep ever more of it."""
    if _trim is not None:
        _trim(0)


def _found() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # not glibc
        return None
    return trim


_trim = _found()
