"""Consumers killed by SIGKILL, databases restarted, lines cut: every message is stored once and acknowledged.

Small in the suite; with ``TUYAHOUSE_TEST_KILLS=20`` or more 200,000 messages.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pulsar
import pytest

from tests.messages.conftest import account_at
from tests.messages.sealing import ACCESS_KEY
from tests.messages.stream import stream
from tests.messages.table_fingerprints import fingerprints
from tests.support.postgres import OwnPostgres
from tests.support.pulsar.broker import OPERATOR, OPERATOR_PASSWORD, PulsarBroker
from tests.support.sandbox import Sandbox
from tuyahouse.messages.reading import MessageReader
from tuyahouse.settings import Account
from tuyahouse.sync.messages.service import drain
from tuyahouse.warehouse.warehouse import Warehouse

KILLS = int(os.environ.get("TUYAHOUSE_TEST_KILLS", "3"))
MESSAGES = int(os.environ.get("TUYAHOUSE_TEST_MESSAGES", 4_000 * KILLS if KILLS < 20 else 200_000))
SECRET_KEY = "a-key-of-the-tests-and-of-nothing-else"

pytestmark = pytest.mark.kill


class Consuming:
    """A consumer process that is started again each time it was killed."""

    def __init__(self, env: dict[str, str], account: str) -> None:
        self._command = [str(Path(sys.executable).with_name("tuyahouse")), "consume", "--account", account]
        self._env = {**os.environ, **env}
        self._log_path = Path(tempfile.mkstemp()[1])
        self._log = self._log_path.open("ab")
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, env=self._env, stderr=self._log)

    def log(self) -> str:
        """What all of them said."""
        return self._log_path.read_text()

    def kill_and_start(self) -> None:
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL, "it had ended by itself"
        self._process = self._start()

    def terminate(self) -> int:
        self._process.terminate()
        return self._process.wait(60)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._log_path.unlink()


@contextlib.contextmanager
def consuming(account: Account, database: str) -> Iterator[Consuming]:
    prefix = "TUYAHOUSE_ACCOUNTS__KILLED__"
    fields = ("client_id", "base_url", "messages_url", "messages_source", "messages_subscription")
    env = {f"{prefix}{name.upper()}": str(getattr(account, name)) for name in fields if getattr(account, name)}
    env |= {f"{prefix}CLIENT_SECRET": account.client_secret.get_secret_value()}
    process = Consuming(env | {"TUYAHOUSE_WAREHOUSE_URL": database, "TUYAHOUSE_SECRET_KEY": SECRET_KEY}, "killed")
    try:
        yield process
    except BaseException:
        print(process.log()[-5000:])
        raise
    finally:
        process.close()


def stored(database: str) -> int:
    """How many messages are stored; -1 while the database is away."""
    try:
        with psycopg.connect(database, connect_timeout=2) as connection:
            row = connection.execute("SELECT coalesce(sum(messages), 0) FROM ops_consumer").fetchone()
    except psycopg.Error:
        return -1
    return int(row[0]) if row else 0


def wait_for(done: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to its end"
        time.sleep(0.05)


def migrated(database: str) -> str:
    Warehouse.open(database, SECRET_KEY).close()
    return database


def undisturbed(account: Account, database: str, count: int) -> dict[str, tuple[int, str]]:
    """What the same stream leaves when nothing happens on the way, read by another subscription."""
    warehouse = Warehouse.open(database, SECRET_KEY)
    calm = account.model_copy(update={"messages_subscription": "undisturbed"})
    drain(calm, warehouse, max_messages=count, quiet_seconds=60)
    drain(calm, warehouse, quiet_seconds=3)  # the rest, where some of so many were delivered twice
    warehouse.close()
    return fingerprints(database)


def produced(broker: PulsarBroker, client_id: str) -> list[str]:
    """Publish the stream; the ids the broker gave its messages."""
    ids: list[str] = []

    def sent(result: Any, message_id: Any) -> None:
        assert result == pulsar.Result.Ok
        ids.append(str(message_id)[1:-1].replace(",", ":"))

    login = pulsar.AuthenticationBasic(OPERATOR, OPERATOR_PASSWORD)
    client = pulsar.Client(
        broker.url, authentication=login, logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull)
    )
    producer = client.create_producer(broker.topic(client_id), batching_enabled=True, block_if_queue_full=True)
    for message in stream(MESSAGES):
        producer.send_async(message.payload, sent, properties=message.properties, partition_key=message.key)
    producer.flush()
    client.close()
    return ids


def test_over_pulsar_every_message_produced_is_stored_once_and_acknowledged(
    pulsar_broker: PulsarBroker, own_postgres: OwnPostgres
) -> None:
    client_id = f"kill{uuid4().hex[:16]}"
    pulsar_broker.add_account(client_id, ACCESS_KEY)
    account = account_at(pulsar_broker.url, client_id, messages_subscription="killed").model_copy(
        update={"name": "killed"}
    )
    ids = produced(pulsar_broker, client_id)
    database = migrated(own_postgres.create_database())
    chance, restarts = random.Random(1), {KILLS // 3, 2 * KILLS // 3}
    with consuming(account, database) as process:
        for kill in range(KILLS):
            wait_for(lambda: stored(database) >= len(ids) * kill // (KILLS + 1))  # noqa: B023
            time.sleep(chance.random() * 0.3)
            process.kill_and_start()
            if kill in restarts:
                own_postgres.stop()
                time.sleep(chance.random())
                own_postgres.start()
        wait_for(lambda: stored(database) >= len(ids))
        wait_for(lambda: pulsar_broker.unacknowledged(client_id, "killed") == 0)
        assert process.terminate() == 0
    with psycopg.connect(database) as connection:
        found = [row[0] for row in connection.execute("SELECT message_id FROM raw_message")]
    assert sorted(found) == sorted(ids)
    assert fingerprints(database) == undisturbed(account, own_postgres.create_database(), len(ids))


def test_over_websocket_with_the_line_cut_every_message_is_stored_once_and_acknowledged(
    sandboxes: Callable[..., Sandbox], own_postgres: OwnPostgres
) -> None:
    devices = max(20, MESSAGES // 3)
    sandbox = sandboxes(
        "--set", f"devices={devices}", "--set", "unreadable=0.02", "--set", "duplicates=0.1", "--set", "cipher=mixed"
    )
    ids = [message["message_id"] for message in sandbox.lines("truth/messages")]
    account = sandbox.account.model_copy(update={"name": "killed", "messages_subscription": "killed"})
    database = migrated(own_postgres.create_database())
    chance = random.Random(2)
    with consuming(account, database) as process:
        for cut in range(KILLS):
            wait_for(lambda: stored(database) >= len(ids) * cut // (KILLS + 1))  # noqa: B023
            time.sleep(chance.random() * 0.2)
            sandbox.control("messages", {"cut": True})
            if cut % 3 == 2:
                process.kill_and_start()
        wait_for(lambda: stored(database) >= len(ids))
        wait_for(lambda: subscription(sandbox)["acknowledged"] >= len(ids))
        assert process.terminate() == 0
    assert subscription(sandbox)["unacknowledged"] == 0
    with psycopg.connect(database) as connection:
        found = [row[0] for row in connection.execute("SELECT message_id FROM raw_message")]
    assert sorted(found) == sorted(ids)
    assert fingerprints(database) == undisturbed(account, own_postgres.create_database(), len(ids))


def subscription(sandbox: Sandbox) -> dict[str, int]:
    found: dict[str, int] = sandbox.control("messages")["subscriptions"]["event/killed"]
    return found


def test_the_reader_of_this_stream_meets_every_verdict() -> None:
    """The stream would prove little if nothing in it was unreadable or unknown."""
    from tests.messages.scripted_source import AT

    reader = MessageReader(ACCESS_KEY)
    read = [reader.read(sent.payload, sent.properties.get("em"), AT) for sent in stream(2000)]
    assert {reading.verdict for reading in read} == {"landed", "unknown", "dead"}
    assert len({reading.event.format for reading in read}) == 12
