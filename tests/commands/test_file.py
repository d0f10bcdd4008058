"""Record numbers of commands from files of many shapes."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tuyahouse.sync.commands.intake import follow_commands, read_commands
from tuyahouse.sync.intake.rows import Row, SourceError
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.tables import command
from tuyahouse.warehouse.warehouse import Warehouse

NUMBER, OTHER = "1461537485292300001", "1461537485292300002"
AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(content: bytes) -> Path:
        path = tmp_path / "commands.csv"
        path.write_bytes(content)
        return path

    return file


@pytest.mark.parametrize(
    "content",
    [
        f"command_sn,device_id\n{NUMBER},d1\n{OTHER},\n".encode(),
        f"sn,device_id\n{NUMBER},d1\n{OTHER},\n".encode(),
        f"Device ID;Command SN\r\nd1;{NUMBER}\r\n;{OTHER}\r\n".encode(),
        f"\ufeff设备ID\t指令编号\nd1\t'{NUMBER}\n\t{OTHER}\n".encode(),
        f'"issued","record number","deviceId"\n"09:00","{NUMBER}","d1"\n"09:01","{OTHER}",""\n'.encode(),
        f"指令编号,设备ID\n{NUMBER},d1\n{OTHER},\n".encode("gb18030"),
        f"command_sn,device_id\n{NUMBER},d1\n{OTHER},\n".encode("utf-16"),
        gzip.compress(f"command_sn,device_id\n{NUMBER},d1\n{OTHER},\n".encode()),
        f'command_sn,device_id\n"=""{NUMBER}""",d1\n {OTHER} ,\n'.encode(),
    ],
    ids=["plain", "sn", "semicolons", "bom and tabs", "quoted", "gb18030", "utf-16", "gzip", "spreadsheet text"],
)
def test_a_file_of_any_usual_shape_is_read_to_the_last_digit(write: Write, content: bytes) -> None:
    found = [(each.key, each.companion) for each in read_commands(write(content)) if isinstance(each, Row)]
    assert found == [(NUMBER, "d1"), (OTHER, None)]


def test_numbers_alone_need_no_header(write: Write) -> None:
    entries = read_commands(write(f"{NUMBER}\n{OTHER}\n".encode()))
    assert [each.key for each in entries if isinstance(each, Row)] == [NUMBER, OTHER]


@pytest.mark.parametrize("heads", ["sn,command_sn", "device_sn,cmd_sn", "serial_number,sn", "序列号,指令编号"])
def test_a_serial_number_beside_it_is_not_taken_for_the_record_number(write: Write, heads: str) -> None:
    (entry,) = read_commands(write(f"{heads}\nYZCB04ZZR00001,{NUMBER}\n".encode()))
    assert isinstance(entry, Row) and entry.key == NUMBER


def test_a_file_of_serial_numbers_alone_is_refused_in_words(write: Write) -> None:
    with pytest.raises(SourceError, match=r"no column of record numbers\. Its columns are: serial_number, town"):
        list(read_commands(write(b"serial_number,town\nYZCB04ZZR00001,Hangzhou\n")))


def test_a_second_time_changes_nothing(write: Write, warehouse: Warehouse) -> None:
    path = write(f"command_sn,device_id\n{NUMBER},d1\n{OTHER},\n".encode())

    def stored() -> list[object]:
        with warehouse.read() as conn:
            return [tuple(row) for row in conn.execute(select(command).order_by(command.c.command_sn))]

    assert follow_commands(warehouse, "demo", path, now=lambda: AT).added == 2
    before = stored()
    assert follow_commands(warehouse, "demo", path).known == 2
    assert stored() == before
    with warehouse.begin() as conn:
        assert records.add(conn, "demo", [(NUMBER, "d2")], "given", AT, "r1") == 0
    assert stored() == before
