"""What the strategies choose, whatever the counts say: pure, and the same for the same situation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serial_numbers.test_due import NOW, POLICY
from tuyahouse.sync.serial_numbers.due import is_overdue, overdue_before
from tuyahouse.sync.serial_numbers.strategies import STRATEGIES
from tuyahouse.sync.serial_numbers.strategies.situation import REASONS, Order, Situation
from tuyahouse.times import CLOCKS_DIFFER

MOST = timedelta(days=7)
BEGUN = NOW - timedelta(minutes=10)


@dataclass(frozen=True)
class Unit:
    sn: str
    state: str
    added_at: datetime
    last_asked_at: datetime | None
    last_changed_at: datetime | None
    unknown_times: int = 0
    place: int | None = None
    newest_at: datetime | None = None


ages = st.integers(0, 20 * 24).map(lambda hours: BEGUN - timedelta(hours=hours, seconds=1))


@st.composite
def units(draw, sn: str, states=("new", "open", "open", "open", "unknown")) -> Unit:
    state = draw(st.sampled_from(states))
    asked = None if state == "new" else draw(st.one_of(ages, st.just(NOW + timedelta(days=400)), st.just(BEGUN)))
    newest = draw(st.none() | ages)
    return Unit(sn, state, draw(ages), asked, newest, 1, draw(st.none() | st.integers(1, 5)), newest)


def _rank(one: Unit, overdue_before: datetime) -> int:
    return -1 if is_overdue(one, overdue_before) else one.last_asked_at is not None


@st.composite
def situations(draw) -> tuple[Situation, list[Unit]]:
    """A situation, and all units that are registered."""
    registered: list[tuple[str, Unit]] = []
    orders = []
    for number in range(draw(st.integers(0, 3))):
        code = f"W{number}"
        mine = [draw(units(f"{code}-{n:03d}")) for n in range(draw(st.integers(0, 8)))]
        fed = [draw(units(f"{code}-F{n}", ("finished",))) for n in range(draw(st.integers(0, 3)))]
        registered += [(code, one) for one in mine] + [("", one) for one in fed]
        orders.append(
            Order(
                code,
                places=(1, 2, 3),
                units=mine,
                missing=draw(st.dictionaries(st.integers(1, 3), st.integers(-5, 40))),
                fed=fed,
                scouts=fed[:2],
                audited=draw(st.booleans()),
                counted=draw(st.booleans()),
                looks=draw(st.integers(1, 6)),
            )
        )
    registered += [("", draw(units(f"L{n}"))) for n in range(draw(st.integers(0, 5)))]
    before = overdue_before(NOW, MOST)

    def candidates(counted: frozenset[str]) -> Iterator[Unit]:
        """As the warehouse gives them: overdue ones, those never asked, others.

        Of orders that counts decide about those too old, or asked in the future."""
        for code, one in sorted(registered, key=lambda each: _rank(each[1], before)):
            since = one.last_asked_at or one.added_at
            if one.last_asked_at and BEGUN <= one.last_asked_at <= NOW + CLOCKS_DIFFER:
                continue
            ahead = one.last_asked_at is not None and one.last_asked_at > NOW + CLOCKS_DIFFER
            if code not in counted or since <= before or ahead:
                yield one

    counted = frozenset(draw(st.sets(st.sampled_from([one.code for one in orders])))) if orders else frozenset()
    return (
        Situation(
            now=NOW,
            policy=POLICY,
            overdue_before=before,
            candidates=candidates,
            begun=BEGUN,
            stage=draw(st.integers(1, 4)),
            counted=counted,
            orders=[one for one in orders if one.code in counted or one.audited],
        ),
        [one for _, one in registered],
    )


def too_old(one: Unit) -> bool:
    return one.state in ("new", "open") and one.last_asked_at is not None and one.last_asked_at <= NOW - MOST


@given(situations())
def test_whatever_the_counts_say_every_overdue_one_is_asked_and_comes_first(made: tuple[Situation, list[Unit]]) -> None:
    situation, registered = made
    chosen = list(STRATEGIES["pass_counts"](situation))
    overdue = {one.sn for one in registered if too_old(one)}
    assert overdue <= {one.sn for one in chosen}
    if situation.counted:
        reasons = [one.reason == "overdue" for one in chosen]
        new = {one.sn for one in chosen if one.reason == "new"}
        firsts = {one.sn for one in chosen[: len(overdue | new) + reasons.count(True)]}
        assert overdue <= firsts, "a budget that ends early pays for them"


@pytest.mark.parametrize("name", STRATEGIES)
@given(situations())
def test_a_plan_is_the_same_for_the_same_state_and_asks_no_one_twice(name, made: tuple[Situation, list[Unit]]) -> None:
    situation, registered = made
    chosen = list(STRATEGIES[name](situation))
    assert chosen == list(STRATEGIES[name](situation))
    assert len({one.sn for one in chosen}) == len(chosen)
    assert {one.sn for one in chosen} <= {one.sn for one in registered}
    assert {one.reason for one in chosen} <= REASONS.keys()


@given(situations())
def test_a_unit_that_this_run_has_asked_is_not_asked_again(made: tuple[Situation, list[Unit]]) -> None:
    situation, registered = made
    asked = {one.sn for one in registered if one.last_asked_at == BEGUN}
    fed = {one.sn for order in situation.orders for one in order.fed}
    assert not (asked - fed).intersection(one.sn for one in STRATEGIES["pass_counts"](situation))


@given(situations())
def test_where_nothing_moved_only_samples_are_asked_of_an_order(made: tuple[Situation, list[Unit]]) -> None:
    situation, _ = made
    still = [Order(one.code, one.places, one.units, dict.fromkeys((1, 2, 3), 0)) for one in situation.orders]
    quiet = Situation(
        now=NOW,
        policy=POLICY,
        overdue_before=situation.overdue_before,
        candidates=lambda counted: iter(()),
        begun=BEGUN,
        counted=frozenset(one.code for one in still),
        orders=still,
    )
    chosen = list(STRATEGIES["pass_counts"](quiet))
    assert {one.reason for one in chosen} <= {"sampled"}
    assert len(chosen) <= 2 * 3 * len(still)
