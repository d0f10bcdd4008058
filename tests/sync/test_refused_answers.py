"""An answer that the database refuses is one dead letter; the rest of its chunk lands."""

from datetime import UTC, datetime

from tests.warehouse.answers import stored_answers
from tuyahouse.cloud.calls.pms import decode_flow_steps
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.chunks import land_what_came
from tuyahouse.sync.serial_numbers.chunk import KIND, SnAnswer, land_chunk
from tuyahouse.warehouse.ledgers import dead_letters, run_chunks, runs
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)


def answer(sn: str, node: str = "N1") -> SnAnswer:
    body = f'[{{"sn": "{sn}", "node": "{node}", "time": 1763676000000, "status": true}}]'.encode()
    steps = decode_flow_steps(body)
    assert steps[0].node == node
    return SnAnswer(body, body[:32], steps, True)


async def test_one_answer_that_no_table_can_hold_is_one_dead_letter_and_its_chunk_lands(warehouse: Warehouse) -> None:
    sns = [f"S{n:02}" for n in range(20)]
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", "n1", {})
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [sns])
    asked: Asked[SnAnswer] = Asked(kind=KIND)
    asked.answers = [(sn, answer(sn, "n" * 5000 if sn == "S13" else "N1")) for sn in sns]

    async def ask() -> None:
        return None

    def land() -> Outcome:
        return land_chunk(warehouse, run, 0, asked, {}, {}, calls=20, now=lambda: AT)

    outcome = await land_what_came(asked, ask(), land)
    assert (outcome.asked, outcome.answered, outcome.rejected, outcome.calls) == (20, 19, 1, 20)
    with warehouse.read() as conn:
        (letter,) = dead_letters.open_dead_letters(conn, "demo", KIND)
        stored = sorted(sn for sn, _ in stored_answers(conn, "demo", KIND))
    assert (letter.key, letter.reason) == ("S13", "not_storable") and b"nnnn" in (letter.raw or b"")
    assert stored == [sn for sn in sns if sn != "S13"]
    assert run_chunks.open_chunks(warehouse, run.run_id) == []
    assert runs.finish_run(warehouse, run.run_id, "balanced").status == "balanced"
