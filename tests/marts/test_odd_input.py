"""Accounts with nothing, statuses that are never sent, a unit with thousands of steps, presence that arrives late."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill, held
from tests.marts.second import Step, World, compute
from tests.marts.test_second_opinion import differences, rules
from tests.marts.test_second_opinion import fill as fill_world
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.marts import KEPT, MARTS, marks
from tuyahouse.warehouse.marts.refresh import rebuild, refresh
from tuyahouse.warehouse.messages import gaps
from tuyahouse.warehouse.warehouse import Warehouse


def test_an_account_with_nothing_yet_has_empty_marts_and_knows_when(warehouse: Warehouse) -> None:
    done = refresh(warehouse, ACCOUNT, RULES, AS_OF)
    assert (done.orders, done.steps) == (0, 0)
    filled = {name for name in MARTS if held(warehouse, name)}
    assert filled == {"mart_freshness", "mart_day_summary"}
    assert held(warehouse, "mart_freshness")[0]["as_of"] == AS_OF
    assert refresh(warehouse, ACCOUNT, RULES, AS_OF).written == 0


def test_times_at_the_end_of_the_calendar_of_computers_make_no_refresh_red(warehouse: Warehouse) -> None:
    fill(warehouse)
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    runs.start_run(warehouse, ACCOUNT, "sync_sn_flows", "sensible", {}, AS_OF)
    runs.start_run(warehouse, ACCOUNT, "sync_sn_flows", "mistyped", {}, end)
    with warehouse.begin() as conn:
        conn.execute(tables.serial_number.update().values(last_asked_at=end))
        conn.execute(tables.flow_step.update().values(seen_at=end))
        conn.execute(tables.craft_line.update().values(asked_at=end))
    for given in (None, end):
        refresh(warehouse, ACCOUNT, RULES, given)
        rebuild(warehouse, ACCOUNT, RULES, given)
        assert held(warehouse, "mart_freshness")[0]["as_of"] == AS_OF
    for name in MARTS:
        held(warehouse, name)


def test_an_account_of_devices_alone_has_its_days_of_presence(warehouse: Warehouse) -> None:
    fill(warehouse)
    with warehouse.begin() as conn:
        for table in ("flow_step", "serial_number", "craft_line", "craft_line_node", "work_order"):
            conn.execute(text(f"DELETE FROM {table}"))
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    days = {row["factory_day"]: row["online_ms"] for row in held(warehouse, "mart_presence_day")}
    assert (days[date(2026, 3, 2)], days[date(2026, 3, 3)]) == (75_600_000, 45_000_000)


@pytest.mark.parametrize("status", [None, True])
def test_a_unit_with_five_thousand_steps_is_counted(warehouse: Warehouse, status: bool | None) -> None:
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    steps = [Step("W", "U", "n1", begin + timedelta(seconds=n), status, None) for n in range(5_000)]
    world = World(steps, {"W": ["n1", "n2"]}, {"U": "W"})
    fill_world(warehouse, world)
    for false_means in ("failed", "open"):
        refresh(warehouse, ACCOUNT, rules(world, false_means), AS_OF)
        assert differences(warehouse, compute(world, false_means)) == {}


def test_a_status_that_is_never_sent_makes_no_share(warehouse: Warehouse) -> None:
    steps = [Step("W", "U", "n1", datetime(2026, 3, 2, tzinfo=UTC), None, None)]
    fill_world(warehouse, World(steps, {"W": ["n1"]}, {"U": "W"}))
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    [row] = held(warehouse, "mart_station_yield")
    assert (row["undecided"], row["fpy"], row["final_yield"]) == (1, None, 0.0)
    assert held(warehouse, "mart_line_yield")[0]["rty"] is None


def test_presence_and_gaps_that_come_late_are_computed_by_their_marks(warehouse: Warehouse) -> None:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    later = AS_OF + timedelta(days=6)
    refresh(warehouse, ACCOUNT, RULES, later)
    event = {"account": ACCOUNT, "device_id": "d3", "happened_at": datetime(2026, 3, 2, 20, tzinfo=UTC), "online": True}
    with warehouse.begin() as conn:
        conn.execute(insert(tables.device_presence), [event])
        marks.mark_presence(conn, ACCOUNT, [date(2026, 3, 2)], "late")
        gap = gaps.Gap(datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 3, 6, tzinfo=UTC), gaps.AWAY_TOO_LONG)
        gaps.record_gap(conn, ACCOUNT, gap)
    refresh(warehouse, ACCOUNT, RULES, later)
    marked = {row["factory_day"]: row for row in held(warehouse, "mart_presence_day")}
    assert marked[date(2026, 3, 2)]["online_ms"] == 75_600_000 + 4 * 3_600_000
    assert rebuild(warehouse, ACCOUNT, RULES, later).written <= 1, "at most the day before the late one began"
    assert {mart.name for mart in KEPT} >= {"mart_presence_day"}


def test_a_late_event_that_comes_while_its_day_is_computed_is_for_the_next_refresh(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuyahouse.warehouse.marts import refresh as module

    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    with warehouse.begin() as conn:
        marks.mark_presence(conn, ACCOUNT, [date(2026, 3, 2)], "first")
    spans = module._presence_days

    def with_another_mark(database, account, before, as_of):
        for span in spans(database, account, before, as_of):
            yield span
            with warehouse.begin() as conn:
                marks.mark_presence(conn, account, [date(2026, 3, 2)], "second")

    monkeypatch.setattr(module, "_presence_days", with_another_mark)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    with warehouse.read() as conn:
        assert list(conn.execute(text("SELECT mark FROM ops_mart_dirty")).scalars()) == ["second"]


def test_an_account_without_pms_has_marts_a_report_and_exports(cli, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = cli(*arguments, "-a", "demo", PMS_USERNAME="", PMS_PASSWORD="")
        assert done.exit_code == 0, done.output
        return str(done.output)

    cli("commands", "add", "-a", "demo", str(_commands(tmp_path)))
    assert "0 work orders with 0 steps" in run("marts", "refresh")
    assert "1 rows of mart_command" in run("export", "mart_command", "--out", str(tmp_path / "c.csv"))
    assert "0 rows of mart_order" in run("export", "mart_order", "--out", str(tmp_path / "o.xlsx"))
    run("report", "--out", str(tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert "Set both: <code>TUYAHOUSE_ACCOUNTS__DEMO__PMS_USERNAME, TUYAHOUSE_ACCOUNTS__DEMO__PMS_PASSWORD" in page


def _commands(folder: Path) -> Path:
    file = folder / "commands.csv"
    file.write_text("command_sn\n1790000000000000001\n")
    return file


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"FACTORY_SHIFTS": "a=06:00,b=14:00,c=10:00"}, "overlap: name them in their order"),
        ({"FACTORY_SHIFTS": "a=06:10"}, "a shift begins on a quarter of an hour"),
        ({"FACTORY_TIME_ZONE": "Asia/Shangai"}, "write one such as Asia/Shanghai"),
    ],
)
def test_a_factory_that_cannot_be_is_refused_by_the_command_with_its_setting(cli, setting, words: str) -> None:
    done = cli("marts", "refresh", "-a", "demo", **setting)
    said = " ".join(done.output.split())
    assert done.exit_code != 0 and words in said and f"TUYAHOUSE_ACCOUNTS__DEMO__{next(iter(setting))}" in said
