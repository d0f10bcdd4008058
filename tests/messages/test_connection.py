"""Times without a connection, and when it is tried again."""

from tuyahouse.messages.sources.backoff import Backoff
from tuyahouse.messages.sources.connection import ConnectionLog
from tuyahouse.messages.sources.source import Outage


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_up_to_the_limit_and_begin_again_after_success() -> None:
    backoff = Backoff(at_most=10, chance=lambda: 0.0)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next() == 1


def test_a_wait_is_shortened_by_half_at_most() -> None:
    assert Backoff(chance=lambda: 0.999).next() > 0.5


def test_a_lost_connection_is_reported_with_its_times_once_it_is_back() -> None:
    clock = Clock()
    log = ConnectionLog(clock)
    log.up()
    clock.now = 1010.0
    log.down("gone")
    clock.now = 1070.0
    log.down("still gone")
    assert (log.connected, log.problem, log.outage_seconds) == (False, "still gone", 60.0)
    log.up()
    assert (log.take_outages(), log.take_outages(), log.problem) == ([Outage(1010.0, 1070.0)], [], "")


def test_a_first_connection_that_needs_several_tries_is_no_time_away() -> None:
    log = ConnectionLog(Clock())
    log.failed("refused")
    log.up()
    assert log.take_outages() == []


def test_after_a_failed_try_the_next_one_is_due_later() -> None:
    clock = Clock()
    log = ConnectionLog(clock, Backoff(chance=lambda: 0.0))
    log.failed("refused")
    clock.now += 0.25
    assert log.wait_seconds() == 0.75
