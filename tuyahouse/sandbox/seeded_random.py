"""Seeded random numbers: the same seed and names give the same numbers, in any order and process."""

from hashlib import blake2b

_MASK = (1 << 64) - 1


def draw(seed: int, *names: object) -> int:
    """A 64-bit number that depends on nothing but the arguments."""
    text = "\x1f".join(map(str, (seed, *names)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def fraction(seed: int, *names: object) -> float:
    """:func:`draw` as a number from 0 up to, but excluding, 1."""
    return (draw(seed, *names) >> 11) / 2**53


class SeededRandom:
    """A sequence of such numbers (SplitMix64): far cheaper to start than :class:`random.Random`."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, *names: object) -> None:
        self._state = draw(seed, *names)

    def number(self) -> int:
        self._state = state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        return state ^ (state >> 31)

    def below(self, limit: int) -> int:
        """0, 1, … limit - 1."""
        return self.number() % limit

    def fraction(self) -> float:
        return (self.number() >> 11) / 2**53
