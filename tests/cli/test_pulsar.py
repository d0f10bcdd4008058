"""The command line with a real Pulsar broker: the sandbox publishes, doctor is let in, consume stores."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.cli.test_program import line_with, rows
from tests.support.pulsar.broker import OPERATOR, OPERATOR_PASSWORD, PulsarBroker
from tests.support.sandbox import Sandbox, start_sandbox

ACCOUNT = "sandboxofthecommands"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with an account of its own: the broker is shared by all tests."""
    running = start_sandbox("--set", f"client_id={ACCOUNT}")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def knowing(pulsar_broker: PulsarBroker, sandbox: Sandbox) -> PulsarBroker:
    pulsar_broker.add_account(ACCOUNT, sandbox.account.client_secret.get_secret_value())
    return pulsar_broker


@pytest.fixture
def broker(knowing: PulsarBroker, environment: dict[str, str]) -> PulsarBroker:
    """A broker that knows the sandbox's account; the settings lead there."""
    environment["TUYAHOUSE_ACCOUNTS__DEMO__MESSAGES_SOURCE"] = "pulsar"
    environment["TUYAHOUSE_ACCOUNTS__DEMO__MESSAGES_URL"] = knowing.url
    return knowing


def test_what_the_sandbox_publishes_into_a_pulsar_is_consumed(broker, program: Callable, sqlite_url: str) -> None:
    options = [
        "--port",
        "0",
        "--set",
        "devices=5",
        "--set",
        f"client_id={ACCOUNT}",
        "--pulsar-url",
        broker.url,
        "--pulsar-user",
        OPERATOR,
    ]
    publishing = program("sandbox", *options, "--pulsar-password", "env:OPERATOR", OPERATOR=OPERATOR_PASSWORD)
    line_with(publishing.stdout, "__BASE_URL=")
    consuming = program("consume", "-a", "demo")
    end = time.monotonic() + 60
    while rows(sqlite_url, "raw_message") == 0:
        assert time.monotonic() < end
        time.sleep(0.2)
    consuming.send_signal(signal.SIGTERM)
    consuming.communicate(timeout=60)
    assert consuming.returncode == 0


@pytest.mark.usefixtures("broker")
def test_doctor_is_let_in(cli) -> None:
    result = cli("doctor")
    assert result.exit_code == 0
    assert "demo, messages: pulsar://" in result.stdout


@pytest.mark.usefixtures("broker")
def test_doctor_says_what_a_refusal_may_mean(cli) -> None:
    cli("doctor", "--no-messages")
    result = cli("doctor", CLIENT_SECRET="anothersecret0000000000000000001")
    assert result.exit_code == 1
    said = next(line for line in result.stdout.splitlines() if "demo, messages" in line)
    assert "Check CLIENT_ID and CLIENT_SECRET" in said
