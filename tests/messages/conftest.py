"""A message account on the real broker, fresh for each test."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from tests.messages.sealing import ACCESS_KEY
from tests.support.pulsar.broker import OPERATOR, OPERATOR_PASSWORD, PulsarBroker
from tuyahouse.messages.sources.publish import Publisher
from tuyahouse.settings import Account


@pytest.fixture
def message_account(pulsar_broker: PulsarBroker) -> Account:
    """An account whose topics are there and empty."""
    client_id = f"acc{uuid4().hex[:17]}"
    pulsar_broker.add_account(client_id, ACCESS_KEY)
    return account_at(pulsar_broker.url, client_id)


@pytest.fixture
def publisher(pulsar_broker: PulsarBroker, message_account: Account) -> Callable[..., Publisher]:
    """Opens a publisher to a topic of that account."""

    def opened(topic: str = "event") -> Publisher:
        return publisher_to(pulsar_broker.url, message_account.client_id, topic)

    return opened


def account_at(url: str, client_id: str, **settings: Any) -> Account:
    return Account(
        name="main", base_url="http://127.0.0.1", client_id=client_id, client_secret=SecretStr(ACCESS_KEY),
        messages_url=url, **settings,
    )  # fmt: skip


def publisher_to(url: str, client_id: str, topic: str = "event") -> Publisher:
    return Publisher(url, client_id, operator=OPERATOR, password=SecretStr(OPERATOR_PASSWORD), topic=topic)
