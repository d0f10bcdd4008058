"""A SQLite warehouse on a disk that is full: runs are red and say so; once there is room the run key goes on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.nights import environment_of, register, units
from tests.flows.processes import ROOT
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.warehouse import Warehouse

OF_ITS_OWN = ["unshare", "--user", "--map-root-user", "--mount"]
"""A namespace in which anybody may mount a small disk; it ends with its last process."""
MORNING = """
run() { echo "== $1"; "$PYTHON" -m flows sync_sn_flows -p account=demo -p run_key=n 2>&1; echo "exit code $?"; }
mount -t tmpfs -o size=16m disk "$DISK" && cp warehouse.db "$DISK/" && cd "$DISK" || exit 1
head -c 32m /dev/zero > filler 2>/dev/null
run full
truncate -s -400K filler
run "full in its middle"
rm filler
run "with room"
"$PYTHON" -m tuyahouse status -a demo
"""


def test_a_full_disk_makes_runs_red_with_words_and_the_run_key_goes_on_once_there_is_room(
    tuya: Sandbox, prefect_server: PrefectServer, secret_key: str, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run([*OF_ITS_OWN, "mount", "-t", "tmpfs", "disk", disk]).returncode:
        pytest.skip("a small disk of a test's own cannot be mounted on this machine")
    warehouse = Warehouse.open(f"sqlite:///{tmp_path}/warehouse.db", secret_key)
    register(warehouse, [sn for sn, _ in units(tuya)])
    warehouse.close()
    env = environment_of(tuya, f"sqlite:///{disk}/warehouse.db", secret_key, TUYAHOUSE_CHUNK_SIZE="10")
    env |= prefect_server.env | {"DISK": str(disk), "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    env["TUYAHOUSE_LOG_DIR"] = str(disk / "logs")
    walked = subprocess.run([*OF_ITS_OWN, "sh", "-c", MORNING], env=env, cwd=tmp_path, capture_output=True, text=True)
    printed = walked.stdout
    assert "Traceback" not in printed, printed
    assert re.findall(r"exit code (.*)", printed) == ["1", "1", "0"], printed
    _, full, middle, room = printed.split("== ")
    for said in (full, middle):
        assert "the disk is full. Make room, then run again" in said, said
        assert "  python -m flows sync_sn_flows -p account=demo -p run_key=n\n" in said, said
    assert full.count("Log files in ") == 1 and "lack lines: No space left on device." in full, full
    assert len(tuya.control("asked")) > 0, middle
    assert "sync_sn_flows: balanced" in room and "300 asked" in room, room
