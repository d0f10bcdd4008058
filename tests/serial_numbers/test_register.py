"""Registering serial numbers, on both databases."""

import csv
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serial_numbers.reference import planner_order
from tuyahouse.sync.intake.rows import Blank, Refusal, Row
from tuyahouse.sync.intake.take_in import BATCH, IntakeOutcome
from tuyahouse.sync.serial_numbers.register import SourceError, read_pattern, register, source
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.serial_numbers import registry

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def at(moment):
    return lambda: moment


def listed(warehouse, account="factory"):
    with warehouse.read() as conn:
        return [(row.sn, row.order_code, row.source, row.state) for row in registry.listing(conn, account)]


def letters(warehouse):
    with warehouse.read() as conn:
        return [
            (letter.key, letter.message, letter.attempts) for letter in dead_letters.open_dead_letters(conn, "factory")
        ]


def test_rows_become_new_serial_numbers(warehouse):
    rows = [Row("row 2", "P2", "WO-2"), Row("row 3", "P1")]
    assert register(warehouse, "factory", rows, "units.csv", now=at(NOW)) == IntakeOutcome(read=2, added=2)
    assert listed(warehouse) == [("P1", None, "units.csv", "new"), ("P2", "WO-2", "units.csv", "new")]


def test_known_ones_duplicates_blanks_and_refusals_are_counted_apart(warehouse):
    register(warehouse, "factory", [Row("row 1", "P1")], "old.csv", now=at(NOW))
    refusal = Refusal("row 5", "1.2E+12", "it is shortened")
    rows = [Row("row 1", "P1"), Row("row 2", "P2"), Row("row 3", "P2"), Blank("row 4"), refusal]
    outcome = register(warehouse, "factory", rows, "units.csv", now=at(NOW))
    assert outcome == IntakeOutcome(read=5, added=1, known=1, duplicates=1, blank=1, refused_count=1, refused=[refusal])
    assert outcome.balanced


def test_duplicates_are_found_across_batches(warehouse):
    rows = [*(Row(f"row {n}", f"P{n}") for n in range(BATCH + 10)), Row("row x", "P0"), Row("row y", f"P{BATCH}")]
    outcome = register(warehouse, "factory", rows, "units.csv", now=at(NOW))
    assert (outcome.added, outcome.duplicates, outcome.known) == (BATCH + 10, 2, 0)


def test_the_work_order_option_fills_what_a_row_does_not_say(warehouse):
    register(warehouse, "factory", [Row("row 1", "P1", "WO-1"), Row("row 2", "P2")], "x", " WO-9 ", now=at(NOW))
    assert [(sn, order) for sn, order, _, _ in listed(warehouse)] == [("P1", "WO-1"), ("P2", "WO-9")]


def test_a_work_order_that_comes_later_is_filled_in(warehouse):
    register(warehouse, "factory", [Row("row 1", "P1")], "x", now=at(NOW))
    register(warehouse, "factory", [Row("row 1", "P1")], "x", "WO-1", now=at(NOW))
    assert listed(warehouse) == [("P1", "WO-1", "x", "new")]


def test_a_work_order_that_cannot_be_one_is_refused(warehouse):
    with pytest.raises(SourceError, match="work order"):
        register(warehouse, "factory", [Row("row 1", "P1")], "x", "1.5E+12", now=at(NOW))


def test_accounts_have_their_own_registry(warehouse):
    register(warehouse, "factory", [Row("row 1", "P1")], "x", now=at(NOW))
    assert register(warehouse, "plant", [Row("row 1", "P1")], "x", now=at(NOW)).added == 1


def test_a_refused_row_is_a_dead_letter_that_says_where_and_why(warehouse):
    register(warehouse, "factory", [Refusal("row 5", "1.2E+12", "it is shortened")], "units.csv", now=at(NOW))
    assert letters(warehouse) == [
        ("units.csv row 5", "units.csv, row 5: '1.2E+12' was refused, because it is shortened.", 1)
    ]


def test_reading_the_corrected_source_again_resolves_its_dead_letters_and_no_others(warehouse):
    register(warehouse, "factory", [Refusal("row 5", "x", "bad"), Refusal("row 6", "x", "bad")], "a.csv", now=at(NOW))
    register(warehouse, "factory", [Refusal("row 5", "x", "bad")], "b.csv", now=at(NOW))
    later = NOW + timedelta(hours=1)
    register(warehouse, "factory", [Row("row 5", "P5"), Refusal("row 6", "x", "bad")], "a.csv", now=at(later))
    assert [(key, attempts) for key, _, attempts in letters(warehouse)] == [("a.csv row 6", 2), ("b.csv row 5", 1)]


def test_only_the_first_hundred_refusals_are_listed_but_all_are_dead_letters(warehouse):
    rows = [Refusal(f"row {n:04d}", "x", "bad") for n in range(250)]
    outcome = register(warehouse, "factory", rows, "units.csv", now=at(NOW))
    assert (len(outcome.refused), outcome.refused_count, len(letters(warehouse))) == (100, 250, 250)


def test_a_source_that_breaks_off_keeps_what_came_and_says_how_much(warehouse):
    def rows():
        for number in range(BATCH):
            yield Row(f"row {number}", f"P{number}")
        raise SourceError("The file is damaged.")

    with pytest.raises(SourceError) as caught:
        register(warehouse, "factory", rows(), "units.csv", now=at(NOW))
    assert (
        str(caught.value)
        == "The file is damaged. 5,000 rows before that are registered; read it again once it is fixed."
    )
    assert len(listed(warehouse)) == BATCH


def test_a_source_that_breaks_off_resolves_no_dead_letter(warehouse):
    register(warehouse, "factory", [Refusal("row 5", "x", "bad")], "units.csv", now=at(NOW))

    def rows():
        yield Row("row 1", "P1")
        raise SourceError("The file is damaged.")

    with pytest.raises(SourceError):
        register(warehouse, "factory", rows(), "units.csv", now=at(NOW + timedelta(hours=1)))
    assert len(letters(warehouse)) == 1


def test_progress_is_reported_by_the_batch(warehouse):
    told = []
    register(warehouse, "factory", read_pattern("P00001..P12000"), "p", now=at(NOW), on_rows=told.append)
    assert told == [5000, 5000, 2000]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "named: none"),
        ({"path": "x.csv", "pattern": "P1..P2"}, "named: a file, a pattern"),
        ({"query": "SELECT 1"}, "needs both its URL"),
        ({"query_url": "sqlite:///x.db"}, "needs both its URL"),
        ({"query_url": "u:hunter2@h", "query": "SELECT 1"}, "is not valid"),
    ],
)
def test_exactly_one_source_has_to_be_named(named, words):
    with pytest.raises(SourceError, match=words) as caught:
        source(**named)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "called"),
    [
        ({"path": "/data/november/units.csv"}, "units.csv"),
        ({"pattern": " P1..P2 "}, "P1..P2"),
        ({"query_url": "postgresql://u:hunter2@mes/factory", "query": "SELECT 1"}, "postgresql://mes/factory"),
    ],
)
def test_a_source_has_a_name_without_secrets(named, called):
    assert source(**named)[1] == called


# ------------------------------------------------------------------------------------------- the registry and the plan

fresh_account = (f"account-{number}" for number in count())
sns = st.text("PQ0ßé序", min_size=1, max_size=3)
entries = st.one_of(
    st.builds(Row, st.just("row"), sns, st.none() | st.sampled_from(["WO-1", "WO-2"])),
    st.builds(Refusal, st.sampled_from(["row 1", "row 2"]), st.just("x"), st.just("bad")),
    st.just(Blank("row 9")),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(entries, max_size=12), max_size=3))
def test_every_row_of_every_source_is_counted_once_and_every_serial_number_is_there_once(warehouse, sources):
    account, expected = next(fresh_account), set()
    for number, rows in enumerate(sources):
        outcome = register(warehouse, account, rows, f"{number}.csv", now=at(NOW))
        came = {row.key for row in rows if isinstance(row, Row)}
        assert outcome.balanced
        assert (outcome.read, outcome.added, outcome.known) == (len(rows), len(came - expected), len(came & expected))
        expected |= came
    assert sorted(sn for sn, *_ in listed(warehouse, account)) == sorted(expected)


states = st.sampled_from(["open", "finished", "unknown", "vain", "new"])
histories = st.dictionaries(sns, st.tuples(states, st.integers(0, 3), st.integers(0, 40)), max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories)
def test_the_registry_gives_candidates_in_the_planners_order(warehouse, history):
    name = next(fresh_account)
    with warehouse.begin() as conn:
        for sn, (state, added, asked) in history.items():
            registry.add(conn, name, [registry.Unit(sn)], "x", NOW - timedelta(days=50 + added))
            moment = NOW - timedelta(days=asked)
            if state in ("open", "finished"):
                registry.mark_changed(conn, name, [registry.Change(sn, None, None, state, 0, b"h", moment)])
            elif state == "unknown":
                registry.mark_unknown(conn, name, {sn: moment})
            elif state == "vain":
                registry.mark_asked(conn, name, {sn: moment})
    with warehouse.read() as conn:
        candidates = list(registry.candidates(conn, name))
    assert candidates == sorted(candidates, key=planner_order)
    assert len(candidates) == len(history)


# ---------------------------------------------------------------------------------------------------- speed and memory


def numbers_file(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sn", "order_code"])
        writer.writerows((f"YZCB04ZZR{n:08d}", f"WO-{n // 1000}") for n in range(rows))
    return path


def test_a_hundred_thousand_rows_of_a_file_are_registered_in_seconds(warehouse, tmp_path):
    rows, name = source(path=numbers_file(tmp_path / "units.csv", 100_000))
    began = time.process_time()
    assert register(warehouse, "factory", rows, name).added == 100_000
    assert time.process_time() - began < 20


def peak(warehouse, path):
    tracemalloc.start()
    try:
        register(warehouse, "factory", source(path=path)[0], path.name)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_four_times_the_rows_take_no_more_memory(warehouse, tmp_path):
    small = peak(warehouse, numbers_file(tmp_path / "small.csv", 15_000))
    assert peak(warehouse, numbers_file(tmp_path / "large.csv", 60_000)) - small < 2_000_000
