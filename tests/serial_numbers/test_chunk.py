"""Serial numbers asked of the sandbox and landed: what the warehouse holds is what the factory holds to be true."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import MetaData, select

from tests.flows.nights import night, open_dead_letters, register, rows, settings_of, units
from tests.support.sandbox import Sandbox
from tests.warehouse.answers import stored_answers
from tuyahouse.cloud.calls.pms import FlowStep
from tuyahouse.cloud.errors import PassingFault, UnusableAnswer
from tuyahouse.fingerprint import fingerprint
from tuyahouse.settings.policies import PlanPolicy
from tuyahouse.sync import answer_memory
from tuyahouse.sync.serial_numbers import chunk
from tuyahouse.sync.serial_numbers.chunk import read_answer, step_rows
from tuyahouse.sync.serial_numbers.plan import Wanted
from tuyahouse.warehouse.serial_numbers.explain import explain_sn
from tuyahouse.warehouse.tables import flow_step, metadata, ops_dead_letter, ops_drift, raw_block, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

STEP = (
    b'[{"craftLineCode":"L","node":"packing","nodeDesc":"Packing","orderCode":"W","sn":"A","status":true,'
    b'"time":1700000000123}]'
)
LEDGER = {"ops_run", "ops_chunk", "ops_api_calls", "ops_lock", "ops_pace", "ops_token"}


@pytest.fixture
def some(tuya: Sandbox, warehouse: Warehouse) -> list[str]:
    """Forty units of each work order, and two that the factory does not know; registered."""
    sns = [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 40] + ["GHOST-1", "GHOST-2"]
    register(warehouse, sns)
    return sns


def contents(warehouse: Warehouse, tables: MetaData = metadata):
    """Every table but the ledger of runs and calls; of the registry not when it asked last."""
    found = {name: rows(warehouse, table) for name, table in tables.tables.items() if name not in LEDGER}
    columns = [name for name in serial_number.c.keys() if name != "last_asked_at"]  # noqa: SIM118
    return found | {"serial_number": rows(warehouse, serial_number, *columns)}


def states(warehouse: Warehouse):
    return dict(rows(warehouse, serial_number, "sn", "state"))


def of(warehouse: Warehouse, sn: str, *columns: str):
    with warehouse.read() as conn:
        return tuple(conn.execute(select(*[serial_number.c[c] for c in columns]).where(serial_number.c.sn == sn)).one())


def true_steps(sandbox: Sandbox, sns):
    return {
        (step["sn"], step["node"], step["time_ms"], step["status"], step["order_code"], step["request_id"])
        for step in sandbox.lines("truth/steps")
        if step["sn"] in sns
    }


def held_steps(warehouse: Warehouse):
    columns = ("sn", "node", "happened_at", "status", "order_code", "request_id", "gone_at")
    return {
        (sn, node, round(at.timestamp() * 1000), status, order, request or "")
        for sn, node, at, status, order, request, gone in rows(warehouse, flow_step, *columns)
        if gone is None
    }


async def test_the_first_night_holds_every_step_that_is_true(tuya, warehouse, some):
    summary = await night(warehouse, settings_of(tuya), "n1")
    assert (summary.status, summary.outcome.asked, summary.planned) == ("balanced", 122, 122)
    assert summary.outcome.answered + summary.outcome.empty == 122
    assert held_steps(warehouse) == true_steps(tuya, some) and held_steps(warehouse)


async def test_states_are_those_of_the_factory(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    truth = {each["sn"]: each["state"].replace("absent", "unknown") for each in tuya.lines("truth/serial-numbers")} | {
        "GHOST-1": "unknown",
        "GHOST-2": "unknown",
    }
    assert states(warehouse) == {sn: truth[sn] for sn in some}
    assert set(states(warehouse).values()) == {"open", "finished", "unknown"}


async def test_five_days_of_nights_end_where_the_factory_is(tuya, warehouse, some):
    for day in (0, 1, 2, 4):
        tuya.control("day", {"day": day})
        await night(warehouse, settings_of(tuya), f"day {day}")
    assert held_steps(warehouse) == true_steps(tuya, some)


async def test_an_unchanged_night_writes_nothing_but_the_asking_time(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    before, first = contents(warehouse), rows(warehouse, serial_number, "last_asked_at")
    told = [sn for sn, state in states(warehouse).items() if state != "unknown"]
    summary = await night(warehouse, settings_of(tuya), "n2", Wanted(sns=told))
    assert contents(warehouse) == before
    assert (summary.outcome.inserted, summary.outcome.updated) == (0, 0)
    assert summary.outcome.unchanged == summary.outcome.asked == summary.outcome.calls == len(told) > 60
    asked_again = [
        new > old for (new,), (old,) in zip(rows(warehouse, serial_number, "last_asked_at"), first, strict=True)
    ]
    assert asked_again.count(True) == len(told)


async def test_one_that_stays_unknown_writes_nothing_but_its_count(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    before = contents(warehouse)
    await night(warehouse, settings_of(tuya), "n2", Wanted(sns=["GHOST-1"]))
    after = contents(warehouse)
    assert of(warehouse, "GHOST-1", "state", "unknown_times") == ("unknown", 2)
    assert of(warehouse, "GHOST-2", "state", "unknown_times") == ("unknown", 1)
    assert {name for name in before if before[name] != after[name]} == {"serial_number"}


@pytest.mark.parametrize("answer", ["empty", "error"])
async def test_an_unknown_one_is_asked_ever_more_rarely(factory, warehouse, answer):
    tuya = factory.reset(unknown_sn=answer)
    register(warehouse, ["GHOST"])
    patient = settings_of(tuya, plan=PlanPolicy(unknown_after=timedelta(hours=12), unknown_factor=2))
    asked_on = []
    for hour in range(0, 120, 12):
        at = timedelta(hours=hour)
        _shift(warehouse, at)
        if (await night(warehouse, patient, f"hour {hour}")).outcome.asked:
            asked_on.append(hour)
        _shift(warehouse, -at)
    assert asked_on == [0, 12, 36, 84]
    assert of(warehouse, "GHOST", "unknown_times") == (4,)


def _shift(warehouse: Warehouse, by: timedelta) -> None:
    """Let the time go by: what was asked lies so much longer ago."""
    [asked] = rows(warehouse, serial_number, "last_asked_at")
    if asked[0]:
        with warehouse.begin() as conn:
            conn.execute(serial_number.update().values(last_asked_at=asked[0] - by))


async def test_a_step_that_disappears_is_gone_and_there_again_when_it_reappears(tuya, warehouse, some):
    key = ("sn", "node", "happened_at")
    await night(warehouse, settings_of(tuya), "n1")
    first = rows(warehouse, flow_step, *key)
    tuya.control("day", {"day": 1})
    await night(warehouse, settings_of(tuya), "n2")
    gone = [row[:3] for row in rows(warehouse, flow_step, *key, "gone_at") if row[3]]
    assert gone and held_steps(warehouse) == true_steps(tuya, some)
    assert set(first) <= set(rows(warehouse, flow_step, *key))
    tuya.control("day", {"day": 3})
    await night(warehouse, settings_of(tuya), "n3")
    assert [row[:3] for row in rows(warehouse, flow_step, *key, "gone_at") if not row[3]] == first


async def test_a_unit_that_tuya_forgets_and_knows_again_has_its_state_back(factory, warehouse):
    tuya = factory.reset(day=3, unknown_sn="error")
    sn = [sn for sn, order in units(tuya)][1]
    register(warehouse, [sn])
    settings = settings_of(tuya)
    await night(warehouse, settings, "n1")
    before = of(warehouse, sn, "state", "unknown_times")
    tuya.control("options", {"serial_numbers": 1})
    await night(warehouse, settings, "n2")
    assert of(warehouse, sn, "state", "unknown_times") == ("unknown", 1)
    tuya.control("options", {"serial_numbers": 300})
    await night(warehouse, settings, "n3")
    assert of(warehouse, sn, "state", "unknown_times") == before and before[1] == 0


async def test_times_as_text_are_the_same_rows(factory, warehouse):
    tuya = factory.reset(day=3, time_as="text")
    sns = [sn for sn, _ in units(tuya)][:20]
    register(warehouse, sns)
    await night(warehouse, settings_of(tuya), "n1")
    assert held_steps(warehouse) == true_steps(tuya, sns)


async def test_undocumented_fields_are_kept_and_counted_as_drift(factory, warehouse):
    tuya = factory.reset(day=3, extra_fields=True)
    register(warehouse, [sn for sn, _ in units(tuya)][:20])
    await night(warehouse, settings_of(tuya), "n1")
    extras = [extra for (extra,) in rows(warehouse, flow_step, "extra")]
    assert extras and all(list(extra) == ["operatorNo"] for extra in extras)
    told = len({sn for (sn,) in rows(warehouse, flow_step, "sn")})
    assert [row[:3] for row in rows(warehouse, ops_drift, "kind", "field", "answers")] == [
        ("sn_flows", "operatorNo", told)
    ]


async def test_explain_finds_the_bytes_behind_a_unit(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    with warehouse.read() as conn:
        found = explain_sn(conn, "demo", some[0])
    assert found.answer and found.registry and found.steps
    result = msgspec.json.decode(found.answer.body)["result"]
    assert {(step["node"], step["time"]) for step in result} == {
        (step["node"], round(step["happened_at"].timestamp() * 1000)) for step in found.steps
    }
    assert [run["run_key"] for run in found.runs] == ["n1"]


async def test_every_answer_that_changed_is_stored_once_as_sent(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    tuya.control("day", {"day": 4})
    await night(warehouse, settings_of(tuya), "n2")
    with warehouse.read() as conn:
        stored = list(stored_answers(conn, "demo", "sn_flows"))
    newest = {sn: fingerprint(msgspec.json.decode(body, type=Envelope).result) for sn, body in stored}
    hashes = dict(rows(warehouse, serial_number, "sn", "answer_hash"))
    assert newest == hashes
    assert len(stored) > len(newest)


class Envelope(msgspec.Struct):
    result: msgspec.Raw


async def test_faulty_items_are_dead_letters_until_an_answer_is_good(tuya, warehouse, some):
    tuya.control("faults", {"shape": 0.2, "item_error": 0.3})
    first = await night(warehouse, settings_of(tuya), "n1")
    letters = open_dead_letters(warehouse)
    assert first.status == "failed" and first.outcome.failed + first.outcome.rejected == len(letters) > 5
    assert set(letters.values()) == {"unusable_answer", "item_error"}
    assert {sn for sn, state in states(warehouse).items() if state == "new"} == set(letters)
    tuya.control("faults", {})
    second = await night(warehouse, settings_of(tuya), "n2", Wanted(dead_letters=True))
    assert second.outcome.asked == len(letters) and open_dead_letters(warehouse) == {}
    assert held_steps(warehouse) == true_steps(tuya, some)


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
async def test_a_tuya_that_is_away_costs_no_dead_letter_and_the_night_goes_on_later(tuya, warehouse, some):
    with pytest.raises(PassingFault, match=r"127\.0\.0\.1:9"):
        await night(warehouse, settings_of(tuya, chunk_size=200, base_url="http://127.0.0.1:9", attempts=1), "n1")
    assert open_dead_letters(warehouse) == {}
    assert (await night(warehouse, settings_of(tuya), "n1")).outcome.asked == len(some)


async def test_a_dead_letter_holds_what_tuya_sent(tuya, warehouse, some):
    tuya.control("faults", {"shape": 1})
    await night(warehouse, settings_of(tuya), "n1", Wanted(sns=some[:3]))
    for message, raw in rows(warehouse, ops_dead_letter, "message", "raw"):
        assert raw and "shape" in message


async def test_a_chunk_without_changes_leaves_no_raw_block(tuya, warehouse, some):
    await night(warehouse, settings_of(tuya), "n1")
    blocks = len(rows(warehouse, raw_block))
    await night(warehouse, settings_of(tuya), "n2")
    assert len(rows(warehouse, raw_block)) == blocks


def test_a_known_answer_is_not_decoded():
    read = read_answer(STEP, b"", fingerprint(STEP))
    assert (read.steps, read.holds_steps) == (None, True)


@pytest.mark.parametrize("result", [b"[]", b"null", b" [] "])
def test_a_known_answer_without_steps_holds_none(result):
    assert not read_answer(result, b"", fingerprint(result)).holds_steps


def test_a_new_answer_is_decoded():
    [step] = read_answer(STEP, b"", b"another").steps
    assert (step.node, step.time_ms, step.status) == ("packing", 1700000000123, True)


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(UnusableAnswer):
        read_answer(b'{"list":[]}', b"", None)


@pytest.mark.parametrize(("told", "extra"), [("A", None), ("a ", {"sn": "a "})])
def test_the_asked_serial_number_is_the_key_and_tuyas_spelling_is_kept(told, extra):
    step = FlowStep(
        order_code="W", sn=told, craft_line_code="L", node="n", node_desc="", request_id=None,
        status=True, time_ms=1000, extra=None,
    )  # fmt: skip
    [row] = step_rows("A", [step])
    assert (row[0], row[-1]) == ("A", extra)


async def test_a_chunk_whose_answers_are_large_together_lands_in_parts_and_counts_each_call_once(
    tuya, warehouse, monkeypatch
):
    monkeypatch.setattr(answer_memory, "LARGEST_CHUNK", 3_000)
    known = [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 12]
    register(warehouse, known)
    landings = []
    land = chunk.land_chunk
    monkeypatch.setattr(chunk, "land_chunk", lambda *a, **k: landings.append(land(*a, **k)) or landings[-1])
    summary = await night(warehouse, settings_of(tuya, chunk_size=100), "n")
    assert len(landings) > 3 and sum(each.asked for each in landings) == len(known)
    assert (summary.status, summary.outcome.asked) == ("balanced", len(known))
    assert sum(each.calls for each in landings) == tuya.control("stats")["calls"]
    with warehouse.read() as conn:
        assert sorted(sn for sn, _ in stored_answers(conn, "demo", "sn_flows")) == sorted(known)
