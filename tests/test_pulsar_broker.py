"""The real broker that other tests stand on behaves as Tuya's does."""

import hashlib
import json

import pulsar
import pytest

from tests.support.pulsar.broker import OPERATOR, OPERATOR_PASSWORD, PulsarBroker

ID, KEY = "brokertest0000000001", "brokersecret0000000000000000001a"


def as_account(broker: PulsarBroker, key: str) -> pulsar.Client:
    inner = hashlib.md5(key.encode()).hexdigest()
    password = hashlib.md5(f"{ID}{inner}".encode()).hexdigest()[8:24]
    # The client joins user and password by a colon; cut there, they make up the JSON that Tuya wants.
    head, tail = json.dumps({"username": ID, "password": password}, separators=(",", ":")).split(":", 1)
    login = pulsar.AuthenticationBasic(head, tail, method="auth1")
    return pulsar.Client(broker.url, authentication=login, operation_timeout_seconds=3)


def as_operator(broker: PulsarBroker) -> pulsar.Client:
    return pulsar.Client(broker.url, authentication=pulsar.AuthenticationBasic(OPERATOR, OPERATOR_PASSWORD))


@pytest.fixture(scope="module")
def broker(pulsar_broker: PulsarBroker) -> PulsarBroker:
    pulsar_broker.add_account(ID, KEY)
    return pulsar_broker


def test_an_account_reads_what_the_operator_wrote_before_it_subscribed_and_after_a_restart(
    broker: PulsarBroker,
) -> None:
    client = as_operator(broker)
    client.create_producer(broker.topic(ID)).send(b"hello", properties={"em": "aes_gcm"})
    client.close()
    broker.stop()
    broker.start()
    client = as_account(broker, KEY)
    consumer = client.subscribe(broker.topic(ID), f"{ID}-sub", initial_position=pulsar.InitialPosition.Earliest)
    message = consumer.receive(10_000)
    assert (message.data(), message.properties()) == (b"hello", {"em": "aes_gcm"})
    assert broker.unacknowledged(ID, f"{ID}-sub") == 1
    consumer.acknowledge(message)
    client.close()
    assert broker.unacknowledged(ID, f"{ID}-sub") == 0


def test_an_account_may_not_produce(broker: PulsarBroker) -> None:
    client = as_account(broker, KEY)
    with pytest.raises(pulsar.AuthorizationError):
        client.create_producer(broker.topic(ID))
    client.close()


def test_a_wrong_key_shows_as_a_time_out(broker: PulsarBroker) -> None:
    client = as_account(broker, "another-key-0000000000000000000a")
    with pytest.raises(pulsar.Timeout):
        client.subscribe(broker.topic(ID), f"{ID}-sub")
    client.close()


def test_a_topic_that_is_not_there_is_not_made(broker: PulsarBroker) -> None:
    client = as_account(broker, KEY)
    with pytest.raises(pulsar.PulsarException):
        client.subscribe(broker.topic(ID, "elsewhere"), f"{ID}-sub")
    client.close()
