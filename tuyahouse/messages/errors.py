"""What can go wrong with a message, with the key to read it, and with the connection it comes over."""


class UnreadableMessage(Exception):
    """A message that cannot be used: a dead letter, never a stop.

    ``reason`` is a short class of the problem (a column of ops_dead_letter), ``detail`` says in words what was met.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class MessageKeyError(Exception):
    """The access secret cannot be a message key; the text says what to check."""


class SourceError(Exception):
    """The message endpoint cannot be used; the text says what it may mean and what to check."""
