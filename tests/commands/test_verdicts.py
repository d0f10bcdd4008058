"""The SQL that decides whole sets of commands says what the pure function says."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from tests.commands.reference import word_of
from tuyahouse.settings import CommandPolicy
from tuyahouse.sync.commands.reconcile import reconcile, rules_of
from tuyahouse.sync.commands.rules import BACK_AFTER, Age, Word, settled, verdict
from tuyahouse.warehouse.bulk.writer import insert_new
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import command, command_observation, device
from tuyahouse.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
POLICY = CommandPolicy(
    deadline=timedelta(hours=1), deadline_by_product_type={"lift": timedelta(hours=10)}, give_up_after=timedelta(days=7)
)
SAYINGS: dict[Word, list[tuple[int, int]]] = {
    Word.NONE: [],
    Word.SENDING: [(1, 0)],
    Word.SENT: [(1, 0), (2, 5)],
    Word.SUCCEEDED: [(2, 5), (3, 10)],
    Word.FAILED: [(4, 10)],
    Word.UNCLEAR: [(2, 5), (5, 10)],
    Word.OTHER: [(9, 10)],
    Word.CONTRADICTION: [(3, 10), (2, 60)],
}
BEGAN = {Age.YOUNG: timedelta(minutes=30), Age.OVERDUE: timedelta(hours=5), Age.GIVEN_UP: timedelta(days=30)}

Said = tuple[str, str, int, datetime]


def store(warehouse: Warehouse, commands: Iterable[tuple[str, datetime]], said: Iterable[Said], **fields: Any) -> None:
    with warehouse.begin() as conn:
        columns = ("account", "command_sn", "added_at", "first_asked_at", "asked_times", *fields)
        rows = [("demo", sn, added_at, added_at, 1, *fields.values()) for sn, added_at in commands]
        insert_new(conn, command, columns, rows)
        columns = ("account", "command_sn", "source", "process_status", "happened_at", "observed_at", "message")
        observed = [("demo", sn, source, status, at, at, f"{source} {status}") for sn, source, status, at in said]
        insert_new(conn, command_observation, columns, observed)


def read(warehouse: Warehouse) -> dict[str, Any]:
    with warehouse.read() as conn:
        return {row.command_sn: row for row in conn.execute(select(command))}


def run(warehouse: Warehouse, now: datetime = NOW, size: int = 7) -> int:
    return reconcile(
        warehouse, runs.Run("demo", "reconcile_commands", "r1", "r1"), rules_of(POLICY), now=now, set_size=size
    )


def said_by(sn: str, source: str, word: Word, began: datetime) -> list[Said]:
    return [(sn, source, status, began + timedelta(seconds=after)) for status, after in SAYINGS[word]]


def test_every_cell_of_the_table_is_decided_the_same(warehouse: Warehouse) -> None:
    cells = [(api, message, age) for api in Word for message in Word for age in Age]
    names = {f"{place:03}": cell for place, cell in enumerate(cells)}
    said = [
        one
        for sn, (api, message, age) in names.items()
        for one in said_by(sn, "api", api, NOW - BEGAN[age]) + said_by(sn, "message", message, NOW - BEGAN[age])
    ]
    store(warehouse, [(sn, NOW - BEGAN[cell[2]]) for sn, cell in names.items()], said)
    run(warehouse)
    decided = {sn: (row.verdict, row.done_at is not None) for sn, row in read(warehouse).items()}
    assert decided == {sn: (verdict(*cell), settled(cell[0], cell[2])) for sn, cell in names.items()}


def test_any_history_of_a_command_is_read_the_same(warehouse: Warehouse) -> None:
    chance = random.Random(11)
    said = [
        (f"{number:04}", source, chance.choice([1, 2, 2, 3, 4, 5, 9]), NOW - timedelta(seconds=chance.randint(0, 8)))
        for number in range(600)
        for source in ("api", "message")
        for _ in range(chance.randint(0, 3))
    ]
    store(warehouse, [(f"{number:04}", NOW) for number in range(600)], said)
    run(warehouse, size=100)

    def word(sn: str, source: str) -> Word:
        mine = [(status, at) for each, by, status, at in set(said) if (each, by) == (sn, source)]
        return word_of(mine, BACK_AFTER if source == "message" else timedelta(0))

    expected = {f"{n:04}": verdict(word(f"{n:04}", "api"), word(f"{n:04}", "message"), Age.YOUNG) for n in range(600)}
    assert {sn: row.verdict for sn, row in read(warehouse).items()} == expected
    assert len(set(expected.values())) >= 5


def test_reconciling_again_writes_nothing(warehouse: Warehouse) -> None:
    store(warehouse, [("1", NOW)], [("1", "api", 3, NOW), ("1", "message", 3, NOW)])
    assert (run(warehouse), run(warehouse)) == (1, 0)


def test_a_command_has_the_status_time_and_text_of_its_newest_word(warehouse: Warehouse) -> None:
    store(
        warehouse,
        [("1", NOW)],
        [("1", "message", 1, NOW - timedelta(seconds=9)), ("1", "api", 2, NOW - timedelta(seconds=5))],
    )
    run(warehouse)
    row = read(warehouse)["1"]
    assert (row.process_status, row.happened_at, row.message) == (2, NOW - timedelta(seconds=5), "api 2")
    assert (row.api_status, row.message_status, row.done_at) == (2, 1, None)


def test_a_final_status_holds_against_later_words_and_the_conflict_is_recorded(warehouse: Warehouse) -> None:
    store(warehouse, [("1", NOW)], [("1", "api", 3, NOW), ("1", "message", 4, NOW + timedelta(seconds=30))])
    run(warehouse)
    row = read(warehouse)["1"]
    assert (row.process_status, row.verdict, row.api_status, row.message_status) == (3, "conflict", 3, 4)


def test_a_late_message_turns_api_ahead_into_matched(warehouse: Warehouse) -> None:
    store(warehouse, [("1", NOW)], [("1", "api", 3, NOW)])
    run(warehouse)
    assert read(warehouse)["1"].verdict == "api_ahead"
    store(warehouse, [], [("1", "message", 3, NOW)])
    run(warehouse)
    assert read(warehouse)["1"].verdict == "matched"


def test_the_deadline_is_that_of_the_devices_product_type(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        rows = [("demo", "d1", "lift"), ("demo", "d2", "door")]
        insert_new(conn, device, ("account", "device_id", "product_type"), rows)
    began = NOW - timedelta(hours=5)
    store(warehouse, [("1", began)], [("1", "api", 2, began)], device_id="d1")
    store(warehouse, [("2", began)], [("2", "api", 2, began)], device_id="d2")
    run(warehouse)
    assert {sn: row.verdict for sn, row in read(warehouse).items()} == {"1": "api_ahead", "2": "stuck"}


def test_a_command_that_was_never_asked_is_not_given_up(warehouse: Warehouse) -> None:
    store(warehouse, [("1", NOW - timedelta(days=90))], [])
    with warehouse.begin() as conn:
        conn.execute(command.update().values(first_asked_at=None))
    run(warehouse)
    row = read(warehouse)["1"]
    assert (row.verdict, row.done_at) == ("unknown", None)


def test_a_command_that_tuya_does_not_know_is_given_up_after_the_set_time(warehouse: Warehouse) -> None:
    store(warehouse, [("1", NOW)], [], unknown_since=NOW)
    run(warehouse, now=NOW + timedelta(days=6))
    assert read(warehouse)["1"].done_at is None
    run(warehouse, now=NOW + timedelta(days=8))
    row = read(warehouse)["1"]
    assert (row.verdict, row.done_at) == ("unknown", NOW + timedelta(days=8))


def test_a_message_about_a_settled_command_opens_it_again(warehouse: Warehouse) -> None:
    began = NOW - timedelta(days=30)
    store(warehouse, [("1", began)], [("1", "api", 2, began)])
    run(warehouse)
    assert (read(warehouse)["1"].verdict, read(warehouse)["1"].done_at) == ("stuck", NOW)
    store(warehouse, [], [("1", "message", 3, NOW)])
    run(warehouse)
    row = read(warehouse)["1"]
    assert (row.verdict, row.done_at) == ("message_ahead", None)
