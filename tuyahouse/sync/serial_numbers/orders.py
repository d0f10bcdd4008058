"""Plans of work orders from files: how many units are due when. No API of Tuya has them."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tuyahouse.settings import Account
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.rows import Item, Refusal, Row, shown
from tuyahouse.sync.intake.take_in import IntakeOutcome, take_in
from tuyahouse.sync.serial_numbers.sources import ORDER_NAMES
from tuyahouse.times import utc_now
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.serial_numbers import plans
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "work_order"
"""Kind of the dead letters of refused rows; their key is the file and the row."""

# fmt: off
PLANS = Headings(
    ORDER_NAMES,
    frozenset(),
    ("work order", "plan"),
    "Name one of them order_code or 工单号; planned_units, due_at and product are read if they exist.",
    more=(
        ("planned_units", frozenset((
            "plannedunits", "planned", "plan", "quantity", "qty", "units", "target", "计划数量", "数量",
            "计划产量", "計劃數量", "數量",
        ))),
        ("due_at", frozenset((
            "dueat", "due", "duedate", "duetime", "deadline", "deliverydate", "交期", "交货日期",
            "到期日", "截止日期", "交貨日期",
        ))),
        ("product", frozenset((
            "product", "productname", "model", "item", "产品", "产品名称", "型号", "產品", "產品名稱", "型號",
        ))),
    ),
    lacks="column of work orders",
    times=frozenset(("due_at",)),
)
# fmt: on

_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(.*)")
_MOST = 2**31 - 1


def add_plans(
    warehouse: Warehouse,
    account: Account,
    path: str | Path,
    *,
    sheet: str | None = None,
    column: str | None = None,
    now: Callable[[], datetime] = utc_now,
    on_rows: Callable[[int], object] = lambda count: None,
) -> IntakeOutcome:
    """Store the plans of a file. What a later file says of a work order replaces them; what it leaves out stays.

    A due date without a zone is in FACTORY_TIME_ZONE; one without a time means the end of that day. A row that plans a
    work order otherwise than an earlier row of the file is refused; one that says the same is a duplicate.

    Raises:
        SourceError: the file cannot be used, or broke off.
    """
    source, zone = Path(path).name, ZoneInfo(account.factory_time_zone)

    def add(conn: Connection, rows: list[Row], at: datetime) -> int:
        read = [plan_of(row, zone) for row in rows]
        return plans.write(conn, account.name, [plan for plan in read if isinstance(plan, plans.Plan)], source)

    items = _judged(read_file(path, PLANS.naming(column), sheet=sheet), zone)
    return take_in(warehouse, account.name, items, source, KIND, add, now=now, on_rows=on_rows)


def unknown_orders(warehouse: Warehouse, account: str) -> list[str]:
    """Planned work orders without a registered unit or a step, sorted."""
    with warehouse.read() as conn:
        return plans.unknown_orders(conn, account)


def _judged(items: Iterator[Item], zone: ZoneInfo) -> Iterator[Item]:
    first: dict[str, tuple[str, plans.Plan]] = {}
    for item in items:
        read = plan_of(item, zone) if isinstance(item, Row) else None
        if not isinstance(item, Row) or not isinstance(read, plans.Plan):
            yield read if isinstance(read, Refusal) else item
            continue
        place, said = first.setdefault(item.key, (item.place, read))
        yield item if said == read else Refusal(item.place, shown(item.key), _contradiction(place, said, read))


def _contradiction(place: str, said: plans.Plan, read: plans.Plan) -> str:
    names = [name for name, before, now in zip(plans.Plan._fields, said, read, strict=True) if before != now]
    return (
        f"{place}, which is kept, plans the same work order with another {' and '.join(names)}: "
        "leave the one row that is right"
    )


def plan_of(row: Row, zone: ZoneInfo) -> plans.Plan | Refusal:
    """What a row plans, or why it cannot be used."""
    try:
        units = _units(row.cell("planned_units"))
        due = due_at(row.cell("due_at"), zone)
    except ValueError as error:
        return Refusal(row.place, shown(row.key), str(error))
    return plans.Plan(row.key, units, due, row.cell("product") or None)


def _units(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) > _MOST:
        raise ValueError(f"its plan {text!r} is not a number of units: write a whole number without sign or fraction")
    return int(text)


def due_at(text: str, zone: ZoneInfo) -> datetime | None:
    """The time of a due date as people write it; None for an empty cell.

    Raises:
        ValueError: another form, e.g. 06/03/2026, which does not say which number is the month.
    """
    if not text:
        return None
    form = ValueError(
        f"its due date {text!r} is not understood: write 2026-03-06, 2026-03-06 14:00 or with a zone (+08:00)"
    )
    endless = ValueError(f"its due date {text!r} is the end of time: leave the cell empty if nothing is due")
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise form
    year, month, day, hour, minute, second, rest = match.groups()
    try:
        on = date(int(year), int(month), int(day))
        if on.year == date.max.year:
            raise endless
        if hour is None:
            if rest.strip():
                raise form
            return datetime.combine(on + timedelta(days=1), time(0), zone).astimezone(UTC)
        at = datetime.combine(on, time(int(hour), int(minute), int(second or 0)))
        offset = rest.strip().upper()
        if not offset:
            return at.replace(tzinfo=zone).astimezone(UTC)
        return datetime.fromisoformat(f"{at.isoformat()}{'+00:00' if offset == 'Z' else offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise (endless if error is endless else form) from None
