"""Publishing the field's messages into a real Pulsar, when given a way to."""

from collections.abc import Callable, Mapping

from tuyahouse.sandbox.messages.stream import messages_of_day
from tuyahouse.sandbox.world.world import World

Publish = Callable[[bytes, Mapping[str, str], str], None]
"""Takes the payload, the properties and the partition key (the device); returns when the message is on its way."""


class Publisher:
    """Publishes each day once, in order."""

    def __init__(self, world: World, publish: Publish) -> None:
        self._world = world
        self._publish = publish
        self._next_day = world.published_from

    def catch_up(self) -> int:
        """Publish all days up to that of the world; returns the number of messages."""
        count = 0
        while self._next_day <= int(self._world.options.day):
            for message in messages_of_day(self._world, self._next_day):
                self._publish(message.payload, message.properties, self._world.field.devices[message.device].device_id)
                count += 1
            self._next_day += 1
        return count
