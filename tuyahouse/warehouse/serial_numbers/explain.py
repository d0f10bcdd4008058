"""Everything the warehouse holds on one serial number, down to the bytes that Tuya sent."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from tuyahouse.warehouse.ledgers import raw_blocks
from tuyahouse.warehouse.shared.origins import Fields, rows_of, runs_of
from tuyahouse.warehouse.tables import craft_line, flow_step, ops_dead_letter, serial_number


@dataclass(frozen=True, slots=True)
class Explanation:
    """Rows as column → value. ``registry`` is None for a serial number that is not registered."""

    sn: str
    registry: Fields | None
    craft_line: Fields | None
    steps: list[Fields]
    runs: list[Fields]
    dead_letters: list[Fields]
    answer: raw_blocks.Found | None


def explain_sn(conn: Connection, account: str, sn: str, kind: str = "sn_flows") -> Explanation:
    """The registry's row, all steps by time, the runs that wrote them, and the newest answer that changed something."""
    registry = rows_of(conn, select(serial_number).where(serial_number.c.account == account, serial_number.c.sn == sn))
    wanted = select(flow_step).where(flow_step.c.account == account, flow_step.c.sn == sn)
    steps = rows_of(conn, wanted.order_by(flow_step.c.happened_at, flow_step.c.node))
    letters = select(ops_dead_letter).where(ops_dead_letter.c.account == account, ops_dead_letter.c.key == sn)
    order = registry[0]["order_code"] if registry else None
    line = select(craft_line).where(craft_line.c.account == account, craft_line.c.order_code == order)
    return Explanation(
        sn,
        registry[0] if registry else None,
        next(iter(rows_of(conn, line)), None),
        steps,
        runs_of(conn, steps),
        rows_of(conn, letters.where(ops_dead_letter.c.kind == kind).order_by(ops_dead_letter.c.last_seen_at)),
        raw_blocks.find(conn, account, kind, sn),
    )
