"""A run that lost its lock lands nothing, and an answer asked earlier never replaces one asked later."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import pytest

from tests.flows.nights import register, rows, settings_of
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.calls.command_records import CommandRecord, decode_record
from tuyahouse.cloud.calls.pms import CraftLine, decode_craft_line
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.commands import ask
from tuyahouse.sync.devices.details import Details, land_details, read_details
from tuyahouse.sync.devices.links import Link, LinkAnswer, Links
from tuyahouse.sync.serial_numbers.chunk import SnAnswer, ask_steps, land_chunk, read_answer
from tuyahouse.sync.serial_numbers.craft_lines import land_craft_lines
from tuyahouse.times import utc_now
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.errors import LockLost
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.shared.landing import landing
from tuyahouse.warehouse.shared.locks import acquire
from tuyahouse.warehouse.tables import (
    command,
    command_observation,
    craft_line,
    device,
    device_function,
    device_serial_number,
    flow_step,
    ops_chunk,
    raw_block,
    serial_number,
)
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
Known = dict[str, registry.Known]


def answer(nodes: Sequence[str]) -> SnAnswer:
    steps = [{"sn": "S1", "node": node, "time": 1_700_000_000_000 + place} for place, node in enumerate(nodes)]
    body = msgspec.json.encode({"success": True, "result": steps})
    return read_answer(msgspec.json.encode(steps), body, None)


def begun(warehouse: Warehouse, run_key: str) -> runs.Run:
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", run_key, {})
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [["S1"]])
    return run


def land(warehouse: Warehouse, run: runs.Run, nodes: Sequence[str], asked_at: datetime, known: Known) -> None:
    asked = Asked(answers=[("S1", answer(nodes))], asked_at={"S1": asked_at})
    land_chunk(warehouse, run, 0, asked, known, {}, calls=1, now=lambda: AT + timedelta(hours=1))


def steps(warehouse: Warehouse) -> set[str]:
    return {node for node, gone in rows(warehouse, flow_step, "node", "gone_at") if gone is None}


def test_a_run_whose_lock_was_taken_over_lands_nothing(warehouse: Warehouse) -> None:
    register(warehouse, ["S1"])
    run, known = begun(warehouse, "paused"), registry.known(warehouse, "demo", ["S1"])
    paused = acquire(warehouse, "demo/sync_sn_flows", "run paused", timedelta(0))
    acquire(warehouse, "demo/sync_sn_flows", "run second", timedelta(minutes=1))
    with pytest.raises(LockLost, match="another run took over"):
        land(warehouse, replace(run, locks=(paused.held,)), ["Print"], AT, known)
    assert (steps(warehouse), rows(warehouse, ops_chunk, "asked")) == (set(), [(0,)])


def test_the_run_that_holds_its_lock_lands(warehouse: Warehouse) -> None:
    register(warehouse, ["S1"])
    run, known = begun(warehouse, "night"), registry.known(warehouse, "demo", ["S1"])
    lock = acquire(warehouse, "demo/sync_sn_flows", "run night", timedelta(minutes=1))
    land(warehouse, replace(run, locks=(lock.held,)), ["Print"], AT, known)
    assert steps(warehouse) == {"Print"}


def test_an_answer_asked_earlier_does_not_replace_one_asked_later_whoever_lands_last(warehouse: Warehouse) -> None:
    register(warehouse, ["S1"])
    early, late = begun(warehouse, "early"), begun(warehouse, "late")
    known = registry.known(warehouse, "demo", ["S1"])
    land(warehouse, late, ["Print", "SMT"], AT + timedelta(minutes=5), known)
    landed = [rows(warehouse, table) for table in (serial_number, flow_step, raw_block)]
    land(warehouse, early, ["Print"], AT, known)
    assert [rows(warehouse, table) for table in (serial_number, flow_step, raw_block)] == landed
    assert rows(warehouse, ops_chunk, "asked", "answered") == [(1, 1), (1, 1)]  # both were asked, and balance
    assert rows(warehouse, serial_number, "last_asked_at") == [(AT + timedelta(minutes=5),)]


def test_an_answer_that_seemed_unchanged_is_read_again_when_another_run_landed_in_between(warehouse: Warehouse) -> None:
    register(warehouse, ["S1"])
    first, other, last = (begun(warehouse, key) for key in ("first", "other", "last"))
    land(warehouse, first, ["Print"], AT, registry.known(warehouse, "demo", ["S1"]))
    known = registry.known(warehouse, "demo", ["S1"])
    land(warehouse, other, ["Print", "SMT"], AT + timedelta(minutes=1), known)
    same = Asked(answers=[("S1", SnAnswer((one := answer(["Print"])).body, one.digest, None, True))])
    same.asked_at["S1"] = AT + timedelta(minutes=2)
    land_chunk(warehouse, last, 0, same, known, {}, calls=1, now=lambda: AT + timedelta(hours=1))
    assert steps(warehouse) == {"Print"}


def test_a_lock_is_not_taken_over_between_its_check_and_the_commit(warehouse: Warehouse) -> None:
    lock = acquire(warehouse, "demo/sync_sn_flows", "run first", timedelta(0))
    run = replace(begun(warehouse, "first"), locks=(lock.held,))
    with ThreadPoolExecutor(1) as thread:
        with landing(warehouse, run):
            taking = thread.submit(acquire, warehouse, "demo/sync_sn_flows", "run second", timedelta(minutes=1))
            assert wait([taking], 0.5).not_done
        taking.result(30)
    with pytest.raises(LockLost), landing(warehouse, run):
        pass


def test_a_run_renews_its_lease_while_it_lands(fresh_postgres_url: str, secret_key: str) -> None:
    warehouse = Warehouse.open(fresh_postgres_url, secret_key)
    lock = acquire(warehouse, "demo/sync_sn_flows", "run first", timedelta(minutes=1))
    with landing(warehouse, replace(begun(warehouse, "first"), locks=(lock.held,))):
        lock.renew()
    warehouse.close()


def test_a_run_that_was_started_again_elsewhere_is_not_closed_by_its_earlier_start(warehouse: Warehouse) -> None:
    earlier, later = begun(warehouse, "night"), runs.start_run(warehouse, "demo", "sync_sn_flows", "night", {})
    with pytest.raises(LockLost, match="took over and started this run again"):
        runs.finish_run(warehouse, earlier.run_id, "failed", starts=earlier.starts)
    found = runs.find_run(warehouse, "demo", "sync_sn_flows", "night")
    assert found and (found.status, found.starts) == ("running", later.starts)


def test_a_time_of_asking_that_lies_in_the_future_does_not_keep_answers_out(warehouse: Warehouse) -> None:
    register(warehouse, ["S1"])
    ahead, right = begun(warehouse, "clock ahead"), begun(warehouse, "clock right")
    known = registry.known(warehouse, "demo", ["S1"])
    land(warehouse, ahead, ["Print"], datetime.now(UTC) + timedelta(hours=8), known)
    land(warehouse, right, ["Print", "SMT"], AT, known)
    assert steps(warehouse) == {"Print", "SMT"}


def test_a_craft_line_asked_earlier_does_not_replace_one_asked_later_even_if_that_one_changed_nothing(
    warehouse: Warehouse,
) -> None:
    run, old, new = begun(warehouse, "n"), line("SMT"), line("Print")

    def asked(what: tuple[CraftLine, bytes], minute: int) -> None:
        land_craft_lines(
            warehouse, run, Asked(answers=[("W1", what)], asked_at={"W1": AT + timedelta(minutes=minute)}), utc_now
        )

    for what, minute in ((new, 0), (new, 10), (old, 5)):
        asked(what, minute)
    assert rows(warehouse, craft_line, "last_node", "asked_at") == [("Print", AT + timedelta(minutes=10))]
    asked(old, 15)
    assert rows(warehouse, craft_line, "last_node") == [("SMT",)]


def line(node: str) -> tuple[CraftLine, bytes]:
    result = msgspec.json.encode({"code": "L1", "nodeList": [{"code": node, "sort": 1}]})
    return decode_craft_line(result), b'{"success":true,"result":%s}' % result


def of_device(function: str, known: bytes | None = None) -> Details:
    results = [b'{"device_id":"d1","cid":"S1"}', b'[{"function_code":"%s"}]' % function.encode(), b"[]"]
    return read_details("d1", results, [b'{"success":true,"result":%s}' % each for each in results], known)


def details(warehouse: Warehouse, run_key: str, answer: Details, asked_at: datetime, sn: str = "S1") -> None:
    run = runs.start_run(warehouse, "demo", "sync_devices", run_key, {})
    with warehouse.begin() as conn:
        insert_new(conn, device, ("account", "device_id"), [("demo", "d1")])
        run_chunks.add_chunks(conn, run.run_id, [["d1"]])
    asked = Asked(answers=[("d1", answer)], asked_at={"d1": asked_at})
    links = Links([LinkAnswer("device_sn", "d1", b"{}", [Link("d1", sn, "pms")])])
    land_details(warehouse, run, 0, asked, links, calls=1, now=utc_now)


def functions(warehouse: Warehouse) -> set[str]:
    return {code for code, gone in rows(warehouse, device_function, "function_code", "gone_at") if gone is None}


def test_details_and_links_asked_earlier_do_not_replace_those_asked_later(warehouse: Warehouse) -> None:
    details(warehouse, "late", of_device("open"), AT + timedelta(minutes=5))
    details(warehouse, "early", of_device("close"), AT, sn="S9")
    assert functions(warehouse) == {"open"}
    assert rows(warehouse, device, "detail_at") == [(AT + timedelta(minutes=5),)]
    assert rows(warehouse, device_serial_number, "sn") == [("S1",)]


def test_details_that_seemed_unchanged_are_read_again_when_others_landed_in_between(warehouse: Warehouse) -> None:
    first = of_device("open")
    details(warehouse, "first", first, AT)
    details(warehouse, "other", of_device("close"), AT + timedelta(minutes=1))
    details(warehouse, "last", of_device("open", known=first.digest), AT + timedelta(minutes=2))
    assert functions(warehouse) == {"open"}
    assert rows(warehouse, device, "detail_hash", "detail_at") == [(first.digest, AT + timedelta(minutes=2))]


def record(warehouse: Warehouse, run_key: str, status: int | None, asked_at: datetime) -> None:
    run = runs.start_run(warehouse, "demo", "reconcile_commands", run_key, {})
    with warehouse.begin() as conn:
        records.add(conn, "demo", [("7", None)], "file", AT, None)
        run_chunks.add_chunks(conn, run.run_id, [["7"]])
    asked: Asked[ask.CommandAnswer] = Asked(asked_at={"7": asked_at})
    if status is None:
        asked.empty = ["7"]
    else:
        raw = b'{"sn":"7","process_status":%d}' % status
        asked.answers = [("7", ask.CommandAnswer(cast(CommandRecord, decode_record(raw, "7")), raw))]
    ask.land_chunk(warehouse, run, 0, asked, calls=1, now=utc_now)


def test_a_record_asked_earlier_adds_nothing_to_one_asked_later(warehouse: Warehouse) -> None:
    record(warehouse, "late", 3, AT + timedelta(minutes=5))
    record(warehouse, "early", 1, AT)
    record(warehouse, "early and not known", None, AT)
    columns = ("last_asked_at", "asked_times", "unknown_since")
    assert rows(warehouse, command, *columns) == [(AT + timedelta(minutes=5), 1, None)]
    assert rows(warehouse, command_observation, "process_status") == [(3,)]
    assert rows(warehouse, ops_chunk, "asked") == [(1,), (1,), (1,)]


async def test_the_time_of_asking_is_when_the_request_is_sent_not_when_it_waits_for_its_turn(
    tuya: Sandbox, warehouse: Warehouse
) -> None:
    account = settings_of(tuya, calls_per_second=4.0).account("demo")
    asked: Asked[SnAnswer] = Asked()
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        await ask_steps(client, {}, ["A1", "A2", "A3", "A4"], asked, workers=4)
    first, *others = sorted(asked.asked_at.values())
    assert len(others) == 3 and others[-1] - first > timedelta(seconds=0.6)  # four starts at four a second
