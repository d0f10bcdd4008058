"""Marts as an operator meets them: refreshed by the flows, on days that are given, equal to the factory's truth."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter
from sqlalchemy import select, text

from flows.parameters import Now
from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import run_flow
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse import frames
from tuyahouse.warehouse.tables import flow_step, ops_mart_dirty, ops_run
from tuyahouse.warehouse.warehouse import Warehouse

DAY = datetime(2026, 5, 4, 22, tzinfo=UTC)


@pytest.fixture
def env(tuya: Sandbox, prefect_server: PrefectServer, warehouse: Warehouse, warehouse_url: str, secret_key: str):
    register(warehouse, [(sn, order) for sn, order in units(tuya) if int(sn[-5:]) <= 40])
    return environment_of(tuya, warehouse_url, secret_key) | prefect_server.env


def true_states(tuya: Sandbox) -> Counter:
    states = {each["sn"]: each["state"] for each in tuya.lines("truth/serial-numbers")}
    return Counter(states[sn] for sn, _ in units(tuya) if int(sn[-5:]) <= 40)


def test_a_night_leaves_marts_that_are_the_truth_and_a_second_one_writes_none(env, tuya, warehouse):
    code, printed = run_flow("nightly_sync", env, run_key="n", now=DAY.isoformat())
    assert code == 0, printed
    found = frames.read("mart_order_state", warehouse=warehouse)
    truth = true_states(tuya)
    assert (int(found["finished"].sum()), int(found["open"].sum())) == (truth["finished"], truth["open"])
    assert rows(warehouse, ops_mart_dirty) == []
    [fresh] = frames.read("mart_freshness", warehouse=warehouse).to_dict("records")
    assert fresh["as_of"] == DAY == fresh["steps_as_of"]
    seen = {at for (at,) in rows(warehouse, flow_step, "seen_at")}
    assert min(seen) >= DAY and max(seen) < DAY + timedelta(hours=1)
    first = dict(rows(warehouse, ops_run, "flow", "parent_run"))
    assert first["nightly_sync"] is None and first["sync_sn_flows"]
    before = frames.read("mart_unit", warehouse=warehouse)
    code, printed = run_flow("nightly_sync", env, run_key="n2", now=(DAY + timedelta(days=1)).isoformat())
    assert code == 0, printed
    assert frames.read("mart_unit", warehouse=warehouse).equals(before)
    with warehouse.read() as conn:
        ended = conn.execute(
            select(ops_run.c.ended_at).where(ops_run.c.run_key == "n2", ops_run.c.flow == "nightly_sync")
        )
        assert DAY + timedelta(days=1) < ended.scalar_one() < DAY + timedelta(days=1, hours=1)


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_present_in_another_form_is_refused_with_what_to_write(env):
    code, printed = run_flow("sync_sn_flows", env, now="2026")
    assert (code, "-p now: write it as 2026-03-02T22:00Z" in printed) == (2, True), printed


@pytest.mark.parametrize("wrong", ["tomorrow", "04/05/2026", 1_772_000_000, True])
def test_only_iso_8601_is_a_present(wrong: object) -> None:
    with pytest.raises(ValueError, match="write it as 2026-03-02T22:00Z"):
        TypeAdapter(Now).validate_python(wrong)
    assert TypeAdapter(Now).validate_python("2026-05-04T22:00") == DAY


@pytest.mark.parametrize("wrong", ["9999-12-31T23:59:59", "2100-01-01", "1999-12-31T23:59Z", "0001-01-01"])
def test_a_present_in_a_mistyped_year_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not between the years 2000 and 2099"):
        TypeAdapter(Now).validate_python(wrong)


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_replay_leaves_the_marts_of_what_it_rebuilt(env, warehouse):
    run_flow("sync_sn_flows", env, run_key="n", now=DAY.isoformat())
    before = frames.read("mart_unit", warehouse=warehouse)
    assert len(before)
    with warehouse.begin() as conn:
        conn.execute(text("DELETE FROM mart_unit"))
    code, printed = run_flow("replay", env)
    assert code == 0, printed
    assert frames.read("mart_unit", warehouse=warehouse).equals(before)
