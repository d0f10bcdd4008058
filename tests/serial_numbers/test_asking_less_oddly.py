"""Pass counts, registries and clocks that are not as they should be: each night plans soundly and says so."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert, select

from tests.support.direct_nights import ACCOUNT, Nights
from tuyahouse.cloud.calls.pms import PASS_AMOUNT
from tuyahouse.sandbox.world.refusals import Refusal
from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import NIGHTS
from tuyahouse.warehouse.serial_numbers import order_units, pass_counts, registry
from tuyahouse.warehouse.tables import craft_line, craft_line_node, ops_run, serial_number, station_pass_count
from tuyahouse.warehouse.warehouse import Warehouse

LEARNT = NIGHTS + 1
FACTORY = {"orders": 12, "order_units": 40, "orders_at_once": 4}


@pytest.fixture
def warehouse_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def nights(warehouse: Warehouse) -> Nights:
    """Nights in which the counts have proved true; the next one is decided by them."""
    made = Nights(warehouse, **FACTORY)
    for day in range(LEARNT):
        made.run(day)
    assert trust(warehouse).agreed >= NIGHTS
    return made


def trust(warehouse: Warehouse) -> pass_counts.Trust:
    with warehouse.read() as conn:
        return pass_counts.trust(conn, ACCOUNT)


def test_a_station_that_tuya_does_not_know_leaves_its_orders_to_the_clock_and_is_named(nights: Nights) -> None:
    stations: list[str] = []

    def unknown(path: str, body: Mapping[str, Any]) -> bytes | None:
        if path == PASS_AMOUNT.path:
            stations.append(body["stationCode"])
            if body["stationCode"] == stations[0]:
                raise Refusal("production_order_not_existed")
        return None

    nights.client.instead = unknown
    night = nights.run(LEARNT)
    assert any(f"at {stations[0]}: Tuya does not know it" in note for note in night.notes)
    assert night.found - night.boards_found >= 0.9 * (night.moved - night.boards) > 0
    assert trust(nights.warehouse).agreed >= NIGHTS


def test_a_station_that_counts_nothing_is_no_reason_to_ask(nights: Nights) -> None:
    """A node that only the craft line knows: its count is 0 in Tuya and in the warehouse."""
    with nights.warehouse.begin() as conn:
        order = (
            conn.execute(select(serial_number.c.order_code).where(serial_number.c.state == "open")).scalars().first()
        )
        node = {"account": ACCOUNT, "order_code": order, "node": "NOWHERE", "sort": 99, "run_id": "x"}
        conn.execute(
            insert(craft_line_node), {name: value for name, value in node.items() if name in craft_line_node.c}
        )
    night = nights.run(LEARNT)
    assert night.found == night.moved > 0 and trust(nights.warehouse).agreed >= NIGHTS


def test_a_count_larger_than_the_order_asks_all_of_it_and_goes_by_age_until_it_is_explained(nights: Nights) -> None:
    nights.client.instead = lambda path, body: b"1000000" if path == PASS_AMOUNT.path else None
    night = nights.run(LEARNT)
    assert night.found - night.boards_found == night.moved - night.boards > 0
    assert nights.came_to and nights.came_to.unexplained == night.counts > 0
    nights.client.instead = lambda path, body: None
    night = nights.run(LEARNT + 1)
    assert night.reasons["due"] > 0 and night.found - night.boards_found == night.moved - night.boards
    night = nights.run(LEARNT + 2)
    assert night.found - night.boards_found == night.moved - night.boards
    assert trust(nights.warehouse).agreed >= NIGHTS


def test_a_clock_that_was_ahead_and_is_set_back_hides_nothing(nights: Nights) -> None:
    """A night under a clock that was a year ahead left its times in the warehouse: of askings, counts and its run."""
    nights.run(LEARNT)
    with nights.warehouse.begin() as conn:
        ahead, begun = timedelta(days=366), nights.now - timedelta(hours=1)
        for table, column in (
            (serial_number, "last_asked_at"),
            (station_pass_count, "checked_at"),
            (ops_run, "started_at"),
        ):
            late = conn.execute(select(table.c[column]).where(table.c[column] >= begun).distinct()).scalars().all()
            for at in late:
                conn.execute(table.update().where(table.c[column] == at).values({column: at + ahead}))
    night = nights.run(LEARNT + 1)
    assert night.counts > 0, "counts that are stored as asked later are none of this night"
    assert any("are stored as asked after" in note for note in night.notes)
    assert night.found - night.boards_found == night.moved - night.boards > 0
    assert night.asked <= night.open + night.boards + 40, "each is asked once"
    again = nights.run(LEARNT + 2)
    assert again.counts > 0 and again.found - again.boards_found == again.moved - again.boards
    assert trust(nights.warehouse).agreed >= NIGHTS


def test_a_present_before_that_of_earlier_runs_asks_each_one_once(nights: Nights) -> None:
    nights.run(20)
    night = nights.run(LEARNT)
    assert night.asked <= len(list(nights.world.factory.serial_numbers(20)))
    assert any("are stored as asked after" in note for note in night.notes)


def test_a_work_order_without_a_registered_unit_costs_no_count(nights: Nights) -> None:
    counted: list[str] = []
    nights.client.instead = lambda path, body: counted.append(body.get("orderCode", ""))
    with nights.warehouse.begin() as conn:
        line = {"account": ACCOUNT, "order_code": "NO-UNITS", "craft_line_code": "L", "last_node": "N"}
        conn.execute(insert(craft_line), line)
        conn.execute(insert(craft_line_node), {"account": ACCOUNT, "order_code": "NO-UNITS", "node": "N", "sort": 1})
    assert nights.run(LEARNT).counts > 0
    assert "NO-UNITS" not in counted


def test_units_whose_work_order_is_not_known_yet_are_asked_by_age(nights: Nights) -> None:
    with nights.warehouse.begin() as conn:
        code = nights.world.factory.orders[-1].code
        registry.add(conn, ACCOUNT, [registry.Unit(f"{code}{n:05d}") for n in range(1, 6)], "test", nights.now)
    night = nights.run(LEARNT)
    assert night.reasons["new"] >= 5
    with nights.warehouse.read() as conn:
        row = serial_number.c
        known = conn.execute(select(row.last_asked_at).where(row.sn.startswith(code), row.order_code.is_(None)))
        assert all(at is not None for at in known.scalars())


def test_without_any_craft_line_nothing_is_counted_and_all_that_is_due_is_asked(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, **FACTORY, craft_line_verb="none")
    told = [nights.run(day) for day in range(LEARNT + 1)]
    assert sum(night.counts for night in told) == 0
    # One that Tuya did not know in three nights in a row waits for two nights.
    shares = [(night.found - night.boards_found) / (night.moved - night.boards) for night in told]
    assert min(shares) >= 0.9 and shares[:LEARNT] == [1.0] * LEARNT, shares


@pytest.mark.parametrize("budget", [0, 1])
def test_a_budget_of_nothing_or_that_is_used_up_plans_nothing_and_says_what_waits(
    warehouse: Warehouse, budget: int
) -> None:
    nights = Nights(warehouse, {"monthly_calls": budget}, **FACTORY)
    nights.run(0)
    night = nights.run(1)
    assert night.calls == 0
    assert night.unpaid.startswith("Tonight's share of the month's calls pays for 0 of ")
    assert nights.came_to and sum(nights.came_to.waiting.values()) > 0


def test_a_small_budget_counts_first_what_was_not_counted_longest_and_never_spends_more_than_its_share(
    warehouse: Warehouse,
) -> None:
    nights = Nights(warehouse, {"monthly_calls": 30 * 60}, **FACTORY)
    counted: dict[str, set[int]] = {}
    nights.client.instead = lambda path, body: (
        counted.setdefault(body["orderCode"], set()).add(int(nights.world.options.day))
        if path == PASS_AMOUNT.path
        else None
    )
    for day in range(14):
        night = nights.run(day)
        assert night.asked + night.counts <= 67, "sixty calls, and what earlier nights have left"
    assert trust(warehouse).agreed >= NIGHTS, "one order is asked in full, although not all that is due is paid for"
    assert len(counted) > 3


def test_an_open_one_is_asked_within_the_most_days_or_the_night_says_that_it_is_not_paid_for(
    warehouse: Warehouse,
) -> None:
    nights = Nights(warehouse, {"max_staleness_days": 3}, **FACTORY)
    told = [nights.run(day) for day in range(8)]
    assert max(night.worst for night in told) <= timedelta(days=3)


def test_counts_that_go_back_with_their_units_are_no_contradiction(warehouse: Warehouse) -> None:
    """Rework: a reset takes steps away, so that the warehouse knows of more passes than Tuya counts, until it asks."""
    nights = Nights(warehouse, orders=12, order_units=120, orders_at_once=4)
    told = [nights.run(day) for day in range(7)]
    assert any(night.reasons.get("audited") for night in told[LEARNT:]), "no unit was set back between two nights"
    assert trust(warehouse).fell_at is None and trust(warehouse).agreed >= NIGHTS
    assert sum(night.found for night in told[LEARNT:]) >= 0.995 * sum(night.moved for night in told[LEARNT:])


def test_units_registered_while_the_night_runs_are_found_in_it(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, **FACTORY)
    all_units = nights.register
    late = {order.code for order in nights.world.factory.orders[:2]}

    def without_some() -> None:
        units = nights.world.factory.serial_numbers(nights.world.options.day)
        entries = [registry.Unit(sn, order) for sn, order in units if order not in late or int(sn[-5:]) <= 20]
        with warehouse.begin() as conn:
            registry.add(conn, ACCOUNT, entries, "factory", nights.now)

    nights.register = without_some  # type: ignore[method-assign]
    for day in range(LEARNT):
        nights.run(day)
    added: list[bool] = []

    def add_meanwhile(path: str, body: Mapping[str, Any]) -> bytes | None:
        if path != PASS_AMOUNT.path and not added:
            added.append(True)
            all_units()
        return None

    nights.client.instead = add_meanwhile
    nights.run(LEARNT)
    with warehouse.read() as conn:
        row = serial_number.c
        unasked = [
            sn
            for (sn,) in conn.execute(select(row.sn).where(row.order_code.in_(late), row.last_asked_at.is_(None)))
            if nights.world.factory.steps(sn, LEARNT)
        ]
    assert added and unasked == []


def test_a_finished_order_is_counted_once_more_and_then_ever_more_rarely(warehouse: Warehouse) -> None:
    nights = Nights(warehouse, orders=4, order_units=15, orders_at_once=4)
    counted: list[tuple[int, str, str]] = []
    nights.client.instead = lambda path, body: (
        counted.append((int(nights.world.options.day), body["orderCode"], body["stationCode"]))
        if path == PASS_AMOUNT.path
        else None
    )
    for day in range(30):
        nights.run(day)
    with warehouse.read() as conn:
        orders = [one for one in order_units.orders(conn, ACCOUNT) if one.has_line and not one.waiting]
    assert orders
    for order in orders:
        assert order.last_changed_at is not None
        done = (order.last_changed_at - nights.now).days + 30
        after = [(day, node) for day, code, node in counted if code == order.order_code and day > done + 2]
        assert len({node for _, node in after}) <= 2, "only its last node, and the first where boards come in"
        days = sorted({day for day, _ in after})
        assert len(days) <= 4 and sorted(gaps(days)) == gaps(days), days


def gaps(days: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(days)]


def test_a_node_that_a_craft_line_has_gained_is_counted_from_then_on(warehouse: Warehouse) -> None:
    """In the warehouse the line lacks a node: a step there that is newer than the line has it asked again."""
    nights = Nights(warehouse, orders=12, order_units=150, orders_at_once=3)
    for day in range(LEARNT):
        nights.run(day)
    factory, now = nights.world.factory, float(LEARNT)
    with nights.warehouse.read() as conn:
        known = {one.order_code for one in order_units.orders(conn, ACCOUNT) if one.has_line and one.waiting}
    order, place = next(
        (one, place)
        for one in reversed(factory.orders)
        for place in range(1, len(one.craft_line.nodes))
        if one.code in known and factory.pass_counts(one, now)[place] > factory.pass_counts(one, now - 1)[place] + 10
    )
    node = order.craft_line.nodes[place].code
    of_node = craft_line_node.c.order_code == order.code, craft_line_node.c.node == node
    with nights.warehouse.begin() as conn:
        conn.execute(craft_line_node.delete().where(*of_node))
        old = nights.now - timedelta(days=30)
        conn.execute(craft_line.update().where(craft_line.c.order_code == order.code).values(asked_at=old))
    night = nights.run(LEARNT)
    assert night.found - night.boards_found >= 0.95 * (night.moved - night.boards) > 0
    later = nights.now + timedelta(days=1)
    with nights.warehouse.read() as conn:
        assert conn.execute(select(craft_line_node.c.sort).where(*of_node)).scalar() == place + 1
        of_order = [one for one in order_units.orders(conn, ACCOUNT) if one.order_code == order.code]
        (wanted,) = counting.wanted_counts(conn, ACCOUNT, of_order, later, later)
    assert node in wanted.nodes
