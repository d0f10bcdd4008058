"""A run paused beyond its lease at any instant, taken over, and woken: tables as if the second run had been alone.

A hypervisor pauses a worker so, and SIGSTOP does the same. The factory moves on before the second run begins, so that
what the first one asked is no longer true when it wakes up.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from tests.flows.nights import environment_of, register, units
from tests.flows.operator import Operator
from tests.flows.processes import pause
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.commands import records
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import (
    command,
    craft_line,
    craft_line_node,
    device,
    device_function,
    device_serial_number,
    flow_step,
    ops_lock,
    serial_number,
)
from tuyahouse.warehouse.warehouse import Warehouse

PAUSES = int(os.environ.get("TUYAHOUSE_TEST_KILLS", "2"))
DEMO = "TUYAHOUSE_ACCOUNTS__DEMO__"
LEASE = {"TUYAHOUSE_LOCK_LEASE": "1s", "TUYAHOUSE_CHUNK_SIZE": "10", f"{DEMO}CALLS_PER_SECOND": "100"}
OWN = {"first_run", "last_run", "source", "unknown_times", "asked_times"}
"""Columns that tell by whom and how often something was asked; times tell when, but for those of Tuya's clock."""
BY_TUYAS_CLOCK = {"happened_at"}

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def paused(prefect_server: PrefectServer) -> Iterator[Operator]:
    """The process that is paused."""
    started = Operator({**os.environ, **prefect_server.env})
    yield started
    started.process.send_signal(signal.SIGCONT)
    started.close()


@pytest.fixture
def alone(tmp_path: Path, secret_key: str) -> Iterator[Warehouse]:
    """The warehouse in which the second run is alone."""
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'alone.db'}", secret_key)
    yield opened
    opened.close()


def what_holds(warehouse: Warehouse, *tables: Table) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables say is so now, without who found it when."""
    found = {}
    with warehouse.read() as conn:
        for table in tables:
            now = [table.c.gone_at.is_(None)] if "gone_at" in table.c else []
            if table in (device, device_function, device_serial_number):  # rows of a vanished device stay
                now.append(table.c.device_id.in_(select(device.c.device_id).where(device.c.vanished_at.is_(None))))
            hidden = [column.name in OWN for column in table.c]
            found[table.name] = [
                tuple(
                    "a time" if isinstance(cell, datetime) and column.name not in BY_TUYAS_CLOCK else cell
                    for column, cell, hide in zip(table.c, row, hidden, strict=True)
                    if not hide
                )
                for row in conn.execute(select(table).where(*now).order_by(*table.primary_key.columns))
            ]
    return found


@dataclass
class Takeover:
    """Two processes and a warehouse that they share."""

    first: Operator
    second: Operator
    warehouse: Warehouse
    sandbox: Sandbox
    env: dict[str, str]
    flow: str

    def calls(self) -> int:
        """Calls that Tuya has answered so far."""
        return int(self.sandbox.control("stats")["calls"])

    def at(self, calls: int, number: int, move: Callable[[], object], **parameters: Any) -> tuple[int, str]:
        """Pause a run after so many calls, let the second take over, wake it; its exit code and what it printed."""
        with ThreadPoolExecutor(1) as thread:
            run_key, wanted = f"paused {number}", self.calls() + calls
            waking = thread.submit(self.first.run, self.flow, self.env, run_key=run_key, **parameters)
            self._wait(lambda: waking.done() or self.calls() >= wanted)
            try:
                pause(self.first.process, self.env["TUYAHOUSE_WAREHOUSE_URL"])
                self._wait(self._lease_is_over)
                move()
                code, printed = self.second.run(self.flow, self.env, run_key=f"second {number}", **parameters)
            finally:
                self.first.process.send_signal(signal.SIGCONT)
            assert code == 0, printed
            return waking.result(240)

    def _lease_is_over(self) -> bool:
        with self.warehouse.read() as conn:
            ends = list(conn.execute(select(ops_lock.c.expires_at)).scalars())
        return all(end < datetime.now(UTC) for end in ends)

    @staticmethod
    def _wait(true: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not true():
            assert time.monotonic() < end
            time.sleep(0.02)


@dataclass(frozen=True)
class Subject:
    """What is synced, and how."""

    flow: str
    options: tuple[str, ...]
    tables: tuple[Table, ...]
    prepare: Callable[[Sandbox, Warehouse], object] = lambda sandbox, warehouse: None
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


def register_units(sandbox: Sandbox, warehouse: Warehouse) -> None:
    register(warehouse, [*[sn for sn, _ in units(sandbox) if int(sn[-5:]) <= 40], "GHOST-1"])


def follow_commands(sandbox: Sandbox, warehouse: Warehouse) -> None:
    issued = [(each["command_sn"], None) for each in sandbox.lines("truth/commands")]
    with warehouse.begin() as conn:
        records.add(conn, "demo", issued, "file", datetime.now(UTC), None)


SUBJECTS = {
    "serial numbers": Subject(
        "sync_sn_flows",
        ("--serial-numbers", "300"),
        (serial_number, flow_step, craft_line, craft_line_node),
        register_units,
    ),
    "devices": Subject(
        "sync_devices",
        ("--set", "devices=60", "--set", "page_size_cap=20"),
        (device, device_function, device_serial_number),
        settings={f"{DEMO}PROJECT_IDS": "north-hall,south-hall"},
        parameters={"full": True},
    ),
    "commands": Subject(
        "reconcile_commands",
        ("--set", "commands_per_day=60"),
        (command,),
        follow_commands,
        {"TUYAHOUSE_COMMANDS__ASK_AFTER": "0s", "TUYAHOUSE_COMMANDS__ASK_AT_MOST": "0s"},
    ),
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_tables_are_as_the_second_run_found_them(
    subject: Subject,
    sandboxes: Callable[..., Sandbox],
    paused: Operator,
    operator: Operator,
    warehouse: Warehouse,
    warehouse_url: str,
    alone: Warehouse,
    secret_key: str,
) -> None:
    sandbox, chance, ends = sandboxes(*subject.options), random.Random(7), []
    env = environment_of(sandbox, warehouse_url, secret_key, **LEASE) | subject.settings
    env_alone = env | {"TUYAHOUSE_WAREHOUSE_URL": f"sqlite:///{alone.name}"}
    takeover = Takeover(paused, operator, warehouse, sandbox, env, subject.flow)

    def both(run_key: str, *environments: dict[str, str]) -> None:
        for each in environments:
            code, printed = operator.run(subject.flow, each, run_key=run_key, **subject.parameters)
            assert code == 0, printed

    def prepare() -> None:
        subject.prepare(sandbox, warehouse)
        subject.prepare(sandbox, alone)

    prepare()
    both("before", env)  # tokens are there then: a run paused at its login makes others wait for a minute
    begun = takeover.calls()
    both("before", env_alone)
    most = round(0.8 * (takeover.calls() - begun))
    for number in range(PAUSES):
        sandbox.control("day", {"day": 7 * number / PAUSES})
        prepare()
        move = partial(sandbox.control, "day", {"day": 7 * (number + 0.5) / PAUSES})
        ends.append(takeover.at(chance.randint(1, most), number, move, **subject.parameters))
        both(f"second {number}", env_alone)
        assert what_holds(warehouse, *subject.tables) == what_holds(alone, *subject.tables)
    ends_in_words(ends, warehouse, subject.flow)


def ends_in_words(ends: list[tuple[int, str]], warehouse: Warehouse, flow: str) -> None:
    """A run that was taken over is red, says so, and prints no traceback; one that had ended before was not."""
    assert any(code for code, _ in ends)
    for number, (code, printed) in enumerate(ends):
        run = runs.find_run(warehouse, "demo", flow, f"paused {number}")
        assert "Traceback" not in printed, printed
        assert run and (code, run.status) in ((0, "balanced"), (1, "failed")), printed
        assert code == 0 or ("another run took over" in printed and "another run took over" in run.note), printed
