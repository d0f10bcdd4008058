"""Log files by setting: one a day, a JSON object a line, without secrets, old ones removed."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tuyahouse import logs
from tuyahouse.log_files import DailyFile, log_to_files
from tuyahouse.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    for name in logs.OWN_LOGGERS:
        for handler in [one for one in logging.getLogger(name).handlers if isinstance(one, DailyFile)]:
            logging.getLogger(name).removeHandler(handler)
            handler.close()


def at(handler: DailyFile, moment: datetime, text: str) -> None:
    record = logging.makeLogRecord({"name": "tuyahouse", "levelno": 20, "levelname": "INFO", "msg": text})
    record.created = moment.timestamp()
    handler.handle(record)


def test_each_day_has_a_file_and_old_ones_are_removed(tmp_path: Path) -> None:
    handler, first = DailyFile(tmp_path, timedelta(days=2)), datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
    for days in range(4):
        at(handler, first + timedelta(days=days), f"day {days}")
    handler.close()
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [f"tuyahouse-2026-11-{day}.jsonl" for day in (25, 26, 27)]
    (line,) = (tmp_path / names[0]).read_text().splitlines()
    assert "day 1" in json.loads(line).values()


def test_a_folder_that_is_lost_at_midnight_is_said_once_and_costs_no_other_file_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs_folder, first = tmp_path / "logs", datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
    logs_folder.mkdir()
    handler = DailyFile(logs_folder, timedelta(days=2))
    at(handler, first, "the first day")
    shutil.rmtree(logs_folder)
    at(handler, first + timedelta(days=1), "the second day")
    with (tmp_path / "warehouse.db").open("w") as other:  # gets the number that the log file had
        for hour in range(3):
            at(handler, first + timedelta(days=1, hours=hour), "the second day")
        other.write("whole")
    assert (tmp_path / "warehouse.db").read_text() == "whole"
    said = capsys.readouterr().err
    assert said == f"Log files in {logs_folder} (TUYAHOUSE_LOG_DIR) cannot be written and lack lines: " + (
        "No such file or directory.\n"
    )


def test_secrets_are_not_in_them_and_a_second_call_doubles_no_line(tmp_path: Path) -> None:
    settings = load_settings(log_dir=str(tmp_path))
    log_to_files(settings)
    log_to_files(settings)
    logs.register_secret("a-secret-that-nobody-may-read")
    logs.set_levels("info")
    logging.getLogger("tuyahouse.run").info("it is %s", "a-secret-that-nobody-may-read")
    (file,) = tmp_path.iterdir()
    assert len(file.read_text().splitlines()) == 1 and "nobody-may-read" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"TUYAHOUSE_LOG_DIR names .*/file/logs, which cannot be made"):
        log_to_files(load_settings(log_dir=str(tmp_path / "file" / "logs")))


def test_the_program_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = {**os.environ, "TUYAHOUSE_LOG_DIR": str(tmp_path / "file" / "logs")}
    command = [sys.executable, "-m", "tuyahouse", "migrate"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "which cannot be made: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
