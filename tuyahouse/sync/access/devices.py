"""Whether Tuya knows a device: asked in dry runs, where no write would say so."""

from tuyahouse.cloud.calls.device_fields import DETAIL
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.sync.access.write import Door, stops


class Devices:
    """Asks Tuya for each device once."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._known: dict[str, str] = {}

    async def refusal(self, device_id: str) -> str:
        """Why a dry run expects Tuya to refuse writes to the device; empty if it knows it, or if the run is not dry.

        Raises:
            TuyaError: one that every further call would meet too.
        """
        if not self._door.dry_run:
            return ""
        if device_id not in self._known:
            self._known[device_id] = await self._ask(device_id)
        return self._known[device_id]

    async def _ask(self, device_id: str) -> str:
        try:
            await self._door.client.call(DETAIL, path={"device_id": device_id})
        except TuyaError as error:
            if stops(error):
                raise
            return f"Tuya would refuse it: {error}"
        return ""
