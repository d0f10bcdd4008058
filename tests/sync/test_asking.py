"""Every key ends in exactly one place, whatever happens while it is asked."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    BudgetReached,
    ClockWrong,
    ConfigurationWrong,
    ItemRefused,
    NotFound,
    PassingFault,
    QuotaExhausted,
    Throttled,
    TuyaError,
    UnusableAnswer,
)
from tuyahouse.sync.asking import Asked, ask_all

KEYS = [f"K{n}" for n in range(10)]
PASSING = {
    "answer": None,
    "not found": NotFound("Tuya does not know it"),
    "item": ItemRefused("refused", code="1109"),
    "fault": PassingFault("cut"),
    "throttled": Throttled("slower", code="1110"),
    "shape": UnusableAnswer("no list", b"{}"),
}
STOPPING = [
    QuotaExhausted("used up", code="28841004"),
    BudgetReached("MONTHLY_CALLS is used up"),
    ConfigurationWrong("wrong region", code="28841107"),
    AuthenticationRefused("refused", code="1010"),
    ClockWrong("refused", code="1013"),
]


async def ask(outcomes, keys=KEYS, workers=1, **options):
    """Ask the keys, each with its outcome of this dictionary: an error to raise, else an answer."""
    asked: Asked[str] = Asked()

    async def one(key):
        await asyncio.sleep(0)
        if error := outcomes.get(key):
            raise error
        return f"answer to {key}"

    await ask_all(iter(keys), one, asked, kind="test", workers=workers, **options)
    return asked


def places(asked):
    """Every place of every key."""
    return Counter(
        [key for key, _ in asked.answers] + asked.empty + [letter.key for letter in asked.dead_letters] + asked.left
    )


@pytest.mark.parametrize(("times", "stops"), [(1, False), (2, False), (3, True)])
async def test_a_token_that_dies_again_when_it_was_just_renewed_is_no_reason_to_stop(times, stops):
    asked, refusals = Asked(), [AuthenticationRefused("refused", code="1010")] * times

    async def one(key):
        if key == "K3" and refusals:
            raise refusals.pop()
        return key

    await ask_all(iter(KEYS), one, asked, kind="test", workers=1)
    assert (asked.stopped_by is not None) is stops
    assert set(places(asked).values()) == {1} and len(asked.left) == (7 if stops else 0)


async def test_a_large_answer_that_comes_when_much_is_held_is_left_to_be_asked_again():
    sizes = {"K0": 30_000_000, "K1": 30_000_000, "K2": 900_000, "K3": 100}
    asked: Asked[str] = Asked()

    async def one(key):
        await asyncio.sleep(0)
        asked.hold(key, sizes[key])
        return key

    counted = []
    options = {"workers": 4, "in_parts": True, "on_key": lambda: counted.append(1)}
    await ask_all(iter(sizes), one, asked, kind="test", **options)
    assert [key for key, _ in asked.answers] == ["K0", "K2", "K3"] and asked.left == ["K1"] and asked.full
    assert len(counted) == 3


async def test_a_key_with_several_large_answers_comes_to_its_end_beside_others_like_it():
    asked: Asked[str] = Asked()

    async def one(key):
        for size in (900_000, 20_000_000, 20_000_000):
            await asyncio.sleep(0)
            asked.hold(key, size)
        return key

    await ask_all(iter(KEYS), one, asked, kind="test", workers=4, in_parts=True)
    assert [key for key, _ in asked.answers] == ["K0"] and set(places(asked).values()) == {1} and asked.full


async def test_a_key_tuya_does_not_know_is_empty():
    asked = await ask({"K3": NotFound("unknown")})
    assert asked.empty == ["K3"] and asked.asked == 10


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ItemRefused("refused", code="1109"), "item_error"),
        (PassingFault("cut"), "retries_exhausted"),
        (Throttled("slower", code="1110"), "retries_exhausted"),
    ],
)
async def test_a_call_that_ends_in_an_error_is_a_failed_letter(error, reason):
    asked = await ask({"K3": error})
    assert [(letter.key, letter.reason, letter.code) for letter in asked.failed] == [("K3", reason, error.code)]
    assert asked.rejected == [] and len(asked.answers) == 9


async def test_an_answer_of_a_wrong_shape_is_a_rejected_letter_with_its_bytes():
    asked = await ask({"K3": UnusableAnswer("no list", b'{"a":1}')})
    assert [(letter.key, letter.reason, letter.raw) for letter in asked.rejected] == [
        ("K3", "unusable_answer", b'{"a":1}')
    ]


@pytest.mark.parametrize("error", STOPPING, ids=lambda error: type(error).__name__)
async def test_what_would_meet_every_key_stops_and_leaves_the_rest(error):
    asked = await ask({"K3": error})
    assert asked.stopped_by is error
    assert [key for key, _ in asked.answers] == ["K0", "K1", "K2"]
    assert sorted(asked.left) == KEYS[3:] and asked.dead_letters == []


async def test_a_stop_asks_no_key_beyond_those_in_flight():
    asked_keys = []
    asked: Asked[str] = Asked()

    async def one(key):
        asked_keys.append(key)
        await asyncio.sleep(0)
        raise QuotaExhausted("used up")

    await ask_all(iter(KEYS), one, asked, kind="test", workers=3)
    assert asked_keys == ["K0", "K1", "K2"] and sorted(asked.left) == KEYS


async def test_an_outage_stops_asking_instead_of_leaving_a_dead_letter_for_every_key():
    asked = await ask(dict.fromkeys(KEYS, PassingFault("no connection")), patience=4)
    assert isinstance(asked.stopped_by, PassingFault)
    assert len(asked.failed) == 4 and sorted(asked.left) == KEYS[4:]


async def test_no_connection_stops_at_once():
    away = PassingFault("no connection", reached=False)
    asked = await ask({"K3": away})
    assert asked.stopped_by is away and asked.dead_letters == []
    assert sorted(asked.left) == KEYS[3:]


async def test_nothing_but_faults_is_an_outage_however_few_keys_there_are():
    asked = await ask(dict.fromkeys(KEYS, PassingFault("HTTP 502")), workers=3)
    assert isinstance(asked.stopped_by, PassingFault)
    assert asked.dead_letters == [] and sorted(asked.left) == KEYS


async def test_a_few_keys_that_tuya_cannot_answer_are_dead_letters():
    asked = await ask(dict.fromkeys(["K0", "K1"], PassingFault("500")), ["K0", "K1"])
    assert asked.stopped_by is None and len(asked.failed) == 2


async def test_faults_with_answers_between_them_are_no_outage():
    faulty = dict.fromkeys(["K0", "K1", "K3", "K4", "K6", "K7"], PassingFault("cut"))
    asked = await ask(faulty, patience=2)
    assert asked.stopped_by is None and len(asked.failed) == 6 and len(asked.answers) == 4


async def test_a_cancelled_asking_accounts_for_every_key():
    asked: Asked[str] = Asked()
    begun = asyncio.Event()

    async def one(key):
        if key == "K4":
            begun.set()
            await asyncio.Event().wait()
        return key

    task = asyncio.create_task(ask_all(iter(KEYS), one, asked, kind="test", workers=1))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [key for key, _ in asked.answers] == KEYS[:4] and sorted(asked.left) == KEYS[4:]


async def test_an_error_of_our_own_comes_out_as_it_is_with_every_key_accounted_for():
    asked: Asked[str] = Asked()

    async def one(key):
        await asyncio.sleep(0)
        if key == "K4":
            raise OSError("the disk is full")
        return key

    with pytest.raises(OSError, match="the disk is full"):
        await ask_all(iter(KEYS), one, asked, kind="test", workers=3)
    assert places(asked) == Counter(KEYS)


async def test_keys_are_pulled_only_as_workers_come_free():
    pulled, ahead = [], []
    asked: Asked[str] = Asked()

    def keys():
        for key in KEYS:
            pulled.append(key)
            yield key

    async def one(key):
        await asyncio.sleep(0)
        ahead.append(len(pulled) - len(asked.answers))
        return key

    await ask_all(keys(), one, asked, kind="test", workers=3)
    assert max(ahead) == 3


async def test_every_key_that_ended_is_reported_once():
    told = []
    await ask({"K3": NotFound("unknown"), "K5": PassingFault("cut")}, workers=4, on_key=lambda: told.append(1))
    assert len(told) == 10


@given(
    st.lists(st.sampled_from([*PASSING, *range(len(STOPPING))]), max_size=40),
    st.integers(1, 8),
    st.integers(0, 5),
)
def test_whatever_is_met_each_key_ends_in_exactly_one_place(fates, workers, patience):
    keys = [f"K{n}" for n in range(len(fates))]
    errors: dict[str, TuyaError | None] = {
        key: STOPPING[fate] if isinstance(fate, int) else PASSING[fate] for key, fate in zip(keys, fates, strict=True)
    }
    asked = asyncio.run(ask(errors, keys, workers, patience=patience))
    assert places(asked) == Counter(keys)
    assert bool(asked.left) <= bool(asked.stopped_by)
