"""A lock that another session holds: it is named in the log and waited for within a bound."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from tests.support.analyst import Analyst
from tuyahouse.warehouse.database import patience, postgres_locks
from tuyahouse.warehouse.database.patience import Wait
from tuyahouse.warehouse.database.postgres_locks import Holder, shortened
from tuyahouse.warehouse.errors import LockLost, WaitedTooLong
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.shared.landing import landing, rebuilding
from tuyahouse.warehouse.warehouse import Warehouse


def write(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        conn.execute(text("INSERT INTO ops_pace VALUES ('a', 'e', 0, 1, NULL)"))


@pytest.fixture
def analyst(warehouse: Warehouse, warehouse_url: str) -> Iterator[Analyst]:
    one = Analyst(warehouse_url, "ops_pace")
    yield one
    one.close()


@pytest.fixture
def impatient(warehouse_url: str, warehouse: Warehouse, secret_key: str) -> Iterator[Callable[[float], Warehouse]]:
    """Open the warehouse with a bound of its own."""
    opened: list[Warehouse] = []

    def start(seconds: float) -> Warehouse:
        opened.append(Warehouse.open(warehouse_url, secret_key, lock_wait=timedelta(seconds=seconds)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Tell the process that it ends; the test takes it back."""
    monkeypatch.setattr(patience, "_ends_at", None)
    return patience.end_waits_soon


def test_the_holder_is_named_in_the_log_and_work_goes_on_when_it_lets_go(
    warehouse: Warehouse, analyst: Analyst, caplog: pytest.LogCaptureFixture
) -> None:
    writer = threading.Thread(target=write, args=(warehouse,))
    writer.start()
    end = time.monotonic() + 60
    while not caplog.text and time.monotonic() < end:
        time.sleep(0.1)
    analyst.let_go()
    writer.join(60)
    assert all(words in caplog.text for words in [*analyst.known_as, "LOCK_WAIT"]), caplog.text
    assert "a secret of hers" not in caplog.text
    with warehouse.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM ops_pace")).scalar() == 1


def test_a_session_whose_process_is_paused_in_a_copy_is_ended_and_its_lock_taken_over(
    fresh_postgres_url: str, secret_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_locks, "PAUSED_SECONDS", 1.0)
    warehouse = Warehouse.open(fresh_postgres_url, secret_key)
    first = locks.acquire(warehouse, "demo/sync_devices", "first", timedelta(seconds=1))
    paused = psycopg.connect(fresh_postgres_url)
    paused.execute("SELECT 1 FROM ops_lock FOR KEY SHARE")
    paused.execute("CREATE TEMPORARY TABLE stage_device (a text)")
    copy = paused.cursor().copy("COPY stage_device FROM STDIN")
    with pytest.raises(psycopg.OperationalError), copy:
        locks.acquire(warehouse, "demo/sync_devices", "second", timedelta(minutes=1))
    with pytest.raises(LockLost):
        first.renew()
    paused.close()
    warehouse.close()


def test_a_wait_beyond_the_bound_is_an_error_that_names_the_holder(
    impatient: Callable[[float], Warehouse], analyst: Analyst
) -> None:
    with pytest.raises(WaitedTooLong, match="longer than LOCK_WAIT") as error:
        write(impatient(6))
    assert analyst.known_as[0] in str(error.value)
    analyst.let_go()
    write(impatient(60))


def test_a_process_that_ends_waits_for_no_lock(
    warehouse: Warehouse, analyst: Analyst, ending: Callable[[], None]
) -> None:
    ending()
    with pytest.raises(WaitedTooLong):
        write(warehouse)


def test_a_statement_that_waits_when_the_process_begins_to_end_is_given_up(
    warehouse: Warehouse, analyst: Analyst, ending: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = []

    def try_to_write() -> None:
        try:
            write(warehouse)
        except Exception as error:
            errors.append(error)

    writer = threading.Thread(target=try_to_write)
    writer.start()
    while not caplog.text:
        time.sleep(0.1)
    ending()
    writer.join(60)
    assert not writer.is_alive() and len(errors) == 1


def test_a_process_that_ends_does_not_wait_for_a_replay(
    fresh_postgres_url: str, secret_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse.open(fresh_postgres_url, secret_key)
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", "n", {})
    with rebuilding(warehouse, run):
        monkeypatch.setattr(patience, "_ends_at", time.monotonic())
        with pytest.raises(WaitedTooLong, match="A replay of demo is rebuilding rows"), landing(warehouse, run):
            pass
    warehouse.close()


def test_a_reader_of_a_file_that_a_program_has_to_itself_waits_too(sqlite_url: str) -> None:
    Warehouse.open(sqlite_url).close()
    alone = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    alone.execute("PRAGMA locking_mode = EXCLUSIVE")
    alone.execute("BEGIN EXCLUSIVE")
    with pytest.raises(WaitedTooLong, match="was locked by"):
        Warehouse.open(sqlite_url, lock_wait=timedelta(seconds=1))
    alone.close()
    Warehouse.open(sqlite_url, lock_wait=timedelta(seconds=60)).close()


def test_a_user_who_may_not_see_what_others_do_still_learns_which_session_it_is() -> None:
    holder = Holder(1, 4711, "ana", "", None, None, "<insufficient privilege>", "device")
    assert str(holder) == "session 4711 (user ana, query <insufficient privilege>)"
    assert str(holder._replace(pid=0)) == "a prepared transaction (see pg_prepared_xacts)"


def test_a_query_is_shown_without_its_literals_and_in_one_line() -> None:
    assert shortened("UPDATE device\n SET name = 'it''s me', b = $x$ two $x$ WHERE id = 1") == (
        "UPDATE device SET name = '…', b = '…' WHERE id = 1"
    )
    assert shortened("SELECT 'cut off in the mid") == "SELECT '…'"
    assert len(shortened("SELECT " + "x" * 500)) == 81


def test_a_wait_is_logged_after_three_seconds_and_then_ever_more_rarely() -> None:
    wait = Wait(0.0)
    told = [second for second in range(1200) if wait.is_due(float(second))]
    assert told == [3, 30, 60, 120, 240, 480, 780, 1080]
