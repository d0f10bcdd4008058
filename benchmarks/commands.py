"""Deciding commands against what API and messages said of them, at two sizes. ``python -m benchmarks.commands``

Three observations for each command (sent, then a result, from both sides). It is set by set in SQL, so time is the
database's; memory is that of the process that gives the orders.
"""

import sys
from datetime import UTC, datetime

import psycopg

from benchmarks.account import environment
from benchmarks.measure import Usage, run, table
from tests.support.postgres import OwnPostgres, Postgres
from tuyahouse.settings import load_settings
from tuyahouse.sync.commands_reconcile import reconcile, rules_of
from tuyahouse.warehouse.warehouse import Warehouse

FEW, MANY = 100_000, 1_000_000
NUMBER = "(1461537485292300000 + n)::text"
BEGIN = "timestamptz '2026-11-20 00:00:00+00' + n * interval '10 milliseconds'"
FILL = (
    f"""INSERT INTO command (account, command_sn, source, added_at)
        SELECT 'bench', {NUMBER}, 'file', {BEGIN} FROM generate_series(1, %(count)s) n""",
    f"""INSERT INTO command_observation (account, command_sn, source, process_status, happened_at, device_id, observed_at)
        SELECT 'bench', {NUMBER}, said.source, said.status, {BEGIN} + said.later, 'bf' || n %% 2000, {BEGIN} + said.later
        FROM generate_series(1, %(count)s) n,
        LATERAL (VALUES ('message', 2, interval '0'), ('message', 3 + (n %% 10 = 0)::int, interval '1 second'),
                        ('api', 3, interval '2 seconds')) said (source, status, later)""",
    "ANALYZE command",
    "ANALYZE command_observation",
)


def decide() -> None:
    """What a child does: decide every command of the account, as the flow reconcile_commands does."""
    settings = load_settings()
    assert settings.secret_key is not None
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key.get_secret_value())
    reconcile(warehouse, "bench", rules_of(settings.commands), now=datetime.now(UTC), run_id="bench")
    warehouse.close()


def measured(postgres: Postgres, count: int) -> list[Usage]:
    """First and second decision over so many commands."""
    database = postgres.create_database()
    env = environment("http://127.0.0.1", database)
    Warehouse.open(database, env["TUYAHOUSE_SECRET_KEY"]).close()
    with psycopg.connect(database) as connection:
        for statement in FILL:
            connection.execute(statement, {"count": count})
    usages = [run("python", "-m", "benchmarks.commands", "decide", env=env) for _ in range(2)]
    postgres.drop_database(database)
    return usages


def main() -> None:
    postgres = OwnPostgres()
    rows = [["commands", "observations", "first", "again, unchanged", "a command", "peak memory"]]
    for count in (FEW, MANY):
        first, second = measured(postgres, count)
        rows.append(
            [
                f"{count:,}",
                f"{3 * count:,}",
                f"{first.wall_seconds:.1f} s",
                f"{second.wall_seconds:.1f} s",
                f"{first.wall_seconds / count * 1e6:.0f} µs",
                f"{max(first.peak_mb, second.peak_mb):.0f} MB",
            ]
        )
    postgres.close()
    table("Reconciling commands", rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["decide"]:
        decide()
    else:
        main()
