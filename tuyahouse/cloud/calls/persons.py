"""Persons with permission on a device (docs/tuya.md, "Users and their rights")."""

from typing import TYPE_CHECKING

from tuyahouse.cloud.calls.lenient_values import identifier
from tuyahouse.cloud.calls.results import decoded, folded, unusable
from tuyahouse.cloud.endpoint import Endpoint

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

PERSON = "/v1.0/expand/spaces/{device_id}/persons/{person_id}"
ADD_PERSON = Endpoint("POST", PERSON, idempotent=False)
REMOVE_PERSON = Endpoint("DELETE", PERSON, idempotent=False)


async def add_person(client: "TuyaClient", device_id: str, person_id: str) -> None:
    """Give a person permission on a device.

    Raises:
        UnusableAnswer: Tuya confirms another person or device.
    """
    await _change(client, ADD_PERSON, device_id, person_id)


async def remove_person(client: "TuyaClient", device_id: str, person_id: str) -> None:
    """Take the permission from a person; raises as :func:`add_person`."""
    await _change(client, REMOVE_PERSON, device_id, person_id)


async def _change(client: "TuyaClient", endpoint: Endpoint, device_id: str, person_id: str) -> None:
    answer = await client.call(endpoint, path={"device_id": device_id, "person_id": person_id})
    value = decoded(answer, endpoint)
    fields = folded(value) if isinstance(value, dict) else {}
    confirmed = identifier(fields.get("deviceid")), identifier(fields.get("personid"))
    if any(said and said != asked for said, asked in zip(confirmed, (device_id, person_id), strict=True)):
        raise unusable(f"Tuya confirms person {confirmed[1]} on device {confirmed[0]}", answer, endpoint)
