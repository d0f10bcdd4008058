"""Memory that a long run does not need any more."""

import gc
import platform

import psutil

from tuyahouse.memory import rare_collections, return_freed_memory


def test_freed_memory_goes_back_to_the_system() -> None:
    process = psutil.Process()
    held = [bytes(1000) for _ in range(100_000)]
    kept = held[::1000]  # so that the heap's end stays in use
    del held
    gc.collect()
    before = process.memory_info().rss
    return_freed_memory()
    assert len(kept) == 100
    if platform.libc_ver()[0] == "glibc":
        assert before - process.memory_info().rss > 50_000_000


def test_what_is_there_before_the_batches_is_looked_at_again_after_the_last_of_them() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    first, second = rare_collections(), rare_collections()
    with first:
        assert gc.get_freeze_count() > frozen
        with second:
            pass
        assert gc.get_threshold()[0] > usual[0]
    assert (gc.get_threshold(), gc.get_freeze_count()) == (usual, 0)
