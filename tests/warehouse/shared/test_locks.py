"""Locks: one holder, who is named, renewed, and never in the way for long."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.support.kill import kill, start
from tuyahouse.warehouse.errors import LockLost, WarehouseAway
from tuyahouse.warehouse.shared.locks import LockHeld, account_lock, acquire
from tuyahouse.warehouse.shared.processes import is_dead, this_process
from tuyahouse.warehouse.warehouse import Warehouse

MINUTE = timedelta(minutes=1)
OVER = timedelta(0)


def test_a_held_lock_names_its_holder_since_when_and_until_when(warehouse: Warehouse) -> None:
    with account_lock(warehouse, "factory/nightly_sync", "lucid-otter", MINUTE):
        with pytest.raises(LockHeld, match="factory/nightly_sync is being worked on by lucid-otter since") as caught:
            acquire(warehouse, "factory/nightly_sync", "me", MINUTE)
        held = caught.value
        assert held.holder == "lucid-otter"
        assert held.expires_at - held.acquired_at == MINUTE
        assert abs(datetime.now(UTC) - held.acquired_at) < MINUTE


def test_a_held_lock_is_not_a_passing_fault() -> None:
    assert not issubclass(LockHeld, WarehouseAway)


def test_it_is_free_after_the_block_even_if_that_failed(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), account_lock(warehouse, "a/f", "one", MINUTE):
        raise ZeroDivisionError
    acquire(warehouse, "a/f", "two", MINUTE).release()


def test_another_name_is_another_lock(warehouse: Warehouse) -> None:
    with account_lock(warehouse, "a/f", "one", MINUTE), account_lock(warehouse, "a/g", "one", MINUTE):
        pass


def test_an_expired_lock_is_taken_over_and_its_late_holder_gets_an_error(warehouse: Warehouse) -> None:
    late = acquire(warehouse, "a/f", "late", OVER)
    with account_lock(warehouse, "a/f", "new", MINUTE):
        with pytest.raises(LockLost, match="ended before it was renewed"):
            late.renew()
        late.release()
        with pytest.raises(LockHeld, match="by new"):
            acquire(warehouse, "a/f", "third", MINUTE)


def test_an_expired_lock_that_is_still_free_can_be_renewed(warehouse: Warehouse) -> None:
    lock = acquire(warehouse, "a/f", "one", OVER)
    lock.lease = MINUTE
    lock.renew()
    with pytest.raises(LockHeld):
        acquire(warehouse, "a/f", "two", MINUTE)


HOLD = """
    import sys, time
    from datetime import timedelta
    from tuyahouse.warehouse.shared.locks import acquire
    from tuyahouse.warehouse.warehouse import Warehouse
    lock = acquire(Warehouse.open(sys.argv[1]), "a/f", "doomed", timedelta(hours=1))
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_of_this_machine_blocks_no_other(warehouse: Warehouse, warehouse_url: str) -> None:
    process = start(HOLD, warehouse_url)
    with pytest.raises(LockHeld, match="by doomed"):
        acquire(warehouse, "a/f", "me", MINUTE)
    kill(process)
    acquire(warehouse, "a/f", "me", MINUTE).release()


def test_a_holder_of_another_machine_is_waited_for(warehouse: Warehouse) -> None:
    with account_lock(warehouse, "a/f", "far", MINUTE):
        with warehouse.begin() as conn:
            conn.execute(text("UPDATE ops_lock SET process = 'elsewhere/1234-5/1/7#x'"))
        with pytest.raises(LockHeld):
            acquire(warehouse, "a/f", "me", MINUTE)


def test_a_lock_that_cannot_be_given_back_stops_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lock = acquire(warehouse, "a/f", "one", MINUTE)
    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "begin", _away)
        lock.release()
    assert "could not be released and ends by itself" in caplog.text


def _away() -> None:
    raise WarehouseAway("gone")


def test_this_process_lives() -> None:
    assert not is_dead(this_process())


def test_a_process_with_the_id_of_a_dead_one_is_not_the_dead_one() -> None:
    host, machine, pid, _ = this_process().split("/")
    assert is_dead(f"{host}/{machine}/{pid}/1")


@pytest.mark.parametrize(
    "unknown", [None, "", "me", "a/b/c", "a/b/1/2", pytest.param(f"host//{os.getpid()}/1", id="host//PID/1")]
)
def test_a_process_of_another_machine_is_not_called_dead(unknown: str | None) -> None:
    assert not is_dead(unknown)
