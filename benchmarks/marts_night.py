"""The refresh as a share of the night whose rows it refreshes: CPU of client, Prefect's server and database together.

``python -m benchmarks.marts_night`` asks 20,000 serial numbers of eight steps by ``sync_sn_flows``, its refresh
included, on a PostgreSQL of its own. Then the marts of the same work orders are emptied and refreshed once more, alone.
"""

import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import text

from benchmarks.account import environment, pattern
from benchmarks.measure import prefect_server, run, table, tuya
from benchmarks.processes import cpu_of
from tests.support.postgres import OwnPostgres
from tuyahouse.warehouse.marts import KEPT, marks
from tuyahouse.warehouse.marts.refresh import Rules, refresh
from tuyahouse.warehouse.warehouse import Warehouse

UNITS = 20_000
ACCOUNT = "bench"
SESSIONS_END = 2
"""Seconds after which the sessions of a program that has ended are gone too, and counted by their parent."""


def main() -> None:
    postgres = OwnPostgres()
    server = psutil.Process(postgres.pid)
    with tempfile.TemporaryDirectory() as home, tuya() as base_url, prefect_server(Path(home)) as prefect:
        [prefects] = [each for each in psutil.Process().children() if "prefect" in " ".join(each.cmdline())]
        url = postgres.create_database()
        env = {**prefect, **environment(base_url, url)}
        given = ("-p", f"account={ACCOUNT}", "-p")
        run("python", "-m", "flows", "sync_serial_numbers", *given, f"pattern={pattern(UNITS)}", env=env)
        time.sleep(SESSIONS_END)
        before = cpu_of(server), cpu_of(prefects)
        client = run("python", "-m", "flows", "sync_sn_flows", *given, "run_key=night", env=env).cpu_seconds
        time.sleep(SESSIONS_END)
        night = (client, cpu_of(prefects) - before[1], cpu_of(server) - before[0])
    again = _refresh_alone(url, server)
    postgres.close()
    report(night, again)


def _refresh_alone(url: str, server: psutil.Process) -> float:
    warehouse = Warehouse.open(url)
    with warehouse.begin() as conn:
        for mart in KEPT:
            conn.execute(text(f"DELETE FROM {mart.name}"))
        conn.execute(text("DELETE FROM ops_mart_dirty"))
        marks.mark_all(conn, ACCOUNT, "again")
    before = time.process_time(), cpu_of(server)
    done = refresh(warehouse, ACCOUNT, Rules())
    used = time.process_time() - before[0] + cpu_of(server) - before[1]
    warehouse.close()
    assert done.steps == UNITS * 8, done
    return used


def report(night: tuple[float, float, float], again: float) -> None:
    rows = [["client", "Prefect's server", "PostgreSQL", "the night", "its refresh alone", "share", "a step"]]
    seconds = [f"{each:.1f} s" for each in (*night, sum(night), again)]
    rows.append([*seconds, f"{again / sum(night):.1%}", f"{1e6 * again / (UNITS * 8):.1f} µs"])
    table(f"CPU of a night of {UNITS:,} serial numbers", rows)


if __name__ == "__main__":
    main()
