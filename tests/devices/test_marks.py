"""Counts of the marks of a run's sweeps."""

from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.devices.marks import Marks, clear_marks, count_marks, marked_elsewhere
from tuyahouse.warehouse.tables import ops_sweep
from tuyahouse.warehouse.warehouse import Warehouse


def mark(warehouse: Warehouse, project: str, sweep: int, **hashes: bytes) -> None:
    columns = ("account", "project_id", "sweep", "device_id", "fact_hash")
    with warehouse.begin() as conn:
        insert_new(
            conn, ops_sweep, columns, [("demo", project, sweep, name, digest) for name, digest in hashes.items()]
        )


def count(warehouse: Warehouse, sweep: int) -> Marks:
    with warehouse.read() as conn:
        return count_marks(conn, "demo", "p1", sweep)


def test_all_devices_of_a_first_sweep_are_new(warehouse: Warehouse) -> None:
    mark(warehouse, "p1", 1, a=b"1", b=b"1")
    assert count(warehouse, 1) == Marks(devices=2, new=2, changed=0, missing=0, known=2, new_to_all=2)


def test_a_sweep_is_held_against_the_one_before_it_and_against_all(warehouse: Warehouse) -> None:
    mark(warehouse, "p1", 1, a=b"1", b=b"1", c=b"1", d=b"1")
    mark(warehouse, "p1", 2, a=b"1", b=b"1", e=b"1")
    mark(warehouse, "p1", 3, a=b"1", b=b"2", c=b"2", f=b"1")
    assert count(warehouse, 3) == Marks(devices=4, new=2, changed=1, missing=1, known=6, new_to_all=1)


def test_marks_of_another_project_do_not_count(warehouse: Warehouse) -> None:
    mark(warehouse, "p1", 1, a=b"1")
    mark(warehouse, "p2", 1, a=b"1", b=b"1")
    assert count(warehouse, 1).devices == 1
    with warehouse.begin() as conn:
        assert marked_elsewhere(conn, "demo", "p1", ["a", "b", "c"]) == {"a", "b"}
        clear_marks(conn, "demo", "p2")
        assert marked_elsewhere(conn, "demo", "p1", ["a", "b", "c"]) == set()


def test_no_marks_are_no_devices(warehouse: Warehouse) -> None:
    assert count(warehouse, 1) == Marks(0, 0, 0, 0, 0, 0)
