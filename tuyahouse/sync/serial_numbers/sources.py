"""Where serial numbers come from: a file, a pattern or a query, and what their columns may be called."""

from collections.abc import Iterator
from pathlib import Path

from tuyahouse.sync.intake import files
from tuyahouse.sync.intake import query as queries
from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.pattern import read_pattern
from tuyahouse.sync.intake.rows import Item, SourceError

# fmt: off
SN_NAMES = frozenset((
    "sn", "snno", "sncode", "snnumber", "serial", "serialno", "serialnum", "serialnumber", "serialcode",
    "productsn", "devicesn", "sn号", "sn码", "sn编号", "sn号码", "序列号", "序列号码", "序列码",
    "产品序列号", "设备序列号", "产品sn", "设备sn", "产品sn号", "设备sn号", "产品序号", "设备序号",
    "serials", "serialnumbers", "sns", "unitsn", "deviceserialnumber", "productserialnumber",
    "產品序號", "設備序號", "序列號", "序列號碼", "產品序列號", "設備序列號", "sn號", "sn碼", "sn編號",
    "產品sn", "設備sn",
))
# fmt: on
# fmt: off
ORDER_NAMES = frozenset((
    "ordercode", "workorder", "workorderno", "workorderid", "workordercode", "workordernumber",
    "工单", "工单号", "工单编号", "工单编码", "工单号码", "生产工单", "生产工单号",
    "工單", "工單號", "工單編號", "工單號碼", "生產工單", "生產工單號",
))
# fmt: on
# A sales order may be beside the work order, and so may the production order that it belongs to.
# fmt: off
LOOSE_ORDER_NAMES = frozenset((
    "order", "orderno", "orderid", "ordernumber", "productionorder", "productionordercode",
    "生产订单", "生产订单号", "生產訂單", "生產訂單號",
))
# fmt: on

SERIAL_NUMBERS = Headings(
    SN_NAMES,
    ORDER_NAMES,
    ("serial number", "work order"),
    "Name one of them sn, serial_number or 序列号 (and, if there is one, the work order order_code or 工单号).",
    # A bar code is the serial number where no column is called so.
    or_else=frozenset(("条码", "条码号", "条形码", "产品条码", "條碼", "條碼號", "條形碼", "產品條碼")),
    companion_or_else=LOOSE_ORDER_NAMES,
    lacks="serial number column",
)


def read_file(path: str | Path, *, sheet: str | None = None, column: str | None = None) -> Iterator[Item]:
    """The serial numbers of a file, see :func:`tuyahouse.sync.intake.files.read_file`."""
    return files.read_file(path, SERIAL_NUMBERS.naming(column), sheet=sheet)


def read_query(url: str, sql: str, *, column: str | None = None) -> Iterator[Item]:
    """The serial numbers a query answers with, see :func:`tuyahouse.sync.intake.query.read_query`."""
    return queries.read_query(url, sql, SERIAL_NUMBERS.naming(column))


def source(
    path: str | Path | None = None,
    pattern: str | None = None,
    query_url: str | None = None,
    query: str | None = None,
    *,
    sheet: str | None = None,
    column: str | None = None,
) -> tuple[Iterator[Item], str]:
    """The entries of the one source that is named, and its name in the registry (never with a password).

    Raises:
        SourceError: none or several are named, or a query lacks its URL or text.
    """
    named = [
        name for name, value in (("a file", path), ("a pattern", pattern), ("a query", query_url or query)) if value
    ]
    if len(named) != 1:
        raise SourceError(
            f"Name one source of serial numbers: a file, a pattern or a query (named: {', '.join(named) or 'none'})."
        )
    if path:
        return read_file(path, sheet=sheet, column=column), Path(path).name
    if pattern:
        return iter(read_pattern(pattern)), pattern.strip()
    if not query or not query_url:
        raise SourceError("A query needs both its URL and its SQL text.")
    return read_query(query_url, query, column=column), queries.query_label(query_url)
