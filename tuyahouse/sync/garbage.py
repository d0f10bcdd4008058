"""Python's collector of cycles, told that batches are coming."""

import gc
from collections.abc import Iterator
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
