"""Publishing into a real Pulsar, as Tuya's side does: for sandboxes and tests, with an operator's credentials."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import pulsar
from pydantic import SecretStr

from tuyahouse.messages.errors import SourceError


class Publisher:
    """Publishes to topic ``event`` (or another) of one account; a context manager that flushes at its end.

    Raises:
        SourceError: when the broker cannot be reached or does not let the operator in.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        *,
        operator: str,
        password: SecretStr,
        topic: str = "event",
        tls_ca: str = "",
    ) -> None:
        login = pulsar.AuthenticationBasic(operator, password.get_secret_value())
        self._client = pulsar.Client(
            url.rstrip("/"),
            authentication=login,
            operation_timeout_seconds=10,
            tls_trust_certs_file_path=tls_ca or None,
            logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull),
        )
        try:
            self._producer: Any = self._client.create_producer(
                f"persistent://{client_id}/out/{topic}",
                batching_enabled=True,
                batching_max_publish_delay_ms=5,
                block_if_queue_full=True,
                max_pending_messages=5_000,
            )
        except pulsar.PulsarException as error:
            self._client.close()
            raise SourceError(f"Nothing can be published at {url} as {operator}: {error}") from error

    def publish(self, payload: bytes, properties: Mapping[str, str], key: str = "") -> None:
        """Send one message; those of one ``key`` (the device) keep their order."""
        self._producer.send_async(payload, None, properties=dict(properties), partition_key=key or None)

    def flush(self) -> None:
        """Return when everything is at the broker."""
        self._producer.flush()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            self._client.close()
