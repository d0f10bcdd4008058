"""The consumer as a service and as one run: signals, status, metrics, health."""

import inspect
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.messages.scripted_source import AT, ScriptedSource, all_received
from tests.messages.stream import stream
from tests.support.sandbox import Sandbox
from tuyahouse.messages.errors import MessageKeyError, SourceError
from tuyahouse.messages.sources.websocket import WebSocketSource
from tuyahouse.monitoring.server import MOST_CONNECTIONS, serve
from tuyahouse.settings import Account
from tuyahouse.sync.messages.consumer import Progress
from tuyahouse.sync.messages.land import Landed
from tuyahouse.sync.messages.metrics import STUCK_SECONDS, ConsumerMetrics
from tuyahouse.sync.messages.service import StatusLine, consume, drain, summary
from tuyahouse.warehouse.messages.gaps import Gap
from tuyahouse.warehouse.warehouse import Warehouse


def start(sandbox: Sandbox, warehouse_url: str) -> "subprocess.Popen[str]":
    env = sandbox.environment(TUYAHOUSE_WAREHOUSE_URL=warehouse_url)
    program = str(Path(sys.executable).with_name("tuyahouse"))
    command = [program, "consume", "--account", "demo", "--metrics-port", "0"]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def counted(metrics: str) -> float:
    """All messages that the metrics tell of, whatever became of them."""
    lines = [line for line in metrics.splitlines() if line.startswith("tuyahouse_messages_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_the_service_tells_how_it_stands_and_stops_in_order_on_sigterm(sandbox: Sandbox, sqlite_url: str) -> None:
    count = len(sandbox.lines("truth/messages"))
    process = start(sandbox, sqlite_url)
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    assert "subscription sandboxclient0000001-sub (Failover)" in lines[0] and "on a laptop" in lines[1]
    base = f"http://127.0.0.1:{lines[2].split('port ')[1].split(':')[0]}"
    end = time.monotonic() + 30
    while counted(get(f"{base}/metrics")[1]) < count:
        assert time.monotonic() < end
        time.sleep(0.1)
    status, text = get(f"{base}/health")
    health = json.loads(text)
    assert (status, health["ok"], health["account"], health["messages"]) == (200, True, "demo", count)
    assert get(f"{base}/other")[0] == 404
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert f"Stopped. {count:,} messages read, {count:,} stored" in process.stderr.read()
    assert sandbox.control("messages")["subscriptions"]["event/sandboxclient0000001-sub"]["unacknowledged"] == 0


def test_the_service_starts_without_its_database_and_its_endpoint_and_waits_for_both(
    sandboxes: Callable[..., Sandbox],
) -> None:
    sandbox = sandboxes()
    sandbox.stop()
    process = start(sandbox, "postgresql://nobody@127.0.0.1:1/nothing")
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(4)]
    assert "127.0.0.1:1" in lines[3]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_drain_reads_a_sandbox_until_it_has_caught_up(sandbox: Sandbox, warehouse: Warehouse) -> None:
    account = sandbox.account.model_copy(update={"messages_subscription": warehouse.dialect})
    progress = drain(account, warehouse, quiet_seconds=1)
    assert progress.landed.stored == len(sandbox.lines("truth/messages")) and progress.caught_up
    assert drain(account, warehouse, quiet_seconds=1).landed.received == 0


def test_drain_with_an_endpoint_that_is_away_says_so(sandbox: Sandbox, warehouse: Warehouse) -> None:
    away = sandbox.account.model_copy(update={"messages_url": "ws://127.0.0.1:1/"})
    with pytest.raises(SourceError, match="Nothing listens"):
        drain(away, warehouse)


def test_a_secret_that_is_no_key_is_refused_before_anything_is_read(sandbox: Sandbox, warehouse: Warehouse) -> None:
    short = sandbox.account.model_copy(update={"client_secret": SecretStr("short")})
    source = ScriptedSource(all_received(stream(10)))
    with pytest.raises(MessageKeyError, match="CLIENT_SECRET"):
        drain(short, warehouse, source=source)
    assert source.delivered == 0


def test_drain_stops_at_its_number_of_messages(sandbox: Sandbox, warehouse: Warehouse) -> None:
    account: Account = sandbox.account.model_copy(update={"messages_subscription": f"some-{warehouse.dialect}"})
    assert drain(account, warehouse, max_messages=25, quiet_seconds=1).landed.received == 25


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def progress(**fields: object) -> Progress:
    return Progress(connected=True, **fields)  # type: ignore[arg-type]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    watch = ConsumerMetrics("main", clock)
    clock.now += 2
    watch.observe(progress(landed=Landed(received=100)))
    clock.now += 0.5
    watch.observe(progress(landed=Landed(received=900)))
    assert watch.rate == 50


def test_a_consumer_that_does_not_move_any_more_is_not_healthy() -> None:
    clock = Clock()
    watch = ConsumerMetrics("main", clock)
    watch.observe(progress())
    assert watch.health()[0]
    clock.now += STUCK_SECONDS + 1
    healthy, details = watch.health()
    assert not healthy and "not moved" in details["problem"]


def test_idle_connections_cost_few_threads_and_keep_no_scrape_out_for_long() -> None:
    with serve(ConsumerMetrics("main"), 0) as port, ExitStack() as stack:
        before = threading.active_count()
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        assert threading.active_count() - before <= MOST_CONNECTIONS
        end = time.monotonic() + 30
        while True:
            try:
                assert get(f"http://127.0.0.1:{port}/metrics")[0] == 200
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.1)


def test_metrics_are_served_to_this_machine_alone_unless_told_otherwise() -> None:
    from typer.testing import CliRunner

    from tuyahouse.cli.program import app

    for command in ("consume", "metrics"):
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        assert "[default: 127.0.0.1]" in " ".join(shown.split()), command
    for function in (serve, consume):
        address = {"address", "metrics_address"} & inspect.signature(function).parameters.keys()
        assert [inspect.signature(function).parameters[name].default for name in address] == ["127.0.0.1"]


@pytest.mark.parametrize("state", [Progress(), progress(problem="The database is away.")])
def test_no_connection_and_no_database_are_not_healthy(state: Progress) -> None:
    watch = ConsumerMetrics("main")
    watch.observe(state)
    with serve(watch, 0, "127.0.0.1") as port:
        assert get(f"http://127.0.0.1:{port}/health")[0] == 503


def test_the_metrics_have_lag_rate_last_message_dead_letters_and_reconnects() -> None:
    watch = ConsumerMetrics("main")
    landed = Landed(received=10, stored=8, known=2, unknown=1, dead=3)
    watch.observe(progress(landed=landed, reconnects=4, last_message_at=AT, gaps=[Gap(AT, AT, "away_too_long")]))
    with serve(watch, 0, "127.0.0.1") as port:
        text = get(f"http://127.0.0.1:{port}/metrics")[1]
    for line in (
        'tuyahouse_messages_total{account="main",outcome="stored"} 4.0',
        'tuyahouse_messages_total{account="main",outcome="dead"} 3.0',
        'tuyahouse_messages_dead_letters_total{account="main"} 3.0',
        'tuyahouse_messages_reconnects_total{account="main"} 4.0',
        'tuyahouse_messages_gaps_total{account="main"} 1.0',
        f'tuyahouse_messages_last_message_timestamp_seconds{{account="main"}} {AT.timestamp():.9g}'[:70],
        'tuyahouse_messages_connected{account="main"} 1.0',
    ):
        assert line in text
    assert 'tuyahouse_messages_lag_seconds{account="main"}' in text
    assert 'tuyahouse_messages_rate{account="main"}' in text


def test_a_consumer_that_has_caught_up_has_no_lag() -> None:
    assert progress(last_message_at=AT, caught_up=True).lag_seconds(AT + timedelta(hours=1)) == 0
    assert progress(last_message_at=AT).lag_seconds(AT + timedelta(seconds=90)) == 90


def test_a_run_in_a_line() -> None:
    landed = Landed(received=1500, stored=1400, known=100, unknown=7, dead=20)
    assert summary(progress(landed=landed, reconnects=2, outage_seconds=61.2)) == (
        "1,500 messages read, 1,400 stored, 100 known already, 7 of unknown formats, 20 dead letters, "
        "2 reconnects, 61 s away."
    )


def test_a_closed_output_does_not_end_the_service(sandbox: Sandbox, sqlite_url: str) -> None:
    process = start(sandbox, sqlite_url)
    assert process.stderr is not None
    first = [process.stderr.readline() for _ in range(3)]
    process.stderr.close()
    base = f"http://127.0.0.1:{first[2].split('port ')[1].split(':')[0]}"
    end = time.monotonic() + 30
    while get(f"{base}/health")[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_secret_that_changed_while_connected_is_reported(
    sandboxes: Callable[..., Sandbox], warehouse: Warehouse
) -> None:
    calm = sandboxes("--set", "unreadable=0", "--set", "devices=5").account
    other = calm.model_copy(update={"client_secret": SecretStr("another-secret-of-32-characters!")})
    with closing(WebSocketSource(calm)) as source:
        out = io.StringIO()
        status = StatusLine(out, ConsumerMetrics("main"))
        progress = drain(other, warehouse, source=source, max_messages=40, observe=status.show)
        assert progress.landed.dead == progress.landed.stored == progress.unusable
        assert out.getvalue().count("Is CLIENT_SECRET still the access secret") == 1
        progress = drain(calm, warehouse, source=WebSocketSource(calm), max_messages=10, observe=status.show)
        assert progress.unusable == 0 and "The problem is over." in out.getvalue()


def test_without_a_terminal_the_status_is_a_line_a_minute_and_problems_appear_at_once() -> None:
    out, clock = io.StringIO(), Clock()
    status = StatusLine(out, ConsumerMetrics("main"), clock)
    status.show(progress(caught_up=True))
    status.show(progress(caught_up=True))
    status.show(progress(problem="The database is away."))
    status.show(progress(problem="The database is away."))
    status.show(progress())
    clock.now += 61
    status.show(progress(caught_up=True, landed=Landed(received=1, stored=1)))
    assert out.getvalue().splitlines() == [
        "0 messages read, 0 stored. 0/s, no message yet.",
        "The database is away.",
        "The problem is over.",
        "1 messages read, 1 stored. 0/s, caught up.",
    ]
