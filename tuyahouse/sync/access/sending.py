"""Whether the call of a write was sent: until then, nothing can have happened in Tuya."""

from typing import Any, cast

from tuyahouse.cloud.client import Answer, TuyaClient
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.errors import PassingFault, TuyaError, UnusableAnswer


class Sending:
    """The client for the one call of a write; ``sent`` says whether that call has left, or may have.

    Everything else that is called meanwhile, such as the token that the call needs, says nothing about it.
    """

    def __init__(self, client: TuyaClient, endpoint: Endpoint) -> None:
        self.sent = False
        self._client = client
        self._endpoint = endpoint

    @property
    def client(self) -> TuyaClient:
        return cast(TuyaClient, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def call(self, endpoint: Endpoint, **options: Any) -> Answer:
        """As the client's own."""
        if endpoint == self._endpoint:
            options["on_start"] = self._note
        return await self._client.call(endpoint, **options)

    def may_have_arrived(self, error: TuyaError) -> bool:
        """Whether Tuya may have carried the call out that ended so."""
        of_another = error.endpoint not in ("", self._endpoint.name)
        return self.sent and error.reached and not of_another and isinstance(error, PassingFault | UnusableAnswer)

    def _note(self) -> None:
        self.sent = True
