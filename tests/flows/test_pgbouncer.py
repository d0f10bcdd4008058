"""A warehouse behind pgbouncer that pools by transaction: each transaction may meet another session of the server."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.flows.nights import environment_of, register, rows, units
from tests.flows.processes import run_flow
from tests.support.analyst import Analyst
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.tables import device, serial_number
from tuyahouse.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="a pooler needs pgbouncer, not on this machine")


@pytest.fixture
def pooled(fresh_postgres_url: str, secret_key: str) -> Iterator[str]:
    """URL of an empty database behind a pooler with three sessions."""
    pooler = PgBouncer(fresh_postgres_url)
    yield pooler.url
    pooler.close()


def test_nights_behind_a_pooler_by_transaction_end_well(
    tuya: Sandbox, prefect_server: PrefectServer, pooled: str, secret_key: str
) -> None:
    warehouse = Warehouse.open(pooled, secret_key)
    register(warehouse, [sn for sn, _ in units(tuya) if int(sn[-5:]) <= 60])
    env = environment_of(tuya, pooled, secret_key, TUYAHOUSE_ACCOUNTS__DEMO__PROJECT_IDS="south-hall")
    for run_key in ("n1", "n2"):  # what was prepared once is asked for again
        code, printed = run_flow("nightly_sync", env | prefect_server.env, run_key=run_key)
        assert code == 0, printed
    assert ("new",) not in rows(warehouse, serial_number, "state") and rows(warehouse, device, "device_id")
    warehouse.close()


def test_the_same_statement_in_many_transactions_of_many_threads(pooled: str) -> None:
    warehouse = Warehouse.open(pooled)
    with warehouse.begin() as conn:
        conn.execute(text("INSERT INTO ops_pace VALUES ('a', 'e', 0, 1, NULL)"))

    def count() -> None:
        for _ in range(20):
            with warehouse.begin() as conn:
                conn.execute(text("UPDATE ops_pace SET next_slot = next_slot + :one"), {"one": 1})

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with warehouse.read() as conn:
        assert conn.execute(text("SELECT next_slot FROM ops_pace")).scalar() == 160
        settings = [conn.execute(text(f"SHOW {name}")).scalar() for name in ("jit", "lock_timeout")]
    assert settings == ["off", "10min"]
    warehouse.close()


def test_who_holds_a_lock_is_seen_through_a_pooler(
    pooled: str, fresh_postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse = Warehouse.open(pooled)
    caplog.clear()  # it says that it made the warehouse
    analyst = Analyst(fresh_postgres_url, "ops_pace")

    def read() -> None:
        with warehouse.read() as conn:
            conn.execute(text("SELECT * FROM ops_pace"))

    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive() and not caplog.text:
        reader.join(0.1)
    analyst.close()
    reader.join(60)
    assert all(words in caplog.text for words in analyst.known_as), caplog.text
    warehouse.close()
