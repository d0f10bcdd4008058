"""Certificates are verified always, and what is wrong with one is said in words."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.messages.conftest import account_at, publisher_to
from tests.messages.sealing import ACCESS_KEY
from tests.messages.tls_endpoints import Certificate, certificate, tls_in_front
from tests.support.ports import free_port
from tests.support.pulsar.broker import PulsarBroker
from tests.support.sandbox import Sandbox
from tuyahouse.messages.errors import SourceError
from tuyahouse.messages.sources.build import build_source
from tuyahouse.settings import Account

SOURCES = ("pulsar", "websocket")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"))


def account_over_tls(source: str, port: int, **settings: Any) -> Account:
    scheme = "pulsar+ssl" if source == "pulsar" else "wss"
    return account_at(f"{scheme}://127.0.0.1:{port}/", "demo", messages_source=source, **settings)


def problem_of(account: Account) -> str:
    with closing(build_source(account, 2)) as source:
        with pytest.raises(SourceError) as error:
            source.open()
        return str(error.value)


@pytest.mark.parametrize("source", SOURCES)
def test_a_certificate_of_an_unknown_ca_is_refused_in_words(source: str, trusted: Certificate) -> None:
    with tls_in_front(trusted) as port:
        problem = problem_of(account_over_tls(source, port))
    assert f"The certificate of 127.0.0.1:{port} cannot be verified (self" in problem
    assert "name the CA's file in MESSAGES_TLS_CA" in problem


@pytest.mark.parametrize("source", SOURCES)
def test_a_certificate_for_another_name_is_refused_in_words(source: str, tmp_path: Path) -> None:
    other = certificate(tmp_path, "10.1.2.3")
    with tls_in_front(other) as port:
        problem = problem_of(account_over_tls(source, port, messages_tls_ca=str(other.file)))
    assert "made out to another name" in problem and "MESSAGES_TLS_CA" not in problem


@pytest.mark.parametrize("source", SOURCES)
def test_a_certificate_that_has_expired_is_refused_in_words(source: str, tmp_path: Path) -> None:
    old = certificate(tmp_path, days=-1)
    with tls_in_front(old) as port:
        problem = problem_of(account_over_tls(source, port, messages_tls_ca=str(old.file)))
    assert "certificate has expired" in problem and "clock" in problem


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_ca_file_that_is_none_is_named(source: str, content: bytes | None, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)
    assert f"MESSAGES_TLS_CA names {ca}" in problem_of(account_over_tls(source, 1, messages_tls_ca=str(ca)))


def test_over_websocket_with_its_ca_named_messages_come(sandbox: Sandbox, trusted: Certificate) -> None:
    plain = urlsplit(sandbox.account.message_url).port
    with tls_in_front(trusted, plain) as port:
        url = {"messages_url": f"wss://127.0.0.1:{port}/", "messages_subscription": "tls"}
        account = sandbox.account.model_copy(update={**url, "messages_tls_ca": str(trusted.file)})
        with closing(build_source(account)) as source:
            source.open()
            messages = source.receive(10, 5)
            assert messages
            source.acknowledge([message.message_id for message in messages])
        assert "cannot be verified" in problem_of(account.model_copy(update={"messages_tls_ca": ""}))


class TlsBroker(PulsarBroker):
    """One that speaks TLS too, at ``tls_port``."""

    def __init__(self, shown: Certificate) -> None:
        self._shown = shown
        self.tls_port = free_port()
        super().__init__()

    def start(self) -> None:
        with (self._home / "standalone.conf").open("a") as file:
            file.write(f"brokerServicePortTls={self.tls_port}\ntlsCertificateFilePath={self._shown.file}\n")
            file.write(f"tlsKeyFilePath={self._shown.key}\n")
        super().start()


@pytest.fixture
def tls_broker(trusted: Certificate, pulsar_broker: PulsarBroker) -> Iterator[TlsBroker]:
    """Where the shared broker is left out, so is this one."""
    broker = TlsBroker(trusted)
    yield broker
    broker.close()


def test_over_pulsar_with_its_ca_named_messages_come(tls_broker: TlsBroker, trusted: Certificate) -> None:
    client_id = f"tls{uuid4().hex[:17]}"
    tls_broker.add_account(client_id, ACCESS_KEY)
    with publisher_to(tls_broker.url, client_id) as out:
        out.publish(b"over TLS", {})
    account = account_at(f"pulsar+ssl://127.0.0.1:{tls_broker.tls_port}/", client_id, messages_tls_ca=str(trusted.file))
    with closing(build_source(account)) as source:
        source.open()
        (message,) = source.receive(10, 10)
        source.acknowledge([message.message_id])
    assert message.payload == b"over TLS"
    assert "cannot be verified" in problem_of(account.model_copy(update={"messages_tls_ca": ""}))
