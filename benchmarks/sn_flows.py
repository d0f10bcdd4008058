"""CPU of one serial number: the whole nightly path against the shortest loop by hand. ``python -m benchmarks.sn_flows``

Both ask the same server and load the same PostgreSQL. The difference of two sizes leaves out what starting costs. The
programs take turns for some rounds, of which the least disturbed one counts.
"""

import tempfile
from pathlib import Path

from benchmarks.account import environment, pattern
from benchmarks.measure import Rounds, Usage, prefect_server, rows_written, run, table, tuya
from tests.support.postgres import OwnPostgres, Postgres

SMALL, LARGE, ROUNDS = 2_000, 22_000, 3


def by_hand(postgres: Postgres, base_url: str, count: int) -> list[Usage]:
    """First run and second run, over the same answers, of the hand-written loop."""
    database = postgres.create_database()
    usages = [run("python", "-m", "benchmarks.hand_loop", base_url, database, str(count)) for _ in range(2)]
    postgres.drop_database(database)
    return usages


def by_tuyahouse(postgres: Postgres, base_url: str, count: int, prefect: dict[str, str]) -> list[Usage]:
    """First run and second run, over the same answers, of the flow sync_sn_flows."""
    database = postgres.create_database()
    env = {**prefect, **environment(base_url, database)}
    registered = ("-p", "account=bench", "-p", f"pattern={pattern(count)}")
    run("python", "-m", "flows", "sync_serial_numbers", *registered, env=env)
    flow = ("python", "-m", "flows", "sync_sn_flows", "-p", "account=bench", "-p")
    first = run(*flow, "run_key=bench/first", env=env)
    written = rows_written(database, "flow_step")
    assert written == count * 8, f"{written} steps written for {count} serial numbers"
    second = run(*flow, "run_key=bench/second", env=env)
    assert rows_written(database, "flow_step") == written, "the second run wrote steps, over unchanged answers"
    postgres.drop_database(database)
    return [first, second]


def main() -> None:
    rounds = Rounds(SMALL, LARGE)
    postgres = OwnPostgres()
    with tempfile.TemporaryDirectory() as home, tuya() as base_url, prefect_server(Path(home)) as prefect:
        for _ in range(ROUNDS):
            for size in (SMALL, LARGE):
                rounds.note("hand", size, *by_hand(postgres, base_url, size))
                rounds.note("tuyahouse", size, *by_tuyahouse(postgres, base_url, size, prefect))
    postgres.close()
    report(rounds)


def report(rounds: Rounds) -> None:
    hand, ours = ([rounds.cost(name, which) for which in ("first", "second")] for name in ("hand", "tuyahouse"))
    large = [rounds.of(name, "first", LARGE) for name in ("tuyahouse", "hand")]
    ratios = [ours.cpu_seconds / hand.cpu_seconds for ours, hand in zip(*large, strict=True)]
    table(
        f"CPU of one serial number (8 steps), least of {ROUNDS} rounds",
        [
            ["", "first run", "over unchanged answers"],
            ["by hand", *(f"{cost:.0f} µs" for cost in hand)],
            ["tuyahouse", *(f"{cost:.0f} µs" for cost in ours)],
            ["ratio", f"{ours[0] / hand[0]:.2f}", f"{ours[1] / ours[0]:.2f} of its own first run"],
            [
                f"whole runs of {LARGE:,}, starting included",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                "",
            ],
        ],
    )


if __name__ == "__main__":
    main()
