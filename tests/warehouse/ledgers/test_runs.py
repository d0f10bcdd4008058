"""Runs, their chunks, and the balance."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tuyahouse.outcome import Outcome
from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.ledgers.refusals import record_refusal
from tuyahouse.warehouse.tables import ops_run
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)


def begin(warehouse: Warehouse, key: str = "nightly/2026-11-20") -> runs.Run:
    return runs.start_run(warehouse, "factory", "sync_sn_flows", key, {"limit": 5}, AT)


def planned(warehouse: Warehouse, *chunks: list[str]) -> runs.Run:
    run = begin(warehouse)
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, iter(chunks))
    return begin(warehouse)


def reserve(warehouse: Warehouse, run_id: str, calls: int) -> None:
    slots = warehouse.slots.of_run(run_id)
    slots.reserve("factory", "GET /x", per_second=0, want=calls, monthly_calls=None)


def finish(warehouse: Warehouse, run: runs.Run, chunk: int, outcome: Outcome, *left: str) -> None:
    with warehouse.begin() as conn:
        run_chunks.finish_chunk(conn, run.run_id, chunk, outcome, left, AT)


def test_a_new_run_has_no_plan(warehouse: Warehouse) -> None:
    run = begin(warehouse)
    assert (run.planned, run.resumed, run.outcome) == (None, False, Outcome())


def test_the_same_run_key_continues_the_run(warehouse: Warehouse) -> None:
    first = begin(warehouse)
    again = begin(warehouse)
    assert (again.run_id, again.resumed) == (first.run_id, True)


def test_another_run_key_flow_or_account_is_another_run(warehouse: Warehouse) -> None:
    ids = {runs.run_id_of("a", "f", "k"), runs.run_id_of("b", "f", "k"), runs.run_id_of("a", "g", "k")}
    assert len(ids | {runs.run_id_of("a", "f", "l"), runs.run_id_of("af", "", "k")}) == 5


def test_a_planned_run_hands_out_its_chunks(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1", "S2"], ["S3"])
    assert run.planned == 3
    assert run_chunks.open_chunks(warehouse, run.run_id) == [0, 1]
    keys = run_chunks.load_chunk(warehouse, run.run_id, 1)
    assert keys == ["S3"]


def test_a_plan_with_nothing_to_do_is_a_plan(warehouse: Warehouse) -> None:
    assert planned(warehouse).planned == 0


def test_a_plan_that_breaks_off_leaves_no_chunk(warehouse: Warehouse) -> None:
    def breaking() -> Iterator[list[str]]:
        for n in range(50):
            yield [f"S{n}"]
        raise ZeroDivisionError

    run = begin(warehouse)
    with pytest.raises(ZeroDivisionError), warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, breaking())
    assert (begin(warehouse).planned, run_chunks.open_chunks(warehouse, run.run_id)) == (None, [])


def test_a_chunk_that_is_done_is_not_handed_out_again(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1"], ["S2"])
    finish(warehouse, run, 0, Outcome(asked=1, answered=1))
    assert run_chunks.open_chunks(warehouse, run.run_id) == [1]


def test_a_partial_chunk_keeps_what_is_left_and_adds_up(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1", "S2", "S3"])
    finish(warehouse, run, 0, Outcome(asked=1, answered=1, calls=2), "S2", "S3")
    assert run_chunks.open_chunks(warehouse, run.run_id) == [0]
    assert run_chunks.load_chunk(warehouse, run.run_id, 0) == ["S2", "S3"]
    finish(warehouse, run, 0, Outcome(asked=2, answered=1, failed=1, calls=5))
    assert begin(warehouse).outcome == Outcome(asked=3, answered=2, failed=1, calls=7)
    with warehouse.begin() as conn:
        assert run_chunks.hold_chunk(conn, run.run_id, 0, keys=0) == 3


def test_a_chunk_that_another_process_of_the_run_has_landed_is_not_landed_again(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1", "S2", "S3"])
    finish(warehouse, run, 0, Outcome(asked=1, answered=1), "S2", "S3")
    with pytest.raises(LockLost, match="landed chunk 0"), warehouse.begin() as conn:
        run_chunks.hold_chunk(conn, run.run_id, 0, keys=3)


def test_a_chunk_that_was_not_planned_is_added(warehouse: Warehouse) -> None:
    run = begin(warehouse)
    finish(warehouse, run, 7, Outcome(asked=2, answered=2))
    summary = runs.finish_run(warehouse, run.run_id, "balanced")
    assert (summary.status, summary.outcome) == ("balanced", Outcome(asked=2, answered=2))


def test_a_chunk_that_was_not_planned_is_named(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="holds no chunk 3 of the run abc"):
        run_chunks.load_chunk(warehouse, "abc", 3)


def test_a_run_that_balances_is_balanced(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1", "S2"])
    finish(warehouse, run, 0, Outcome(asked=2, answered=1, empty=1))
    summary = runs.finish_run(warehouse, run.run_id, "balanced", "all well", AT)
    assert (summary.status, summary.note, summary.ended_at) == ("balanced", "all well", AT)


def test_a_run_that_lost_a_key_is_unbalanced(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1", "S2"])
    finish(warehouse, run, 0, Outcome(asked=2, answered=1))
    summary = runs.finish_run(warehouse, run.run_id, "balanced")
    assert (summary.status, summary.note[:48]) == ("unbalanced", "2 keys were asked, but 1 are accounted for. Repo")


def test_a_run_with_chunks_still_open_is_unbalanced_unless_it_says_why(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1"], ["S2"])
    finish(warehouse, run, 0, Outcome(asked=1, answered=1))
    assert runs.finish_run(warehouse, run.run_id, "balanced").status == "unbalanced"
    assert runs.finish_run(warehouse, run.run_id, "stopped", "The budget is used up.").status == "stopped"


@pytest.mark.parametrize(
    ("refused", "asked", "red"),
    [
        (0, 0, False),
        (1, 1, True),
        (1, 2, False),
        (2, 3, True),
        (10, 20, False),
        (11, 21, True),
        (10, 1000, False),
        (76, 200, True),
        (20, 2000, False),
        (21, 2000, True),
    ],
)
def test_a_run_may_leave_a_few_dead_letters(refused: int, asked: int, red: bool) -> None:
    assert runs.too_many_refused(refused, asked) is red


@pytest.mark.parametrize("status", ["balanced", "stopped"])
def test_a_run_that_left_more_than_a_few_is_failed_and_names_the_newest(warehouse: Warehouse, status: str) -> None:
    run = planned(warehouse, ["S1", "S2"])
    with warehouse.begin() as conn:
        letters = [DeadLetter("sn_flows", sn, "item_error", "99", f"Tuya refused {sn}.") for sn in ("S1", "S2")]
        for number, letter in enumerate(letters):
            dead_letters.record(conn, "factory", [letter], AT + timedelta(seconds=number))
        run_chunks.finish_chunk(conn, run.run_id, 0, Outcome(asked=2, failed=2), (), AT, ["S1", "S2"])
    summary = runs.finish_run(warehouse, run.run_id, status, "A note.")
    words = (
        "All 2 keys ended as dead letters, which is more than a few. The newest is that of S2: Tuya refused S2. "
        "`tuyahouse dead-letters list -a factory` shows them."
    )
    assert (summary.status, summary.note, summary.wrong) == ("failed", f"A note.\n{words}", words)


def test_refused_keys_that_nobody_has_to_see_to_make_no_run_red(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1"])
    with warehouse.begin() as conn:
        run_chunks.finish_chunk(conn, run.run_id, 0, Outcome(asked=1, failed=1), (), AT, ["S1"], excused=1)
    assert runs.finish_run(warehouse, run.run_id, "balanced").status == "balanced"
    begin(warehouse)
    finish(warehouse, run, 1, Outcome(asked=1, failed=1))
    assert runs.finish_run(warehouse, run.run_id, "balanced").status == "failed", "excused once, not for good"


def test_problems_make_a_run_failed_and_end_its_note(warehouse: Warehouse) -> None:
    summary = runs.finish_run(warehouse, begin(warehouse).run_id, "balanced", "A note.", problems=["It lacks a key."])
    assert (summary.status, summary.note, summary.wrong) == ("failed", "A note.\nIt lacks a key.", "It lacks a key.")


def test_keys_beside_a_chunk_count_while_they_are_refused_and_not_once_they_are_answered(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1"])
    with warehouse.begin() as conn:
        run_chunks.finish_chunk(conn, run.run_id, 0, Outcome(asked=1, answered=1), (), AT)
        run_chunks.add_beside(conn, run.run_id, 0, AT, left=["l:S2"], refused=["l:S1"])
    run = begin(warehouse)
    assert (run.planned, run.outcome) == (3, Outcome(asked=1, answered=1))
    left = {chunk: run_chunks.load_chunk(warehouse, run.run_id, chunk) for chunk in (-1, 1)}
    assert left == {-1: [], 1: ["l:S2", "l:S1"]}
    with warehouse.begin() as conn:
        run_chunks.finish_chunk(conn, run.run_id, 1, Outcome(), (), AT)
        run_chunks.uncount(conn, run.run_id, 1, 2)
    summary = runs.finish_run(warehouse, run.run_id, "balanced")
    assert (summary.status, summary.planned, summary.outcome) == ("balanced", 1, Outcome(asked=1, answered=1))


def test_calls_that_no_chunk_counts_are_calls_of_the_run(warehouse: Warehouse) -> None:
    run = planned(warehouse, ["S1"])
    reserve(warehouse, run.run_id, 3)
    finish(warehouse, run, 0, Outcome(asked=1, answered=1, calls=2))
    reserve(warehouse, run.run_id, 4)
    assert runs.finish_run(warehouse, run.run_id, "failed").outcome.calls == 7
    begin(warehouse)
    reserve(warehouse, run.run_id, 1)
    assert runs.finish_run(warehouse, run.run_id, "balanced").outcome.calls == 8


def test_reserved_calls_that_were_not_made_are_calls_of_no_run(warehouse: Warehouse) -> None:
    run = begin(warehouse)
    reserve(warehouse, run.run_id, 5)
    warehouse.slots.of_run(run.run_id).release("factory", "GET /x", 2)
    assert runs.finish_run(warehouse, run.run_id, "balanced").outcome.calls == 3


def test_the_note_of_a_run_is_kept_without_secrets(warehouse: Warehouse) -> None:
    SECRETS.keep(["a-secret-that-tuya-echoed"])
    run = begin(warehouse)
    summary = runs.finish_run(warehouse, run.run_id, "failed", "Tuya said: a-secret-that-tuya-echoed is wrong.")
    assert summary.note.startswith("Tuya said: ") and "a-secret-that-tuya-echoed" not in summary.note
    refused = runs.run_id_of("factory", "prune", "k")
    record_refusal(warehouse, "factory", "prune", "k", {}, "a-secret-that-tuya-echoed is no key.")
    with warehouse.read() as conn:
        notes = dict(conn.execute(select(ops_run.c.run_id, ops_run.c.note)).tuples().all())
    assert notes.keys() == {run.run_id, refused}
    assert not any("a-secret-that-tuya-echoed" in str(note) for note in notes.values())


def test_a_run_that_goes_on_is_running_again(warehouse: Warehouse) -> None:
    run = begin(warehouse)
    runs.finish_run(warehouse, run.run_id, "interrupted", "Ctrl-C", AT)
    begin(warehouse)
    found = runs.find_run(warehouse, "factory", "sync_sn_flows", run.run_key)
    assert found is not None
    assert (found.status, found.ended_at, found.note, found.starts) == ("running", None, "", 2)
    assert found.parameters == {"limit": 5}


def test_the_newest_runs_come_first(warehouse: Warehouse) -> None:
    for day in (18, 20, 19):
        runs.start_run(warehouse, "factory", "f", f"k{day}", {}, AT.replace(day=day))
    runs.start_run(warehouse, "other", "f", "k", {}, AT)
    assert [run.run_key for run in runs.recent_runs(warehouse, "factory", limit=2)] == ["k20", "k19"]
    assert len(runs.recent_runs(warehouse)) == 4
