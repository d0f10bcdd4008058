"""What Tuya says of a device: asked in dry runs, where no write would say so."""

from dataclasses import dataclass

from tuyahouse.cloud.calls.device_fields import DETAIL, FACTS, decode_device, device_facts
from tuyahouse.cloud.codes import NO_DEVICE
from tuyahouse.cloud.errors import TuyaError, UnusableAnswer
from tuyahouse.sync.access.advice import advise
from tuyahouse.sync.access.write import Door, stops


@dataclass(frozen=True, slots=True)
class Seen:
    """A device as it was found.

    Attributes:
        refusal: why Tuya would refuse writes to it; empty if it knows the device, and where it was not asked.
        product_type: category of the device; empty: not known.
        online: None: not known.
    """

    refusal: str = ""
    product_type: str = ""
    online: bool | None = None


class Devices:
    """Asks Tuya for each device once, in dry runs alone."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._known: dict[str, Seen] = {}

    async def seen(self, device_id: str) -> Seen:
        """What Tuya says of the device.

        Raises:
            TuyaError: one that every further call would meet too.
        """
        if not self._door.dry_run:
            return Seen()
        if device_id not in self._known:
            self._known[device_id] = await self._ask(device_id)
        return self._known[device_id]

    async def _ask(self, device_id: str) -> Seen:
        try:
            answer = await self._door.client.call(DETAIL, path={"device_id": device_id})
            device = decode_device(bytes(answer.result))
        except UnusableAnswer:
            return Seen()
        except TuyaError as error:
            if stops(error):
                raise
            advise(error, NO_DEVICE)
            return Seen(refusal=f"Tuya would refuse it: {error}")
        product_type = dict(zip(FACTS, device_facts(device).facts, strict=True))["product_type"]
        return Seen(product_type=product_type if isinstance(product_type, str) else "", online=device.online)
