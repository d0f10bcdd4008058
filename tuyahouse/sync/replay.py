"""Rebuild the core from stored answers, without a call.

Blocks are read oldest first and land as they did originally: the same rows, times, runs and states. Serial numbers
without a stored answer keep what they have. Craft lines, process steps, states, functions of devices and links from
devices to serial numbers come from answers alone and are rebuilt. ``device`` and ``device_history`` are not: they also
reflect messages, and devices that a complete list no longer held.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from tuyahouse.cloud.calls.pms import CraftLine, decode_craft_line
from tuyahouse.cloud.errors import TuyaError
from tuyahouse.cloud.http.answer import stored_result
from tuyahouse.outcome import Outcome
from tuyahouse.sync.asking import Asked
from tuyahouse.sync.devices.replay import replay_devices
from tuyahouse.sync.serial_numbers import chunk, craft_lines
from tuyahouse.sync.serial_numbers.chunk import SnAnswer, registry_changes, step_rows, write_steps
from tuyahouse.sync.serial_numbers.craft_lines import LastNodes, write_craft_lines
from tuyahouse.warehouse.bulk.halves import write_in_halves
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.key_set import KeySet
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, run_chunks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.ledgers.raw_blocks import Block
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.serial_numbers import flow_steps, registry
from tuyahouse.warehouse.shared.landing import rebuilding
from tuyahouse.warehouse.warehouse import Warehouse

Answer = tuple[str, SnAnswer]


def replay(
    warehouse: Warehouse, run: runs.Run, at: datetime, on_answers: Callable[[int], object] = lambda count: None
) -> Outcome:
    """Rebuild the rows from the stored answers of the run's account, in one transaction; memory stays flat.

    A stored answer that today's code cannot read, or that the database refuses, becomes a dead letter (``rejected``)
    and changes nothing.
    """
    outcome = Outcome()
    # Reading begins once all landings have ended: what lands while blocks are read would be deleted.
    with rebuilding(warehouse, run) as conn, warehouse.read() as source, KeySet() as known_keys:
        last_nodes = _replay_craft_lines(warehouse, source, conn, run.account, at)
        for block in raw_blocks.blocks(source, run.account, chunk.KIND):
            asked = _read_block(block)
            _land(warehouse, conn, run.account, block, asked, last_nodes, known_keys)
            dead_letters.record(conn, run.account, asked.rejected, at)
            outcome += _counted(asked)
            on_answers(asked.asked)
        outcome += replay_devices(warehouse, source, conn, run.account, at, on_answers)
        marks.mark_all(conn, run.account, f"replay {run.run_id}/{at.isoformat()}")
        run_chunks.finish_chunk(conn, run.run_id, 0, outcome, (), at)
    return outcome


def _replay_craft_lines(warehouse: Warehouse, source: Any, conn: Connection, account: str, at: datetime) -> LastNodes:
    last_nodes: LastNodes = {}
    for block in raw_blocks.blocks(source, account, craft_lines.KIND):
        bodies, unusable = dict(block.answers), list[DeadLetter]()
        lines = _read_craft_lines(bodies, unusable)

        def write(part: Sequence[tuple[str, CraftLine]]) -> None:
            write_craft_lines(conn, account, part, block.run_id, block.stored_at)  # noqa: B023 - called at once
            last_nodes.update({order: line.last_node for order, line in part})

        def refuse(line: tuple[str, CraftLine], problem: str) -> None:
            body = bodies[line[0]]  # noqa: B023 - called at once
            unusable.append(DeadLetter(craft_lines.KIND, line[0], "not_storable", "", problem, body))  # noqa: B023

        write_in_halves(warehouse, conn, lines, write, refuse)
        dead_letters.record(conn, account, unusable, at)
    return last_nodes


def _read_craft_lines(bodies: Mapping[str, bytes], unusable: list[DeadLetter]) -> list[tuple[str, CraftLine]]:
    lines = []
    for order, body in bodies.items():
        try:
            lines.append((order, decode_craft_line(stored_result(body))))
        except TuyaError as error:
            unusable.append(DeadLetter(craft_lines.KIND, order, "unusable_answer", error.code, str(error), body))
    return lines


def _read_block(block: Block) -> Asked[SnAnswer]:
    asked: Asked[SnAnswer] = Asked()
    for sn, body in block.answers:
        try:
            asked.answers.append((sn, chunk.read_answer(stored_result(body), body, None)))
        except TuyaError as error:
            asked.rejected.append(DeadLetter(chunk.KIND, sn, "unusable_answer", error.code, str(error), body))
    return asked


def _land(
    warehouse: Warehouse,
    conn: Connection,
    account: str,
    block: Block,
    asked: Asked[SnAnswer],
    last_nodes: LastNodes,
    known_keys: KeySet,
) -> None:
    met_first = known_keys.add([sn for sn, _ in asked.answers])
    run = runs.Run(account, "replay", "", block.run_id)

    def write(answers: Sequence[Answer]) -> Sequence[Answer]:
        sns = [sn for sn, _ in answers]
        flow_steps.delete_steps(conn, account, [sn for sn in sns if sn in met_first])
        registry.add(conn, account, (registry.Unit(sn) for sn in sns), "replay", block.stored_at)
        rows = [row for sn, answer in answers for row in step_rows(sn, answer.steps or ())]
        write_steps(conn, run, rows, sns, block.stored_at)
        registry.mark_replayed(conn, account, registry_changes(answers, {}, last_nodes, block.stored_at))
        return answers

    def refuse(answer: Answer, problem: str) -> Sequence[Answer]:
        asked.rejected.append(DeadLetter(chunk.KIND, answer[0], "not_storable", "", problem, answer[1].body))
        return []

    written = write_in_halves(warehouse, conn, asked.answers, write, refuse)
    asked.answers = list(chain.from_iterable(written))


def _counted(asked: Asked[SnAnswer]) -> Outcome:
    counted = chunk.count(asked, 0)
    return replace(counted, unchanged=0)
