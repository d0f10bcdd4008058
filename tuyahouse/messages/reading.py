"""One message from payload to facts, in one pure call that never raises."""

from datetime import datetime, timedelta

import msgspec

from tuyahouse.messages.decryption import Decryptor
from tuyahouse.messages.envelope import Sealed, read_envelope
from tuyahouse.messages.errors import UnreadableMessage
from tuyahouse.messages.formats.events import read_event
from tuyahouse.messages.formats.facts import DEVICE_EVENT, UNKNOWN, Event
from tuyahouse.redaction import SECRETS

LANDED, KEPT, DEAD = "landed", "unknown", "dead"
AHEAD = timedelta(days=1)
"""A state (presence, binding, command) dated further ahead would outlive every later one: it becomes a dead letter."""

_NOTHING = Event(UNKNOWN)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """The result for one message. ``verdict`` is landed, unknown (kept, not understood) or dead; ``error`` says why."""

    verdict: str
    sealed: Sealed | None
    event: Event
    error: UnreadableMessage | None = None


class MessageReader:
    """Reads the messages of one account. One instance a thread."""

    def __init__(self, access_key: str) -> None:
        """Raises :class:`~tuyahouse.messages.errors.MessageKeyError` when the access key cannot be a message key."""
        SECRETS.keep([access_key], sent=True)
        self._access_key = access_key
        self._decryptor = Decryptor(access_key)

    def read(self, payload: bytes, mode: str | None, received_at: datetime) -> Reading:
        """Envelope, facts and verdict of a message, without secrets; ``mode`` is its property ``em``. Never raises."""
        sealed = None
        try:
            sealed = read_envelope(payload, self._access_key)
            plain = SECRETS.answer(self._decryptor.decrypt(sealed.cipher_text, mode))
            event = read_event(plain, sealed.pushed_at)
            if event.format != DEVICE_EVENT:  # an event supersedes nothing, whatever its device's clock says
                _refuse_future(event, received_at)
        except UnreadableMessage as error:
            return Reading(DEAD, sealed, _NOTHING, error.with_traceback(None))
        except RecursionError:  # decoded, but nested too deep to be written as text
            return Reading(DEAD, sealed, _NOTHING, UnreadableMessage("broken_json", "it is nested too deep"))
        return Reading(KEPT if event.format == UNKNOWN else LANDED, sealed, event)


def _refuse_future(event: Event, received_at: datetime) -> None:
    for fact in event.facts:
        if fact.happened_at is not None and fact.happened_at - received_at > AHEAD:
            raise UnreadableMessage(
                "clock_in_future", f"its time {fact.happened_at:%Y-%m-%d %H:%M} UTC is more than a day in the future"
            )
