"""The plan of a run: which serial numbers, all of it or nothing, before the first call."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.nights import DUE, register, rows
from tuyahouse.settings import load_settings
from tuyahouse.settings.policies import PlanPolicy
from tuyahouse.sync.chunks import chunked
from tuyahouse.sync.serial_numbers.budget import share_of_night
from tuyahouse.sync.serial_numbers.plan import Wanted, plan_run
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.tables import ops_run, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 22, tzinfo=UTC)
ACCOUNT = {"region": "cn", "client_id": "an-id", "client_secret": "a-secret-of-no-one"}


def settings(**account):
    return load_settings(accounts={"demo": ACCOUNT | account}, chunk_size=3, plan=PlanPolicy())


def plan(warehouse: Warehouse, wanted=DUE, key="k", **account):
    loaded = settings(**account)
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", key, {})
    planned = plan_run(warehouse, loaded, loaded.account("demo"), run, wanted, NOW)
    return planned, [
        run_chunks.load_chunk(warehouse, run.run_id, n) for n in run_chunks.open_chunks(warehouse, run.run_id)
    ]


def asked(warehouse: Warehouse, sns, ago, state="open", order="W1"):
    at = NOW - ago
    changes = [registry.Change(sn, order, "L1", state, 0, b"hash", at) for sn in sns]
    with warehouse.begin() as conn:
        registry.mark_changed(conn, "demo", changes)


@pytest.fixture
def seven(warehouse: Warehouse) -> Warehouse:
    register(warehouse, [f"S{n}" for n in range(7)])
    return warehouse


def test_what_is_due_is_planned_in_chunks(seven):
    asked(seven, ["S1"], timedelta(hours=1))
    asked(seven, ["S2"], timedelta(days=2))
    planned, chunks = plan(seven)
    assert planned.keys == 6
    assert chunks == [["S0", "S3", "S4"], ["S5", "S6", "S2"]]


def test_those_stored_as_asked_a_year_ahead_are_due_and_a_note_says_so(seven):
    asked(seven, [f"S{n}" for n in range(7)], -timedelta(days=365))
    planned, _ = plan(seven)
    assert planned.keys == 7
    assert planned.notes[0].startswith("7 serial numbers are stored as asked after 2026-11-20 22:00 UTC")
    assert plan(seven, Wanted(sns=["S1"]), "named")[0].notes == []


def test_a_limit_bounds_it(seven):
    assert plan(seven, Wanted(limit=2))[1] == [["S0", "S1"]]


def test_given_serial_numbers_are_planned_due_or_not(seven):
    asked(seven, ["S1"], timedelta(hours=1))
    assert plan(seven, Wanted(sns=["S1"]))[1] == [["S1"]]


def test_given_serial_numbers_that_are_not_registered_get_registered(warehouse):
    _, chunks = plan(warehouse, Wanted(sns=["N1", "N2"]))
    assert chunks == [["N1", "N2"]]
    assert rows(warehouse, serial_number, "sn", "source") == [("N1", "asked for"), ("N2", "asked for")]


def test_given_ones_are_read_like_those_of_a_file(warehouse):
    assert plan(warehouse, Wanted(sns=[" N1 ", "\ufeffN2", "N1", ""]))[1] == [["N1", "N2"]]


def test_a_given_one_that_cannot_be_any_is_the_run_s_problem(warehouse):
    planned, chunks = plan(warehouse, Wanted(sns=["N1", "1.2E+18"]))
    assert chunks == [["N1"]]
    (problem,) = planned.problems
    assert problem.startswith("One of the given serial numbers cannot be asked: '1.2E+18': its last ")


def test_no_given_ones_plan_nothing(seven):
    assert plan(seven, Wanted(sns=[]))[1] == []


def test_work_orders_are_planned_due_or_not(seven):
    asked(seven, ["S1", "S2"], timedelta(hours=1), order="W7")
    assert plan(seven, Wanted(work_orders=["W7", "W8"]))[1] == [["S1", "S2"]]


def test_given_ones_and_work_orders_together_are_planned_once_each(seven):
    asked(seven, ["S1", "S2"], timedelta(hours=1), order="W7")
    assert plan(seven, Wanted(sns=["S5", "S2"], work_orders=["W7"]))[1] == [["S5", "S2", "S1"]]


def test_work_orders_without_a_registered_serial_number_are_said(seven):
    asked(seven, ["S1"], timedelta(hours=1), order="W7")
    planned, chunks = plan(seven, Wanted(work_orders=["W7", "W8", "W9"]))
    assert chunks == [["S1"]]
    (problem,) = planned.problems
    assert problem.startswith("The registry holds no serial number of these work orders: W8, W9. ")


def test_those_with_an_open_dead_letter_are_planned_once_each(seven):
    with seven.begin() as conn:
        letters = [
            DeadLetter("sn_flows", sn, reason) for sn in ("S4", "S5") for reason in ("item_error", "unusable_answer")
        ]
        dead_letters.record(conn, "demo", [*letters, DeadLetter("craft_line", "W1", "item_error")], NOW)
        dead_letters.resolve(conn, "demo", "sn_flows", ["S5"], NOW)
    assert plan(seven, Wanted(dead_letters=True))[1] == [["S4"]]


def test_the_calls_of_a_month_are_shared_out_over_its_nights(seven):
    assert share_of_night(30, datetime(2026, 11, 1, 22, tzinfo=UTC)) == 1
    assert share_of_night(30, datetime(2026, 11, 30, 22, tzinfo=UTC)) == 30
    assert share_of_night(26_000, datetime(2026, 12, 1, tzinfo=UTC)) == 839
    assert share_of_night(0, datetime(2026, 12, 1, tzinfo=UTC)) == 0
    planned, _ = plan(seven, monthly_calls=5)
    share = share_of_night(5, NOW)
    assert (planned.keys, planned.notes) == (share, [])
    assert planned.unpaid == (
        f"Tonight's share of the month's calls pays for {share} of 7 serial numbers: the others wait for the nights to "
        "come. Raise TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS to ask more."
    )


def test_what_the_month_does_not_pay_for_is_planned_where_it_is_named(seven):
    named = Wanted(sns=[f"S{n}" for n in range(7)])
    planned, _ = plan(seven, named, monthly_calls=5)
    assert planned.keys == 7
    assert planned.notes == [
        "The month's calls pay for 5 of 7. Raise TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS, or wait for the next month."
    ]


def test_a_plan_that_fails_in_the_middle_leaves_nothing(seven, monkeypatch):
    monkeypatch.setattr("tuyahouse.sync.serial_numbers.plan.chunked", lambda keys, size: _breaks(chunked(keys, size)))
    with pytest.raises(RuntimeError, match="in the middle"):
        plan(seven)
    assert rows(seven, ops_run, "planned") == [(None,)]
    assert run_chunks.open_chunks(seven, runs.run_id_of("demo", "sync_sn_flows", "k")) == []


def _breaks(chunks):
    yield next(chunks)
    raise RuntimeError("in the middle")


def test_another_account_is_not_planned(seven):
    loaded = load_settings(accounts={"other": ACCOUNT}, chunk_size=3)
    run = runs.start_run(seven, "other", "sync_sn_flows", "k", {})
    assert plan_run(seven, loaded, loaded.account("other"), run, Wanted(), NOW).keys == 0


def test_a_plan_over_a_registry_without_serial_numbers_says_so_and_names_the_warehouse(warehouse: Warehouse) -> None:
    planned, chunks = plan(warehouse)
    assert chunks == []
    (note,) = planned.notes
    assert note.startswith(f"No serial number of demo is registered in {warehouse.name}. ")
    assert "`tuyahouse sn add -a demo FILE`" in note


def test_nothing_due_in_a_registry_with_serial_numbers_needs_no_note(seven: Warehouse) -> None:
    asked(seven, [f"S{n}" for n in range(7)], timedelta(minutes=1), state="finished")
    planned, chunks = plan(seven)
    assert (planned.notes, chunks) == ([], [])
