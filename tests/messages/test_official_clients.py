"""Tuya's own way of reading messages works on what sandbox and broker send: the Python connector's client over
WebSocket, and the Pulsar example of its documentation, rebuilt with its shortcuts (it removes no padding, it only
strips)."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulsar
from Crypto.Cipher import AES
from tuya_connector import TuyaCloudPulsarTopic, TuyaOpenPulsar

from tests.messages import samples
from tests.messages.sealing import ecb, envelope_a, gcm
from tests.support.pulsar.broker import OPERATOR, OPERATOR_PASSWORD, PulsarBroker
from tests.support.sandbox import Sandbox
from tuyahouse.messages.sources.publish import Publisher
from tuyahouse.settings import Account


def test_the_connectors_websocket_client_receives_and_decrypts_what_the_sandbox_publishes(
    sandboxes: Callable[..., Sandbox],
) -> None:
    sandbox = sandboxes("--set", "unreadable=0", "--set", "families=bizcode", "--set", "devices=30")
    account = sandbox.account
    got: list[str] = []
    client = TuyaOpenPulsar(
        account.client_id, account.client_secret.get_secret_value(), account.message_url, TuyaCloudPulsarTopic.PROD
    )
    client.add_message_listener(got.append)
    truth = [one["plain"] for one in sandbox.lines("truth/messages")]
    client.start()
    end = time.monotonic() + 30
    while len(got) < len(truth) and time.monotonic() < end:
        time.sleep(0.05)
    client.stop()
    assert [json.loads(text) for text in got] == [json.loads(text) for text in truth]


def example_password(access_id: str, access_key: str) -> str:
    inner = hashlib.md5(access_key.encode()).hexdigest()
    return hashlib.md5(f"{access_id}{inner}".encode()).hexdigest()[8:24]


def example_decrypt(payload: bytes, mode: str, access_key: str) -> str:
    """As the example does it, its way with the padding included."""
    key, sealed = access_key[8:24].encode(), base64.b64decode(json.loads(payload)["data"])
    if mode == "aes_gcm":
        cipher = AES.new(key, AES.MODE_GCM, nonce=sealed[:12])
        return cipher.decrypt_and_verify(sealed[12:-16], sealed[-16:]).decode()
    text = AES.new(key, AES.MODE_ECB).decrypt(sealed).decode()
    return text.strip("".join(map(chr, (9, 10, 12, 13))))


def test_tuyas_pulsar_example_receives_and_decrypts_what_is_published(
    pulsar_broker: PulsarBroker, message_account: Account, publisher: Callable[..., Publisher]
) -> None:
    plain = json.dumps(samples.ONLINE).encode()
    # A padding of 9, 10, 12 or 13 bytes is all that the example's stripping removes: fill up to thirteen.
    padded = plain[:-1] + b" " * ((3 - len(plain)) % 16) + b"}"
    with publisher() as out:
        out.publish(envelope_a(ecb(padded)), {"em": "aes_ecb"})
        out.publish(envelope_a(gcm(plain)), {"em": "aes_gcm"})
    access_id, access_key = message_account.client_id, message_account.client_secret.get_secret_value()
    read = example(pulsar_broker.url, access_id, access_key, 2)
    assert read == [samples.ONLINE, samples.ONLINE]


def test_tuyas_pulsar_example_receives_and_decrypts_what_the_sandbox_publishes_into_a_broker(
    pulsar_broker: PulsarBroker, sandboxes: Callable[..., Sandbox]
) -> None:
    options = ("--set", "unreadable=0", "--set", "families=bizcode", "--set", "devices=20", "--set", "cipher=gcm")
    calm = sandboxes(*options)
    truth = [json.loads(one["plain"]) for one in calm.lines("truth/messages")]
    access_id, access_key = calm.account.client_id, calm.account.client_secret.get_secret_value()
    pulsar_broker.add_account(access_id, access_key, partitions=1)
    into = ("--pulsar-url", pulsar_broker.url, "--pulsar-user", OPERATOR, "--pulsar-password", OPERATOR_PASSWORD)
    program = str(Path(sys.executable).with_name("tuyahouse"))
    publishing = subprocess.Popen([program, "sandbox", "--port", "0", *options, *into], stdout=subprocess.DEVNULL)
    try:
        read = example(pulsar_broker.url, access_id, access_key, len(truth))
    finally:
        publishing.terminate()
        publishing.wait(20)
    assert read == truth


def example(url: str, access_id: str, access_key: str, count: int) -> list[Any]:
    """The example: basic auth cut so that it makes the JSON object, Failover, cumulative acknowledgement."""
    user = f'"username":"{access_id}","password"'
    password = user.split(":", 1)[1] + f':"{example_password(access_id, access_key)}"}}'
    client = pulsar.Client(
        url,
        authentication=pulsar.AuthenticationBasic("{" + user.split(":", 1)[0], password, "auth1"),
        logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, "/dev/null"),
    )
    consumer = client.subscribe(
        f"{access_id}/out/event",
        f"{access_id}-sub",
        consumer_type=pulsar.ConsumerType.Failover,
        initial_position=pulsar.InitialPosition.Earliest,
    )
    read: list[Any] = []
    for _ in range(count):
        message = consumer.receive(20_000)
        read.append(json.loads(example_decrypt(message.data(), message.properties().get("em", ""), access_key)))
        consumer.acknowledge_cumulative(message)
    client.close()
    return read
