"""Memory for answers that are held until they land, counted in bytes as sent."""

from dataclasses import dataclass

LARGEST_CHUNK = 8_000_000
"""Bytes of answers, as sent, that are held and landed together. Decoded and as rows they take about fifteen times that;
a thousand usual answers have one or two megabytes."""

LARGEST_HELD = 2 * LARGEST_CHUNK
"""Bytes beyond which a large answer that was under way is not held beside the others, but asked for again."""

LARGE = 1_000_000
"""Bytes of a large answer. As many smaller ones as there are calls in flight always fit."""


class MemoryFull(Exception):
    """A large answer arrived when much was held already: it is dropped, and asked for again once that has landed."""


@dataclass(slots=True)
class AnswerMemory:
    """What is held. Once it is ``full``, the caller stops asking, lands what it holds and begins a new one."""

    held: int = 0
    refused: bool = False
    first: object = None
    """The key whose large answer came first: all its answers are held, so that at least one key is always completed."""

    def take(self, size: int, key: object) -> None:
        """Hold ``size`` more bytes, of an answer about ``key``.

        Raises:
            MemoryFull: they are many, and so are those that are held.
        """
        if size > LARGE:
            self.first = key if self.first is None else self.first
            if key != self.first and self.held + size > LARGEST_HELD:
                self.refused = True
                raise MemoryFull
        self.held += size

    def add(self, size: int) -> None:
        """Hold them in any case: they are few."""
        self.held += size

    @property
    def full(self) -> bool:
        return self.refused or self.held >= LARGEST_CHUNK
