"""Shifts and zone of a factory: what is accepted, and in which words the rest is refused."""

from datetime import time

import pytest

from tuyahouse.settings import SettingsError, load_settings
from tuyahouse.settings.shifts import checked_shifts, shifts_of


def settings_with(**fields: str):
    return load_settings(accounts={"f": {"client_id": "i", "client_secret": "s", "region": "eu", **fields}}).account(
        "f"
    )


def test_shifts_are_names_and_local_starts() -> None:
    assert shifts_of("early=06:00, late=14:00,night=22:00") == (
        ("early", time(6)),
        ("late", time(14)),
        ("night", time(22)),
    )
    assert checked_shifts("Früh=6:15") == "Früh=06:15"


def test_a_last_shift_may_begin_after_midnight() -> None:
    assert [name for name, _ in shifts_of("late=14:00,night=22:00,deep=02:00")] == ["late", "night", "deep"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("early", "where a shift is expected; write early=06:00,late=14:00"),
        ("", "where a shift is expected"),
        ("early=25:00", "'early=25:00' where a shift is expected"),
        ("a=06:00,a=14:00", "names a shift twice"),
        ("none=06:00", "stands for no shift"),
        ("a=06:10", "a shift at 06:10: a shift begins on a quarter of an hour"),
        ("a=06:00,b=06:00", "overlap"),
        ("a=06:00,b=14:00,c=10:00", "overlap: name them in their order"),
        ("a=06:00,b=22:00,c=07:00", "overlap"),
    ],
)
def test_other_shifts_are_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match="TUYAHOUSE_ACCOUNTS__F__FACTORY_SHIFTS") as refused:
        settings_with(factory_shifts=text)
    assert words in str(refused.value)


def test_a_zone_that_does_not_exist_is_refused_with_one_that_does() -> None:
    with pytest.raises(SettingsError, match=r"'shanghai' is not a time zone.*Did you mean Asia/Shanghai"):
        settings_with(factory_time_zone="shanghai")
    assert settings_with(factory_time_zone="Asia/Shanghai").factory_time_zone == "Asia/Shanghai"


@pytest.mark.parametrize("text", ["90m", "0s", "P1DT1S"])
def test_a_unit_is_stuck_after_whole_hours(text: str) -> None:
    with pytest.raises(SettingsError, match="not a number of whole hours"):
        settings_with(stuck_after=text)


def test_false_means_failed_or_open() -> None:
    assert settings_with(false_means="OPEN").false_means == "open"
    with pytest.raises(SettingsError, match="FALSE_MEANS"):
        settings_with(false_means="maybe")
