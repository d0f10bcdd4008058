"""Rebuild the core from stored answers, without a call.

Blocks are read oldest first and land as they did originally: the same rows, times, runs and states. Serial numbers
without a stored answer keep what they have. Craft lines, process steps, states, functions of devices and links from
devices to serial numbers come from answers alone and are rebuilt. ``device`` and ``device_history`` are not: they also
reflect messages, and devices that a complete list no longer held.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
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
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.key_set import KeySet
from tuyahouse.warehouse.ledgers import dead_letters, raw_blocks, runs
from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter
from tuyahouse.warehouse.ledgers.raw_blocks import Block
from tuyahouse.warehouse.marts import marks
from tuyahouse.warehouse.serial_numbers import flow_steps, registry
from tuyahouse.warehouse.shared.landing import rebuilding
from tuyahouse.warehouse.warehouse import Warehouse


def replay(
    warehouse: Warehouse, run: runs.Run, at: datetime, on_answers: Callable[[int], object] = lambda count: None
) -> Outcome:
    """Rebuild the rows from the stored answers of the run's account, in one transaction; memory stays flat.

    A stored answer that today's code cannot read becomes a dead letter (``rejected``) and changes nothing.
    """
    outcome = Outcome()
    # Reads begin once nobody lands any more: what lands while blocks are read would be deleted.
    with rebuilding(warehouse, run) as conn, warehouse.read() as source, KeySet() as known_keys:
        last_nodes = _replay_craft_lines(source, conn, run.account)
        for block in raw_blocks.blocks(source, run.account, chunk.KIND):
            asked = _read_block(block)
            _land(conn, run.account, block, asked, last_nodes, known_keys)
            dead_letters.record(conn, run.account, asked.rejected, at)
            outcome += _counted(asked)
            on_answers(asked.asked)
        outcome += replay_devices(source, conn, run.account, at, on_answers)
        marks.mark_all(conn, run.account, f"replay {run.run_id}/{at.isoformat()}")
        runs.finish_chunk(conn, run.run_id, 0, outcome, (), at)
    return outcome


def _replay_craft_lines(source: Any, conn: Connection, account: str) -> LastNodes:
    last_nodes: LastNodes = {}
    for block in raw_blocks.blocks(source, account, craft_lines.KIND):
        lines = [(order, line) for order, body in block.answers if (line := _craft_line(body))]
        write_craft_lines(conn, account, lines, block.run_id, block.stored_at)
        last_nodes.update({order: line.last_node for order, line in lines})
    return last_nodes


def _craft_line(body: bytes) -> CraftLine | None:
    try:
        return decode_craft_line(stored_result(body))
    except TuyaError:
        return None


def _read_block(block: Block) -> Asked[SnAnswer]:
    asked: Asked[SnAnswer] = Asked()
    for sn, body in block.answers:
        try:
            asked.answers.append((sn, chunk.read_answer(stored_result(body), body, None)))
        except TuyaError as error:
            asked.rejected.append(DeadLetter(chunk.KIND, sn, "unusable_answer", error.code, str(error), body))
    return asked


def _land(
    conn: Connection, account: str, block: Block, asked: Asked[SnAnswer], last_nodes: LastNodes, known_keys: KeySet
) -> None:
    run_id, sns = block.run_id, [sn for sn, _ in asked.answers]
    flow_steps.delete_steps(conn, account, known_keys.add(sns))
    registry.add(conn, account, (registry.Unit(sn) for sn in sns), "replay", block.stored_at)
    rows = [row for sn, answer in asked.answers for row in step_rows(sn, answer.steps or ())]
    write_steps(conn, runs.Run(account, "replay", "", run_id), rows, sns, block.stored_at)
    changes = registry_changes(asked.answers, {}, last_nodes, block.stored_at)
    registry.mark_replayed(conn, account, changes)


def _counted(asked: Asked[SnAnswer]) -> Outcome:
    counted = chunk.count(asked, 0)
    return replace(counted, unchanged=0)
