"""What a client spends, told to the progress line while it is spent."""

from tuyahouse.cloud.client import TuyaClient
from tuyahouse.terminal import progress


class Meter:
    """Reads the calls of one client into the progress of the work it belongs to."""

    def __init__(self, client: TuyaClient) -> None:
        self._client = client
        self._calls = self._failures = 0

    def key(self) -> None:
        """One key more is done."""
        self.tell()
        progress.advance()

    def tell(self) -> None:
        """The calls made since the last time."""
        calls, failures = self._client.calls, self._client.failures
        progress.spend(calls - self._calls, failures - self._failures)
        self._calls, self._failures = calls, failures
