"""Reading a list that promises little: page numbers, caps, totals that lie, rows that move."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.sync.devices.listing.sweep import MOST_BARREN, MOST_SWEEPS, Judgement, Standing, Sweep, SweepCount, judge

Ask = Callable[[int], tuple[list[str], int | None]]


def names(count: int) -> list[str]:
    return [f"d{number:04}" for number in range(count)]


def paged(devices: list[str], size: int, *, first: int = 1, total: int | None = -1) -> Ask:
    def ask(page: int) -> tuple[list[str], int | None]:
        start = (page - first) * size
        held = devices[start : start + size] if page >= first else []
        return held, len(devices) if total == -1 else total

    return ask


def read(sweep: Sweep, ask: Ask, at_once: int = 1) -> tuple[list[int], set[str]]:
    asked: list[int] = []
    met: set[str] = set()
    while wanted := sweep.wanted(at_once):
        for page in wanted:
            ids, total = ask(page)
            asked.append(page)
            sweep.take(ids, total)
            if sweep.reached_total and ids:
                sweep.note_landed(new=not met.issuperset(ids))
            met.update(ids)
        assert len(asked) < 1000
    return asked, met


def test_a_list_whose_last_page_is_shorter_ends_with_it() -> None:
    assert read(Sweep(), paged(names(120), 50)) == ([1, 2, 3], set(names(120)))


def test_a_list_of_full_pages_is_read_until_an_empty_one() -> None:
    assert read(Sweep(), paged(names(100), 50)) == ([1, 2, 3], set(names(100)))


def test_a_page_size_capped_in_silence_does_not_shorten_the_list() -> None:
    assert read(Sweep(), paged(names(260), 50))[1] == set(names(260))


def test_a_total_that_is_too_low_does_not_shorten_the_list() -> None:
    assert read(Sweep(), paged(names(260), 50, total=50))[1] == set(names(260))


def test_a_total_that_is_too_high_does_not_keep_the_sweep_going() -> None:
    assert read(Sweep(), paged(names(120), 50, total=999))[0] == [1, 2, 3, 4]


def test_a_list_without_a_total_is_read_until_an_empty_page() -> None:
    assert read(Sweep(), paged(names(70), 50, total=None)) == ([1, 2, 3], set(names(70)))


def test_an_empty_list_costs_one_call() -> None:
    assert read(Sweep(), paged([], 50)) == ([1], set())


def test_a_server_that_answers_its_last_page_for_ever_is_noticed() -> None:
    def clamped(page: int) -> tuple[list[str], int | None]:
        return names(100)[50:] if page > 1 else names(50), 100

    assert read(Sweep(), clamped) == ([1, 2, 3], set(names(100)))


def test_a_server_that_answers_its_last_page_for_ever_in_changing_order_is_noticed() -> None:
    def clamped(page: int) -> tuple[list[str], int | None]:
        last = names(100)[50:]
        return names(50) if page == 1 else last[page:] + last[:page], 100

    assert read(Sweep(), clamped) == ([1, 2, 3], set(names(100)))


def test_pages_numbered_from_0_are_met_by_a_sweep_from_0() -> None:
    ask = paged(names(120), 50, first=0)
    assert read(Sweep(), ask)[1] < set(names(120))
    from_0 = Sweep(first_page=0)
    assert read(from_0, ask)[1] == set(names(120))
    assert from_0.has_page_0


def test_a_sweep_from_0_reads_a_list_numbered_from_1_that_has_no_page_0() -> None:
    assert read(Sweep(first_page=0), paged(names(120), 50))[1] == set(names(120))


def test_a_sweep_from_0_reads_a_list_numbered_from_1_that_answers_page_0_with_page_1() -> None:
    ask, sweep = paged(names(120), 50), Sweep(first_page=0)
    assert read(sweep, lambda page: ask(max(page, 1)))[1] == set(names(120))
    assert (sweep.has_page_0, sweep.rows) == (False, 120)


def test_pages_are_asked_several_at_once_only_where_the_total_says_that_they_exist() -> None:
    sweep = Sweep()
    assert sweep.wanted(8) == [1]
    sweep.take(names(50), 220)
    assert sweep.wanted(8) == [2, 3, 4, 5]
    assert sweep.wanted(2) == [2, 3]


@given(count=st.integers(0, 300), size=st.integers(1, 60), at_once=st.integers(1, 9), first=st.sampled_from([0, 1]))
def test_every_still_list_is_read_whole(count: int, size: int, at_once: int, first: int) -> None:
    sweep = Sweep(first_page=first)
    assert read(sweep, paged(names(count), size, first=first), at_once)[1] == set(names(count))


def steady(devices: int) -> SweepCount:
    return SweepCount(devices=devices, repeated=0, totals=(devices,), known=devices)


def test_one_steady_sweep_suffices_when_nothing_would_vanish() -> None:
    assert judge([steady(120)], gone=0).standing is Standing.COMPLETE


def test_a_device_that_is_missing_calls_for_a_second_sweep() -> None:
    assert judge([steady(120)], gone=1).standing is Standing.AGAIN


def test_rows_met_twice_call_for_a_second_sweep() -> None:
    assert judge([SweepCount(119, 1, (120,), known=119)], gone=0).standing is Standing.AGAIN


def test_two_sweeps_that_agree_are_the_truth() -> None:
    assert judge([SweepCount(119, 1, (120,), known=119), steady(120)], gone=5).standing is Standing.COMPLETE


def test_two_sweeps_that_differ_in_a_fact_do_not_agree() -> None:
    changed = SweepCount(120, 0, (120,), changed=1, known=120)
    assert judge([steady(120), changed], gone=1).standing is Standing.AGAIN


def test_two_sweeps_that_agree_on_less_than_the_total_are_incomplete_and_say_so() -> None:
    short = SweepCount(100, 0, (120,), known=100)
    assert judge([short, short], gone=20) == Judgement(
        Standing.INCOMPLETE, "Tuya says there are 120 devices, but two sweeps found the same 100"
    )


def test_a_total_below_what_two_sweeps_found_is_noted() -> None:
    more = SweepCount(130, 0, (120,), known=130)
    assert judge([more, more], gone=0) == Judgement(
        Standing.COMPLETE, "Tuya says there are 120 devices, but there are 130"
    )


def test_sweeps_that_together_met_every_device_suffice_although_none_did_alone() -> None:
    first = SweepCount(110, 10, (120,), known=110)
    second = SweepCount(112, 8, (120,), new=9, missing=7, known=120, new_to_all=10)
    third = SweepCount(111, 9, (120,), new=5, missing=6, known=120, new_to_all=0)
    assert judge([first, second], gone=0).standing is Standing.AGAIN
    assert judge([first, second, third], gone=0).standing is Standing.COMPLETE


def test_sweeps_that_never_agree_are_given_up() -> None:
    moving = [SweepCount(110, 10, (120, 121), new=3, missing=3, known=150, new_to_all=1)] * MOST_SWEEPS
    assert judge(moving, gone=0).standing is Standing.INCOMPLETE


@given(count=st.integers(0, 60), size=st.integers(1, 20), turns=st.lists(st.integers(0, 3), max_size=60))
def test_whatever_moves_between_pages_a_list_called_complete_has_every_device(
    count: int, size: int, turns: list[int]
) -> None:
    devices, turned = names(count), 0
    moves = iter(turns)

    def ask(page: int) -> tuple[list[str], int | None]:
        nonlocal turned
        order = devices[turned:] + devices[:turned]
        turned = (turned + next(moves, 0)) % max(count, 1)
        return order[(page - 1) * size : page * size] if page else [], count

    met: list[set[str]] = []
    counts: list[SweepCount] = []
    while not counts or judge(counts, gone=1).standing is Standing.AGAIN:
        sweep = Sweep()
        met.append(read(sweep, ask)[1])
        before = met[-2] if len(met) > 1 else set()
        earlier = set().union(*met[:-1])
        counts.append(
            SweepCount(
                devices=len(met[-1]),
                repeated=sweep.rows - len(met[-1]),
                totals=tuple(sweep.totals),
                new=len(met[-1] - before),
                missing=len(before - met[-1]),
                known=len(earlier | met[-1]),
                new_to_all=len(met[-1] - earlier),
            )
        )
    if judge(counts, gone=1).standing is Standing.COMPLETE:
        assert set().union(*met) == set(devices)


def test_a_list_that_alternates_the_same_devices_under_a_growing_total_ends() -> None:
    sweep, asked = Sweep(), 0
    while wanted := sweep.wanted(1):
        for page in wanted:
            asked += 1
            sweep.take(["a", "b"] if page % 2 else ["c", "d"], page * 2 + 100)
            sweep.note_landed(new=page <= 2)
        assert asked < 100
    assert asked == 2 + MOST_BARREN
