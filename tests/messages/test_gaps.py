"""When messages may have been lost."""

from datetime import UTC, datetime, timedelta

import pytest

from tuyahouse.sync.messages.gaps import gap_after_absence, gap_in_words, gap_of_notice
from tuyahouse.warehouse.messages import gaps
from tuyahouse.warehouse.messages.gaps import Gap
from tuyahouse.warehouse.warehouse import Warehouse

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)


def test_three_hours_away_lose_the_first_of_them() -> None:
    gap = gap_after_absence(NOON, NOON + timedelta(hours=3), TWO_HOURS)
    assert gap is not None
    assert (gap.gap_from, gap.gap_to, gap.why) == (NOON, NOON + timedelta(hours=1), "away_too_long")


@pytest.mark.parametrize("away", [timedelta(0), timedelta(minutes=119), TWO_HOURS])
def test_an_absence_within_the_retention_loses_nothing(away: timedelta) -> None:
    assert gap_after_absence(NOON, NOON + away, TWO_HOURS) is None


def test_a_stream_that_was_never_read_has_no_gap() -> None:
    assert gap_after_absence(None, NOON, TWO_HOURS) is None


def test_a_gap_says_in_words_what_happened() -> None:
    gap = gap_after_absence(NOON, NOON + timedelta(hours=3), TWO_HOURS)
    assert gap is not None
    assert gap_in_words(gap) == (
        "Messages between 2026-11-20 12:00 and 2026-11-20 13:00 UTC may be lost. "
        "Nothing was read for 3 h 00 min; Tuya deletes unread messages after 2 h 00 min."
    )


def test_a_notice_reaches_back_to_the_last_read() -> None:
    assert gap_of_notice(NOON, NOON - TWO_HOURS).gap_from == NOON - TWO_HOURS
    assert gap_of_notice(NOON, None).gap_from == NOON
    assert gap_of_notice(NOON, NOON + TWO_HOURS).gap_from == NOON


def test_a_gap_stays_open_until_a_read_that_began_after_its_end(warehouse: Warehouse) -> None:
    gap = Gap(NOON, NOON + timedelta(hours=1), "away_too_long", "words")
    with warehouse.begin() as conn:
        gaps.record_gap(conn, "main", gap)
        assert gaps.close_gaps(conn, "main", NOON + timedelta(minutes=59), NOON + TWO_HOURS) == 0
        assert gaps.open_gaps(conn, "main") == [gap]
        assert gaps.close_gaps(conn, "main", NOON + timedelta(minutes=60), NOON + TWO_HOURS) == 1
        assert gaps.open_gaps(conn, "main") == []
        assert gaps.close_gaps(conn, "main", NOON + TWO_HOURS, NOON + TWO_HOURS) == 0


def test_a_gap_from_the_same_time_on_grows_and_never_shrinks(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        for hours in (1, 3, 2):
            gaps.record_gap(conn, "main", Gap(NOON, NOON + timedelta(hours=hours), "away_too_long"))
        assert [gap.gap_to for gap in gaps.open_gaps(conn, "main")] == [NOON + timedelta(hours=3)]


def test_gaps_of_other_accounts_are_not_closed(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        for account in ("main", "other"):
            gaps.record_gap(conn, account, Gap(NOON, NOON, "backlog_notice"))
        gaps.close_gaps(conn, "main", NOON, NOON)
        assert len(gaps.open_gaps(conn, "other")) == 1
