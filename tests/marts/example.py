"""The worked example of ``worked_example.md``: its rows into a warehouse, and what each mart is to hold."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from tuyahouse.warehouse import tables
from tuyahouse.warehouse.marts import MARTS, Kind
from tuyahouse.warehouse.marts.refresh import Rules
from tuyahouse.warehouse.warehouse import Warehouse

PAGE = Path(__file__).with_name("worked_example.md")
ACCOUNT = "f"
AS_OF = datetime(2026, 3, 4, tzinfo=UTC)
RULES = Rules("Asia/Shanghai", (("day", time(8)), ("night", time(20))), "failed", 24)


def at(text: str) -> datetime:
    """``03-02 05:00`` of 2026, or a whole time; UTC."""
    return datetime.fromisoformat(text if text.startswith("2026") else f"2026-{text}").replace(tzinfo=UTC)


def table_of(name: str) -> list[dict[str, str]]:
    """A table of the page as its cells' text."""
    section = PAGE.read_text().split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], row, strict=True)) for row in lines[2:]]


def expected(name: str) -> list[dict[str, Any]]:
    """The rows of a mart with values of its kinds."""
    kinds = {field.name: field.kind for field in MARTS[name].fields}
    return [{column: value(kinds[column], cell) for column, cell in row.items()} for row in table_of(name)]


def value(kind: Kind, cell: str) -> Any:
    if cell == "-":
        return None
    if kind in (Kind.COUNT, Kind.BIG):
        return int(cell)
    if kind is Kind.FLAG:
        return cell == "1"
    if kind is Kind.NUMBER:
        return float(cell)
    if kind is Kind.TIME:
        return at(cell)
    return date.fromisoformat(cell) if kind is Kind.DAY else cell


def held(warehouse: Warehouse, name: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a mart as the database gives them, with Python's values."""
    mart = MARTS[name]
    chosen = columns or [column for column in mart.columns if column != "account"]
    types = {field.name: _TYPES[field.kind] for field in mart.fields if field.name in chosen and field.kind in _TYPES}
    wanted = text(f"SELECT {', '.join(chosen)} FROM {name} WHERE account = :account").columns(**types)
    with warehouse.read() as conn:
        return [dict(row._mapping) for row in conn.execute(wanted, {"account": ACCOUNT})]


_TYPES = {
    Kind.TIME: tables.flow_step.c.happened_at.type,
    Kind.DAY: tables.mart_day.c.factory_day.type,
    Kind.FLAG: tables.flow_step.c.status.type,
}


def fill(warehouse: Warehouse) -> None:
    """The example's core rows."""
    rows: dict[Any, list[dict[str, Any]]] = {
        tables.flow_step: [
            {
                "sn": row["sn"],
                "order_code": row["order_code"],
                "node": row["node"],
                "happened_at": at(row["happened_at"]),
                "status": None if row["status"] == "-" else row["status"] == "1",
                "gone_at": None if row["gone_at"] == "-" else at(row["gone_at"]),
            }
            for row in table_of("flow_step")
        ],
        tables.serial_number: [
            {
                "sn": f"u{n}",
                "order_code": "B1" if n == 6 else "A1",
                "state": "open",
                "added_at": at("03-01 00:00"),
                "last_asked_at": at("03-03 20:00"),
            }
            for n in range(1, 11)
        ],
        tables.craft_line: [
            {"order_code": "A1", "craft_line_code": "lineA", "last_node": "n3"},
            {"order_code": "B1", "craft_line_code": "lineB", "last_node": "x2"},
        ],
        tables.craft_line_node: [
            {"order_code": order, "node": node, "sort": sort}
            for order, nodes in (("A1", ("n1", "n2", "n3")), ("B1", ("x1", "x2")))
            for sort, node in enumerate(nodes, 1)
        ],
        tables.work_order: [
            {"order_code": "A1", "planned_units": 12, "due_at": at("03-06 00:00"), "product": "Lock L1"}
        ],
        tables.device: [
            _device("d1", "02-25 00:00", online=True, online_at=at("03-02 09:00")),
            _device("d2", "02-25 00:00", online=False, online_at=at("03-03 21:30")),
            _device("d3", "03-02 12:00", online=None, online_at=None),
            _device("d4", "02-25 00:00", online=None, online_at=at("03-02 06:00"), vanished_at=at("03-02 06:00")),
        ],
        tables.device_serial_number: [
            {"device_id": device, "sn": sn, "source": source, "seen_at": at("03-01 00:00")}
            for device, sn, source in (
                ("d1", "u1", "cid"),
                ("d1", "u1", "factory_infos"),
                ("d2", "u2", "factory_infos"),
                ("d2", "u5", "cid"),
                ("d3", "zz9", "cid"),
            )
        ],
        tables.device_presence: [
            {"device_id": device, "happened_at": at(when), "online": online}
            for device, when, online in (
                ("d1", "03-01 20:00", True),
                ("d1", "03-02 06:00", False),
                ("d1", "03-02 09:00", True),
                ("d2", "03-02 03:00", False),
                ("d2", "03-03 21:00", True),
                ("d2", "03-03 21:30", False),
            )
        ],
        tables.ops_message_gap: [{"gap_from": at("03-03 12:00"), "gap_to": at("03-03 15:00"), "why": "away_too_long"}],
        tables.ops_run: [
            {
                "flow": "sync_sn_flows",
                "run_key": "n",
                "run_id": "r",
                "status": "balanced",
                "started_at": at("03-03 19:00"),
                "ended_at": at("03-03 20:00"),
            }
        ],
        tables.command: [
            _command("c1", "d1", "matched", 3, "00:59", 1),
            _command("c2", "d1", "api_ahead", 4, "02:00", 1),
            _command("c3", "d2", "stuck", 2, "03:00", 4),
            _command("c4", "d2", "matched", 3, "03:58", 1),
            _command("c5", None, "unknown", None, "05:00", 2),
            _command("c6", "d1", "conflict", 3, "06:00", 1),
        ],
        tables.command_observation: [
            _observation(*one)
            for one in (
                ("c1", "message", 1, "00:59:00", "00:59:01"),
                ("c1", "message", 3, "00:59:12.500000", "00:59:13"),
                ("c1", "api", 3, "00:59:12.500000", "01:10:00"),
                ("c2", "api", 2, "02:00:00", "02:00:05"),
                ("c2", "api", 4, "02:00:40", "02:04:00"),
                ("c3", "api", 2, "03:00:00", "03:00:05"),
                ("c4", "api", 3, "03:58:00", "04:04:00"),
                ("c6", "message", 3, "06:00:30", "06:00:31"),
                ("c6", "api", 4, "06:00:30", "06:10:00"),
            )
        ],
    }
    with warehouse.begin() as conn:
        for table, items in rows.items():
            conn.execute(insert(table), [{"account": ACCOUNT, **item} for item in items])


def _device(device_id: str, created: str, **facts: Any) -> dict[str, Any]:
    common = {"project_id": "p", "product_id": "lock", "product_name": "Lock L1", "product_type": "wf_ms"}
    return {"device_id": device_id, "created_at": at(created), "vanished_at": None, **common, **facts}


def _command(sn: str, device: str | None, verdict: str, status: int | None, added: str, asked: int) -> dict[str, Any]:
    return {
        "command_sn": sn,
        "device_id": device,
        "verdict": verdict,
        "process_status": status,
        "added_at": at(f"03-03 {added}"),
        "asked_times": asked,
    }


def _observation(sn: str, source: str, status: int, happened: str, observed: str) -> dict[str, Any]:
    return {
        "command_sn": sn,
        "source": source,
        "process_status": status,
        "happened_at": at(f"03-03 {happened}"),
        "observed_at": at(f"03-03 {observed}"),
    }
