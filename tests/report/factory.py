"""A small factory with five weeks behind it, as core rows: what the report is looked at with. Always the same."""

from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert

from tuyahouse.settings import Account
from tuyahouse.sync import marts
from tuyahouse.warehouse import tables
from tuyahouse.warehouse.warehouse import Warehouse

NAME = "lock-factory"
AS_OF = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
"""A Saturday morning in Shanghai, as the first shift begins."""

LINES = {
    "PCBA": ("SMT-AOI", "ICT", "FW-flash", "FCT"),
    "LOCK": ("Assembly", "Motor-test", "RF-test", "Aging", "Final-QC", "Packing"),
    "HUB": ("组装", "射频测试", "老化", "终检", "包装"),
}
PRODUCTS = {"PCBA": "Main board B2", "LOCK": "Smart lock L1", "HUB": "智能网关 G3"}
DRIFTS = ("LOCK", "RF-test")
"""Its yield falls in the last week."""


def account() -> Account:
    return Account(
        name=NAME,
        client_id="id",
        client_secret="secret",
        region="cn",
        factory_time_zone="Asia/Shanghai",
        factory_shifts="early=06:00,late=14:00,night=22:00",
        stuck_after="P4D",
        monthly_calls=600_000,
        pms_username="pms",
        pms_password="password",
    )


def fill(warehouse: Warehouse, orders: int = 17, units: int = 70) -> None:
    """Core rows of the factory, and its marts."""
    rows = _Rows(Random(7))
    for number in range(orders):
        rows.order(number, orders, units)
    rows.field()
    rows.commands()
    rows.nights()
    with warehouse.begin() as conn:
        for table, items in rows.made.items():
            conn.execute(insert(table), [{"account": NAME, **item} for item in items])
    marts.refresh(warehouse, account(), AS_OF)


class _Rows:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.made: dict[Any, list[dict[str, Any]]] = {}
        self.finished: list[tuple[str, str, datetime]] = []

    def add(self, table: Any, **row: Any) -> None:
        self.made.setdefault(table, []).append(row)

    def order(self, number: int, orders: int, units: int) -> None:
        line = ("LOCK", "PCBA", "LOCK", "HUB")[number % 4]
        code = f"WO-26{1100 + number}"
        begun = AS_OF - timedelta(days=36) + timedelta(days=number * 36 / orders)
        nodes = LINES[line]
        self.add(tables.craft_line, order_code=code, craft_line_code=line, last_node=nodes[-1])
        for sort, node in enumerate(nodes, 1):
            self.add(tables.craft_line_node, order_code=code, node=node, sort=sort)
        due = begun + timedelta(days=(7.5, 12, 9, 15)[number % 4])
        self.add(
            tables.work_order,
            order_code=code,
            planned_units=units,
            due_at=due.replace(hour=10, minute=0),
            product=PRODUCTS[line],
            source="orders.csv",
        )
        for unit in range(units):
            sn = f"{line[0]}{number:02}A{unit:05}"
            self.unit(code, line, sn, begun + timedelta(hours=unit * 168 / units))

    def unit(self, code: str, line: str, sn: str, at: datetime) -> None:
        random, nodes, last, at = self.random, LINES[line], None, _in_shift(at)
        scrapped = random.random() < 0.008
        for place, node in enumerate(nodes):
            for attempt in range(4):
                if at > AS_OF:
                    break
                drifted = (line, node) == DRIFTS and at > AS_OF - timedelta(days=6)
                failed = random.random() < ((0.17 if drifted else 0.035) if attempt == 0 else 0.15)
                erased = failed and random.random() < 0.1
                self.add(
                    tables.flow_step,
                    sn=sn,
                    order_code=code,
                    node=node,
                    happened_at=at,
                    status=not failed,
                    gone_at=at + timedelta(hours=9) if erased else None,
                )
                last = at
                at = _in_shift(at + timedelta(hours=random.lognormvariate(0.9 if node != "Aging" else 1.9, 0.6)))
                if not failed or scrapped:
                    break
            if at > AS_OF or (scrapped and place == 2):
                break
        else:
            self.finished.append((code, sn, last or at))
        state = "finished" if self.finished and self.finished[-1][1] == sn else "open" if last else "new"
        asked = AS_OF - timedelta(hours=2) if last else None
        self.add(
            tables.serial_number,
            sn=sn,
            order_code=code,
            state=state,
            added_at=AS_OF - timedelta(days=40),
            last_asked_at=asked,
        )

    def field(self) -> None:
        random = self.random
        sold = [one for one in self.finished if one[2] < AS_OF - timedelta(days=6)][::3]
        for number, (_, sn, made) in enumerate(sold):
            device, product = f"vdev{number:06}", sn[0]
            created = made + timedelta(days=4)
            online = random.random() < 0.9
            self.add(
                tables.device,
                device_id=device,
                project_id="1000",
                product_id={"L": "lock01", "P": "board2", "H": "hubg3"}[product],
                product_name={"L": "Smart lock L1", "P": "Main board B2", "H": "智能网关 G3"}[product],
                product_type="wf_ms",
                created_at=created,
                online=online,
                online_at=AS_OF - timedelta(hours=3),
                extend_data='{"token":"extend-data-secret"}',
                vanished_at=AS_OF - timedelta(hours=9) if number % 97 == 5 else None,
            )
            self.add(tables.device_serial_number, device_id=device, sn=sn, source="cid", seen_at=created)
            at, on = created, True
            while at < AS_OF:
                self.add(tables.device_presence, device_id=device, happened_at=at, online=on)
                at += timedelta(hours=random.lognormvariate(4.2 if on else (0.6 if product == "L" else 2.0), 0.7))
                on = not on
        self.add(
            tables.ops_message_gap,
            gap_from=AS_OF - timedelta(days=9, hours=5),
            gap_to=AS_OF - timedelta(days=8, hours=20),
            why="away_too_long",
        )
        self.add(tables.ops_device_list, project_id="1000", swept_at=AS_OF - timedelta(hours=1), tried_at=AS_OF)
        self.add(tables.ops_consumer, source="pulsar", read_until=AS_OF - timedelta(minutes=4))

    def commands(self) -> None:
        random = self.random
        for number in range(420):
            sn, at = f"c{number:05}", AS_OF - timedelta(hours=650 * random.random())
            kind = random.choices(("ok", "failed", "stuck", "conflict"), (90, 6, 3, 1))[0]
            self.add(
                tables.command,
                command_sn=sn,
                device_id=f"vdev{number % 50:06}",
                added_at=at,
                asked_times=1,
                verdict={"ok": "matched", "failed": "matched", "stuck": "stuck", "conflict": "conflict"}[kind],
                process_status={"ok": 3, "failed": 4, "stuck": 2, "conflict": 3}[kind],
                begun_at=at,
            )
            took = timedelta(seconds=random.lognormvariate(1.2, 0.8))
            words = [("message", 1, timedelta(0))]
            if kind != "stuck":
                words.append(("message", 4 if kind == "failed" else 3, took))
            if kind == "conflict":
                words.append(("api", 4, took))
            for source, status, after in words:
                self.add(
                    tables.command_observation,
                    command_sn=sn,
                    source=source,
                    process_status=status,
                    happened_at=at + after,
                    observed_at=at + after + timedelta(seconds=1),
                )

    def nights(self) -> None:
        for night in range(30):
            at = AS_OF - timedelta(days=29 - night)
            red = night in (11, 24)
            for flow in ("nightly_sync", "sync_sn_flows", "reconcile_commands"):
                asked = 0 if flow == "nightly_sync" else 900 + 13 * night
                part = flow == "sync_sn_flows" or flow == "nightly_sync"
                self.add(
                    tables.ops_run,
                    flow=flow,
                    run_key=f"nightly/{at:%Y-%m-%d}",
                    run_id=f"{flow[:4]}{night:02}",
                    status="unbalanced" if red and part else "balanced",
                    started_at=at,
                    ended_at=at + timedelta(minutes=17),
                    asked=asked,
                    answered=asked - (3 if red else 0),
                    failed=3 if red else 0,
                    calls=asked,
                    unchanged=asked // 2,
                    note="3 serial numbers were not answered: Tuya was away. Start it again with the same run key."
                    if red
                    else "",
                )
        self.add(tables.ops_api_calls, endpoint="/pms/sn", day=AS_OF.date(), calls=402_113, failures=12)
        self.add(
            tables.ops_drift,
            kind="device",
            field="batteryLevel",
            sample="extend-data-secret",
            first_seen_at=AS_OF - timedelta(days=2),
            last_seen_at=AS_OF,
            answers=214,
        )
        self.add(
            tables.ops_dead_letter,
            kind="sn_flows",
            key="L02A00007",
            reason="unusable_answer",
            message="times differ",
            first_seen_at=AS_OF - timedelta(hours=3),
            last_seen_at=AS_OF - timedelta(hours=3),
            attempts=2,
        )


def _in_shift(at: datetime) -> datetime:
    """A time at which the factory works: Sunday is off, and so are 22:00 to 06:00 of every other night."""
    local = at + timedelta(hours=8)
    while local.weekday() == 6:
        local = datetime.combine(local.date() + timedelta(days=1), time(6, 5 + local.minute % 50), UTC)
    return local - timedelta(hours=8)
