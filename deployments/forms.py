"""The forms of the deployments, as Prefect's server checks what a run is started with."""

from collections.abc import Iterable, Mapping
from typing import Any

from prefect.client.orchestration import PrefectClient


async def close_forms(client: PrefectClient, deployments: Iterable[Mapping[str, Any]]) -> None:
    """Have the server refuse parameters that a form does not have, before it stores what was typed.

    `prefect deploy` leaves forms open: a password under a name that no flow has would be stored.
    """
    for one in deployments:
        form = {**one["parameter_openapi_schema"], "additionalProperties": False}
        body = {"parameter_openapi_schema": form, "enforce_parameter_schema": True}
        await client.request("PATCH", "/deployments/{id}", path_params={"id": one["id"]}, json=body)
