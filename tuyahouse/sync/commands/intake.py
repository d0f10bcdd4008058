"""Record numbers of commands from files: Tuya lists none, so those that no message reports have to be named."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from tuyahouse.sync.intake.columns import Headings
from tuyahouse.sync.intake.files import read_file
from tuyahouse.sync.intake.rows import Item, Row
from tuyahouse.sync.intake.take_in import IntakeOutcome, take_in
from tuyahouse.times import utc_now
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.warehouse import Warehouse

KIND = "command_file"
"""Kind of the dead letters of refused rows; their key is the file and the row."""

# fmt: off
COMMANDS = Headings(
    frozenset((
        "commandsn", "commandid", "commandno", "commandnumber", "commandrecord", "recordid", "recordno", "recordsn",
        "recordnumber", "cmdid", "cmdsn", "指令sn", "指令id", "指令号", "指令编号", "指令编码", "指令记录",
        "命令sn", "命令编号",
    )),
    frozenset(("deviceid", "devid", "设备id")),
    ("record number", "device"),
    "Name one of them command_sn, sn or 指令编号 (and, if there is one, the device device_id).",
    # Tuya itself calls a record number sn. Beside a column with one of the names above, sn is a device's serial number,
    # and command is what was sent.
    or_else=frozenset(("sn", "sn号", "sn编号", "command", "record", "cmd", "指令")),
    companion_or_else=frozenset(("device", "设备")),
    lacks="column of record numbers",
)
# fmt: on


def read_commands(path: str | Path, *, sheet: str | None = None, column: str | None = None) -> Iterator[Item]:
    """The record numbers of a file: CSV, Excel or Parquet, read as files of serial numbers are.

    Raises:
        SourceError: the file cannot be used; names its columns if none holds record numbers.
    """
    return read_file(path, COMMANDS.naming(column), sheet=sheet)


def follow_commands(
    warehouse: Warehouse,
    account: str,
    path: str | Path,
    *,
    sheet: str | None = None,
    column: str | None = None,
    now: Callable[[], datetime] = utc_now,
    on_rows: Callable[[int], object] = lambda count: None,
) -> IntakeOutcome:
    """Follow the commands in a file from now on; those that are followed already stay as they are.

    Raises:
        SourceError: the file cannot be used, or broke off.
    """

    def add(conn: Connection, rows: list[Row], at: datetime) -> int:
        return records.add(conn, account, [(one.key, one.companion) for one in rows], "file", at, None)

    return take_in(
        warehouse,
        account,
        read_commands(path, sheet=sheet, column=column),
        Path(path).name,
        KIND,
        add,
        now=now,
        on_rows=on_rows,
    )
