"""A night beside the nights before it: what is unusual about it. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from tuyahouse.warehouse.ledgers.nights import Night

NIGHTS = 7
"""How many nights before it a night is compared with."""
_ENOUGH = 3
"""Fewer nights are no custom."""
_COUNTED = (("asked", "asked"), ("moved", "moved"), ("dead letters", "dead_letters"), ("calls", "calls"))


class Compared(NamedTuple):
    """One count of a night, and what it was in the nights before."""

    title: str
    tonight: int
    least: int
    usual: float
    most: int
    unusual: str
    """In words; empty if it lies within what it was before, or few nights have been."""


def compare(tonight: Night, before: Sequence[Night]) -> list[Compared]:
    """Each count beside those of the nights before; nothing where there was none."""
    return [
        _compared(title, getattr(tonight, name), [getattr(one, name) for one in before])
        for title, name in _COUNTED
        if before
    ]


def _compared(title: str, now: int, before: Sequence[int]) -> Compared:
    unusual = ""
    if len(before) >= _ENOUGH and not min(before) <= now <= max(before):
        unusual = f"{'more' if now > max(before) else 'less'} than in any of them"
    return Compared(title, now, min(before), median(before), max(before), unusual)
