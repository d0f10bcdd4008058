"""The consumer's loop: nothing is acknowledged before it is stored, and nothing stops it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.messages import samples
from tests.messages.scripted_source import AT, ScriptedSource, all_received, received
from tests.messages.sealing import ACCESS_KEY, sealed
from tests.messages.stream import stream
from tuyahouse.messages.reading import MessageReader
from tuyahouse.messages.sources.source import Outage, Received
from tuyahouse.sync.messages.consumer import Limits, MessageConsumer, Progress
from tuyahouse.sync.messages.land import Landed, Landing
from tuyahouse.warehouse.errors import SchemaError, WarehouseAway
from tuyahouse.warehouse.messages import gaps, ledger
from tuyahouse.warehouse.warehouse import Warehouse


class Clock:
    """Time that passes by looking at it: a millisecond each time, and whatever is slept."""

    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def consumer(
    warehouse: Warehouse, source: ScriptedSource, clock: Clock | None = None, **options: Any
) -> MessageConsumer:
    clock = clock or Clock()
    landing = Landing(warehouse, "main", "pulsar", MessageReader(ACCESS_KEY), now=clock)
    return MessageConsumer(
        warehouse, "main", source, landing, retention=timedelta(hours=2), now=clock, sleep=clock.sleep, **options
    )


def count(warehouse: Warehouse, table: str) -> int:
    with warehouse.read() as conn:
        return int(conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)


QUIET = Limits(quiet_seconds=1)


def test_it_reads_until_nothing_more_comes(warehouse: Warehouse) -> None:
    source = ScriptedSource(all_received(stream(2500)))
    progress = consumer(warehouse, source).run(QUIET)
    assert (progress.landed.received, progress.caught_up, source.waiting) == (2500, True, {})
    assert count(warehouse, "raw_message") == 2500


def test_it_stops_at_its_number_of_messages(warehouse: Warehouse) -> None:
    source = ScriptedSource(all_received(stream(2500)))
    assert consumer(warehouse, source).run(Limits(messages=1200)).landed.received == 1200
    assert count(warehouse, "raw_message") == 1200 == len(source.acknowledged)


def test_it_stops_when_its_time_is_over(warehouse: Warehouse) -> None:
    clock = Clock()
    consumer(warehouse, ScriptedSource([]), clock).run(Limits(seconds=30))
    assert timedelta(seconds=30) <= clock.now - AT < timedelta(seconds=31)


def test_every_message_is_acknowledged_by_itself(warehouse: Warehouse) -> None:
    source = ScriptedSource(all_received(stream(300)))
    consumer(warehouse, source).run(QUIET)
    assert sorted(source.acknowledged) == sorted(f"7:{n}:0:-1" for n in range(300))


class Failing:
    """Makes the next transactions of a warehouse fail."""

    def __init__(self, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int) -> None:
        self.left, begin = times, warehouse.begin

        def failing() -> Any:
            if self.left:
                self.left -= 1
                raise error
            return begin()

        monkeypatch.setattr(warehouse, "begin", failing)


def test_while_the_database_is_away_nothing_is_acknowledged_and_then_it_goes_on(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ScriptedSource([received(sealed(samples.ONLINE))])
    Failing(warehouse, monkeypatch, WarehouseAway("The database is away."), times=5)
    seen: list[tuple[str, int]] = []

    def observe(progress: Progress) -> None:
        seen.append((progress.problem, len(source.acknowledged)))

    progress = consumer(warehouse, source, observe=observe).run(QUIET)
    assert seen[:5] == [("The database is away.", 0)] * 5
    assert (progress.problem, source.acknowledged, count(warehouse, "raw_message")) == ("", ["7:1:0:-1"], 1)


def test_its_time_is_over_while_the_database_is_away_too(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source = Clock(), ScriptedSource([received(sealed(samples.ONLINE))])
    Failing(warehouse, monkeypatch, WarehouseAway("The database is away."), times=10**6)
    progress = consumer(warehouse, source, clock).run(Limits(seconds=60))
    assert timedelta(seconds=60) <= clock.now - AT < timedelta(seconds=61)
    assert (progress.problem, source.acknowledged) == ("The database is away.", [])


def test_a_database_that_takes_long_is_not_taken_for_a_stream_that_has_ended(warehouse: Warehouse) -> None:
    clock, source = Clock(), ScriptedSource(all_received(stream(2500)))
    slow = consumer(warehouse, source, clock)
    land = slow._landing.land

    def landed(messages: list[Received], *, reconnects: int = 0) -> Landed:
        clock.sleep(30)
        return land(messages, reconnects=reconnects)

    slow._landing.land = landed  # type: ignore[method-assign, assignment]
    progress = slow.run(Limits(quiet_seconds=5))
    assert (progress.landed.received, progress.caught_up) == (2500, True)


def test_a_consumer_without_a_connection_has_not_caught_up(warehouse: Warehouse) -> None:
    clock, source = Clock(), ScriptedSource([received(sealed(samples.ONLINE))])

    def observe(progress: Progress) -> None:
        if progress.caught_up:
            source.connected, source.problem = False, "The connection is lost."

    progress = consumer(warehouse, source, clock, observe=observe).run(Limits(seconds=1))
    assert (progress.caught_up, progress.problem) == (False, "The connection is lost.")


def test_a_stop_while_the_database_is_away_leaves_the_batch_unacknowledged(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ScriptedSource([received(sealed(samples.ONLINE))])
    Failing(warehouse, monkeypatch, WarehouseAway("away"), times=10**6)
    stop = False

    def observe(progress: Progress) -> None:
        nonlocal stop
        stop = bool(progress.problem)

    consumer(warehouse, source, observe=observe, stopping=lambda: stop).run()
    assert source.acknowledged == []


def test_a_warehouse_of_another_version_ends_it(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    Failing(warehouse, monkeypatch, SchemaError("another version"), times=1)
    with pytest.raises(SchemaError):
        consumer(warehouse, ScriptedSource([received(b"x")])).run(QUIET)


def spans(warehouse: Warehouse) -> list[tuple[datetime, datetime]]:
    with warehouse.read() as conn:
        return [(gap.gap_from, gap.gap_to) for gap in gaps.open_gaps(conn, "main")]


def near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(seconds=1)


@pytest.mark.parametrize("waiting", [[], [received(sealed(samples.ONLINE), published_at=AT + timedelta(hours=3))]])
def test_three_hours_without_a_consumer_are_a_gap(warehouse: Warehouse, waiting: list[Any]) -> None:
    consumer(warehouse, ScriptedSource([])).run(Limits(seconds=1))
    progress = consumer(warehouse, ScriptedSource(waiting), Clock(AT + timedelta(hours=3))).run(QUIET)
    ((begin, end),) = spans(warehouse)
    assert near(begin, AT) and near(end, AT + timedelta(hours=1))
    assert [gap.gap_from for gap in progress.gaps] == [begin]


def test_an_hour_without_a_consumer_is_none(warehouse: Warehouse) -> None:
    consumer(warehouse, ScriptedSource([])).run(Limits(seconds=1))
    consumer(warehouse, ScriptedSource([]), Clock(AT + timedelta(hours=1))).run(QUIET)
    assert spans(warehouse) == []


def test_the_first_start_of_all_has_no_gap(warehouse: Warehouse) -> None:
    consumer(warehouse, ScriptedSource([received(b"", published_at=AT - timedelta(days=3))])).run(QUIET)
    assert spans(warehouse) == []


def test_a_connection_lost_for_three_hours_is_a_gap_and_a_reconnect(warehouse: Warehouse) -> None:
    clock, source = Clock(), ScriptedSource([])
    stops = iter([False, False, True])
    at_work = consumer(warehouse, source, clock, stopping=lambda: next(stops), observe=_lose(clock, source))
    progress = at_work.run()
    assert (progress.reconnects, progress.outage_seconds) == (1, 10_800)
    ((begin, end),) = spans(warehouse)
    assert near(begin, AT) and near(end, AT + timedelta(hours=1))
    with warehouse.read() as conn:
        assert ledger.consumers(conn, "main")[0].reconnects == 1


def _lose(clock: Clock, source: ScriptedSource) -> Callable[[Progress], None]:
    def observe(progress: Progress) -> None:
        if not progress.reconnects:
            since = clock.now.timestamp()
            clock.sleep(10_800)
            source.outages.append(Outage(since, since + 10_800))

    return observe


def test_a_database_away_for_three_hours_is_a_gap(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    consumer(warehouse, ScriptedSource([]), clock).run(Limits(seconds=1))
    Failing(warehouse, monkeypatch, WarehouseAway("away"), times=2)
    source = ScriptedSource([received(sealed(samples.ONLINE), published_at=AT + timedelta(hours=3))])

    def observe(progress: Progress) -> None:
        if progress.problem:
            clock.sleep(5400)

    consumer(warehouse, source, clock, observe=observe).run(QUIET)
    assert len(spans(warehouse)) == 1
