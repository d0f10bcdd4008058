"""CPU of one message and peak memory: the consumer against the shortest loop by hand. ``python -m benchmarks.messages``

Both read the same messages of all formats, 2 % of them unreadable and 10 % duplicates, from the same broker into the
same PostgreSQL, in turns. The difference of two sizes leaves out what starting costs.
"""

import statistics
from collections.abc import Callable
from uuid import uuid4

from pydantic import SecretStr

from benchmarks.measure import Usage, cost_of_one, run, table
from tests.messages.sealing import ACCESS_KEY
from tests.messages.stream import stream
from tests.support.postgres import OwnPostgres, Postgres
from tests.support.pulsar.broker import OPERATOR, OPERATOR_PASSWORD, PulsarBroker
from tuyahouse.messages.sources.publish import Publisher

SMALL, LARGE, ROUNDS = 10_000, 110_000, 3
MEMORY_SMALL, MEMORY_LARGE = 100_000, 1_000_000
CLIENT_ID = "bench0000000000000001"


def publish(broker: PulsarBroker, count: int, seed: int) -> None:
    """Add messages to the account's topic."""
    with Publisher(broker.url, CLIENT_ID, operator=OPERATOR, password=SecretStr(OPERATOR_PASSWORD)) as out:
        for message in stream(count, seed):
            out.publish(message.payload, message.properties, message.key)


def by_hand(postgres: Postgres, broker: PulsarBroker, count: int) -> Usage:
    database = postgres.create_database()
    arguments = (broker.url, database, CLIENT_ID, ACCESS_KEY, uuid4().hex, str(count))
    usage = run("python", "-m", "benchmarks.messages_by_hand", *arguments)
    postgres.drop_database(database)
    return usage


def by_tuyahouse(postgres: Postgres, broker: PulsarBroker, count: int) -> Usage:
    database = postgres.create_database()
    account = "TUYAHOUSE_ACCOUNTS__BENCH__"
    env = {
        "TUYAHOUSE_WAREHOUSE_URL": database,
        "TUYAHOUSE_SECRET_KEY": "a-key-of-the-benchmark-and-of-nothing-else",
        f"{account}CLIENT_ID": CLIENT_ID,
        f"{account}CLIENT_SECRET": ACCESS_KEY,
        f"{account}BASE_URL": "http://127.0.0.1:1",
        f"{account}MESSAGES_URL": broker.url,
        f"{account}MESSAGES_SUBSCRIPTION": uuid4().hex,
    }
    usage = run("python", "-m", "benchmarks.messages_consumer", str(count), env=env)
    postgres.drop_database(database)
    return usage


def cost(program: Callable[[Postgres, PulsarBroker, int], Usage], postgres: Postgres, broker: PulsarBroker) -> float:
    """CPU microseconds of one message."""
    return cost_of_one(program(postgres, broker, SMALL), program(postgres, broker, LARGE), LARGE - SMALL)


def main() -> None:
    broker, postgres = PulsarBroker(), OwnPostgres()
    try:
        broker.add_account(CLIENT_ID, ACCESS_KEY)
        publish(broker, LARGE, seed=1)
        hand, ours = [], []
        for _ in range(ROUNDS):
            hand.append(cost_of_one(*[by_hand(postgres, broker, count) for count in (SMALL, LARGE)], LARGE - SMALL))
            ours.append(
                cost_of_one(*[by_tuyahouse(postgres, broker, count) for count in (SMALL, LARGE)], LARGE - SMALL)
            )
        report(hand, ours)
        publish(broker, MEMORY_LARGE - LARGE, seed=2)
        memory(by_tuyahouse(postgres, broker, MEMORY_SMALL), by_tuyahouse(postgres, broker, MEMORY_LARGE))
    finally:
        broker.close()
        postgres.close()


def report(hand: list[float], ours: list[float]) -> None:
    ratios = [one / other for one, other in zip(hand, ours, strict=True)]
    table(
        f"CPU of one message, median of {ROUNDS} rounds",
        [
            ["by hand", f"{statistics.median(hand):.1f} µs", ""],
            ["tuyahouse", f"{statistics.median(ours):.1f} µs", ""],
            [
                "messages per CPU second, of those by hand",
                f"{statistics.median(hand) / statistics.median(ours):.2f}",
                f"({min(ratios):.2f} to {max(ratios):.2f})",
            ],
        ],
    )


def memory(small: Usage, large: Usage) -> None:
    table(
        "Peak memory of the consumer",
        [
            [f"{MEMORY_SMALL:,} messages", f"{small.peak_mb:.0f} MB", f"{small.wall_seconds:.0f} s"],
            [f"{MEMORY_LARGE:,} messages", f"{large.peak_mb:.0f} MB", f"{large.wall_seconds:.0f} s"],
            ["added", f"{large.peak_mb - small.peak_mb:+.1f} MB", ""],
        ],
    )


if __name__ == "__main__":
    main()
