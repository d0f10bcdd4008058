"""The subscription of an account at Tuya's Pulsar endpoint (docs/tuya.md, "Messages")."""

import os
import ssl
from typing import Any

import pulsar

from tuyahouse.messages.sources.credentials import auth1, cut_for_basic
from tuyahouse.messages.sources.diagnosis import EXCLUSIVE, NO_TOPIC, REFUSED, UnusableUrl, check_url, reachability
from tuyahouse.messages.sources.topics import event_topic, notice_topic
from tuyahouse.settings import Account

LARGE_QUEUE = 2_000
"""Messages the client holds ready while all are small, and the most that one of its batches can have."""

SMALL_QUEUE = 10
"""Messages the client holds ready while they may be of any size. Measured, it uses three times their size: 150 MB for
ten of the largest that Pulsar carries (5 MB)."""

SMALL_MESSAGE = 8 << 10
"""Bytes of a message that is small: a large queue of them holds 16 MB."""

POLL_MS = 100
"""The longest the client waits for a batch to fill."""

NOTICES = 100
NOTICES_POLL_MS = 10
"""The same two limits for notices, which are few."""

_BATCH_BYTES = 16 << 20
_TYPES = {
    "Failover": pulsar.ConsumerType.Failover,
    "Exclusive": pulsar.ConsumerType.Exclusive,
    "Shared": pulsar.ConsumerType.Shared,
    "Key_Shared": pulsar.ConsumerType.KeyShared,
}


def connect(account: Account, seconds: int) -> Any:
    """A client that authenticates by ``auth1`` and verifies certificates."""
    check_url(account.message_url, "pulsar")
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
    """The first CA bundle found on this machine: the client has none of its own."""
    paths = ssl.get_default_verify_paths()
    known = (
        paths.cafile,
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    )
    return next((path for path in known if path and os.path.isfile(path)), None)


def subscribe(client: Any, account: Account, queue: int) -> Any:
    """A consumer of the account's messages that holds up to ``queue`` of them ready."""
    return _subscribed(client, account, event_topic(account), queue, POLL_MS)


def subscribe_to_notices(client: Any, account: Account) -> Any:
    """A consumer of the backlog notices, separate so that an account without that topic still reads its messages."""
    return _subscribed(client, account, notice_topic(account), NOTICES, NOTICES_POLL_MS)


def _subscribed(client: Any, account: Account, topic: str, queue: int, poll_ms: int) -> Any:
    """A new subscription starts at the earliest message: the client's default would lose the backlog."""
    return client.subscribe(
        topic,
        account.subscription,
        consumer_type=_TYPES[account.messages_subscription_type],
        initial_position=pulsar.InitialPosition.Earliest,
        receiver_queue_size=queue,
        max_total_receiver_queue_size_across_partitions=4 * queue,
        batch_receive_policy=pulsar.ConsumerBatchReceivePolicy(queue, _BATCH_BYTES, poll_ms),
    )


def in_words(error: Exception, account: Account) -> str:
    """What an error may mean and what to check. The client reports even a wrong key as a time-out."""
    said = f"Messages of account {account.name}, {account.message_url}: "
    if isinstance(error, pulsar.ConsumerBusy):
        return said + EXCLUSIVE
    if isinstance(error, pulsar.TopicNotFound | pulsar.AuthorizationError):
        return said + NO_TOPIC
    if isinstance(error, UnusableUrl):
        return said + str(error)
    if isinstance(error, ValueError | pulsar.InvalidUrl | pulsar.InvalidConfiguration):
        return said + f"MESSAGES_URL or another MESSAGES_ setting cannot be used ({error})."
    obstacle = reachability(account.message_url, account.messages_tls_ca)
    return said + (obstacle or f"{REFUSED} (The client says: {error})")
