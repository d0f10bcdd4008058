"""One sandbox factory for many tests: put back to how it began before each of them."""

from typing import Any

from tests.support.sandbox import Sandbox, start_sandbox

UNITS = 300
"""Serial numbers of the factory, in three work orders of a hundred each."""


class Factory:
    """A running sandbox that forgets between tests what it was told and what it was asked; its tokens stay."""

    def __init__(self) -> None:
        self.sandbox: Sandbox = start_sandbox("--serial-numbers", str(UNITS))
        self._options = self.sandbox.control("options")

    def reset(self, **options: Any) -> Sandbox:
        """As it began, with these options on top."""
        self.sandbox.control("faults", {})
        self.sandbox.control("quota", {"used": 0})
        self.sandbox.control("options", {**self._options, **options})
        self.sandbox.control("asked", method="DELETE")
        return self.sandbox

    def close(self) -> None:
        self.sandbox.stop()
