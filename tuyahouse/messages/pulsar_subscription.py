"""The subscription of an account at Tuya's Pulsar endpoint (docs/tuya.md, "Messages")."""

import os
import ssl
from typing import Any

import pulsar

from tuyahouse.messages.credentials import auth1, cut_for_basic
from tuyahouse.messages.diagnosis import EXCLUSIVE, NO_TOPIC, REFUSED, reachability
from tuyahouse.settings import Account

QUEUE = 2_000
"""Messages the client holds ready, and the most that one of its batches can have."""

POLL_MS = 100
"""So long the client waits for a batch to fill."""

_QUEUE_BYTES = 16 << 20
_TYPES = {
    "Failover": pulsar.ConsumerType.Failover,
    "Exclusive": pulsar.ConsumerType.Exclusive,
    "Shared": pulsar.ConsumerType.Shared,
    "Key_Shared": pulsar.ConsumerType.KeyShared,
}


def topics(account: Account) -> list[str]:
    """The topics of the account's environment, and the notices where they are wanted."""
    base = f"persistent://{account.client_id}/out/"
    event = base + ("event-test" if account.messages_environment == "test" else "event")
    return [event, base + "notice"] if account.messages_notices else [event]


def connect(account: Account, seconds: int) -> Any:
    """A client that proves itself by ``auth1`` and verifies certificates."""
    name, password = cut_for_basic(auth1(account.client_id, account.client_secret.get_secret_value()))
    return pulsar.Client(
        account.message_url.rstrip("/"),
        authentication=pulsar.AuthenticationBasic(name, password, method="auth1"),
        operation_timeout_seconds=seconds,
        tls_trust_certs_file_path=account.messages_tls_ca or _system_certificates(),
        tls_allow_insecure_connection=False,
        tls_validate_hostname=True,
        logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull),
    )


def _system_certificates() -> str | None:
    """The client knows no CA by itself: the first bundle that there is."""
    paths = ssl.get_default_verify_paths()
    known = (
        paths.cafile,
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    )
    return next((path for path in known if path and os.path.isfile(path)), None)


def subscribe(client: Any, account: Account) -> Any:
    """A consumer that reads from the earliest message on at its first start: the client's default would lose the rest."""
    wanted = topics(account)
    return client.subscribe(
        wanted if len(wanted) > 1 else wanted[0],
        account.subscription,
        consumer_type=_TYPES[account.messages_subscription_type],
        initial_position=pulsar.InitialPosition.Earliest,
        receiver_queue_size=QUEUE,
        max_total_receiver_queue_size_across_partitions=4 * QUEUE,
        batch_receive_policy=pulsar.ConsumerBatchReceivePolicy(QUEUE, _QUEUE_BYTES, POLL_MS),
    )


def in_words(error: Exception, account: Account) -> str:
    """The client tells a wrong key by a mere time-out: say what it may mean."""
    said = f"Messages of account {account.name}, {account.message_url}: "
    if isinstance(error, pulsar.ConsumerBusy):
        return said + EXCLUSIVE
    if isinstance(error, pulsar.TopicNotFound | pulsar.AuthorizationError):
        return said + NO_TOPIC
    if isinstance(error, ValueError | pulsar.InvalidUrl | pulsar.InvalidConfiguration):
        return said + f"MESSAGES_URL or another MESSAGES_ setting cannot be used ({error})."
    obstacle = reachability(account.message_url, account.messages_tls_ca)
    return said + (obstacle or f"{REFUSED} (The client says: {error})")
