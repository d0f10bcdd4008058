"""Peak memory of the nightly path at two sizes. ``python -m benchmarks.memory``"""

import tempfile
from pathlib import Path

from benchmarks.account import environment, pattern
from benchmarks.measure import Usage, prefect_server, run, table, tuya
from tests.support.postgres import OwnPostgres, Postgres

SMALL, LARGE = 20_000, 200_000


def peak(postgres: Postgres, base_url: str, count: int, prefect: dict[str, str]) -> Usage:
    """What one run of sync_sn_flows over that many serial numbers used."""
    database = postgres.create_database()
    env = {**prefect, **environment(base_url, database)}
    registered = ("-p", "account=bench", "-p", f"pattern={pattern(count)}")
    run("python", "-m", "flows", "sync_serial_numbers", *registered, env=env)
    usage = run("python", "-m", "flows", "sync_sn_flows", "-p", "account=bench", env=env)
    postgres.drop_database(database)
    return usage


def main() -> None:
    postgres = OwnPostgres()
    with tempfile.TemporaryDirectory() as home, tuya() as base_url, prefect_server(Path(home)) as prefect:
        small, large = (peak(postgres, base_url, count, prefect) for count in (SMALL, LARGE))
    postgres.close()
    table(
        "Peak memory of sync_sn_flows",
        [
            [f"{SMALL:,} serial numbers", f"{small.peak_mb:.0f} MB", f"{small.wall_seconds:.0f} s"],
            [f"{LARGE:,} serial numbers", f"{large.peak_mb:.0f} MB", f"{large.wall_seconds:.0f} s"],
            ["added", f"{large.peak_mb - small.peak_mb:+.1f} MB", ""],
        ],
    )


if __name__ == "__main__":
    main()
