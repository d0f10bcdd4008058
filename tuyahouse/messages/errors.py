"""Errors of a message, of the key that decrypts it, and of the connection it comes over."""

from tuyahouse.dead_letter_reasons import Reason


class UnreadableMessage(Exception):
    """A message that cannot be used: a dead letter, never a stop.

    ``reason`` is the class of the problem (a column of ops_dead_letter), ``detail`` describes it in words.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class MessageKeyError(Exception):
    """The access secret cannot be a message key; the text says what to check."""


class SourceError(Exception):
    """The message endpoint cannot be used; the text names likely causes and what to check."""
