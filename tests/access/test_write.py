"""The door for writes: one call an intent, an audit row before and after it, and never a blind repeat."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.access.intents import CALL, LEASE, Folder, door, intent, write
from tests.flows.processes import ROOT
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.errors import (
    AuthenticationRefused,
    ConfigurationWrong,
    ItemRefused,
    PassingFault,
    Throttled,
    TuyaError,
    UnusableAnswer,
    refusal,
)
from tuyahouse.settings import SettingsError
from tuyahouse.sync.access.alone import alone
from tuyahouse.sync.access.audit import in_doubt_in_words
from tuyahouse.sync.access.intent import End, Facts, whatever
from tuyahouse.warehouse.access import persons
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.shared import locks
from tuyahouse.warehouse.tables import ops_lock, ops_write
from tuyahouse.warehouse.warehouse import Warehouse

KILLS = max(1, int(os.environ.get("TUYAHOUSE_TEST_KILLS", "3")) * 2 // 5)
"""Of each kind; with the fifty of ``make kill`` twenty."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "folder").mkdir()
    return Folder(tmp_path / "folder")


def audit(warehouse: Warehouse, *columns: str) -> list[tuple[object, ...]]:
    chosen = [ops_write.c[name] for name in columns or ("outcome",)]
    with warehouse.read() as conn:
        return [tuple(row) for row in conn.execute(select(*chosen).order_by(ops_write.c.intent_key))]


async def test_a_dry_run_says_what_it_would_write_and_writes_nothing(warehouse: Warehouse, folder: Folder) -> None:
    assert (await write(warehouse, "one", intent(folder), dry_run=True, allowed=False)).end is End.PLANNED
    assert folder.calls == 0 and audit(warehouse) == []


async def test_a_dry_run_says_what_is_so_already(warehouse: Warehouse, folder: Folder) -> None:
    await write(warehouse, "one", intent(folder))
    assert (await write(warehouse, "two", intent(folder, readable=True), dry_run=True)).end is End.SKIPPED
    assert (await write(warehouse, "one", intent(folder), dry_run=True)).end is End.SKIPPED


async def test_an_account_that_does_not_allow_writes_is_left_alone(warehouse: Warehouse, folder: Folder) -> None:
    with pytest.raises(SettingsError, match=r"Set TUYAHOUSE_ACCOUNTS__DEMO__ALLOW_WRITES=true"):
        await write(warehouse, "one", intent(folder), allowed=False)
    assert folder.calls == 0 and audit(warehouse) == []


async def test_the_audit_is_committed_before_the_call_and_its_outcome_after_it(
    warehouse: Warehouse, folder: Folder
) -> None:
    before: list[tuple[object, ...]] = []

    async def make(client: TuyaClient) -> Facts:
        before.extend(audit(warehouse, "outcome", "call", "what", "ended_at"))
        return await folder.write("alice", client)

    written = await write(warehouse, "one", intent(folder, make=make))
    assert before == [("pending", "POST /v1.0/test/{name}", "write alice", None)]
    assert (written.end, written.facts) == (End.DONE, {"id": "id of alice"})
    assert audit(warehouse, "outcome", "result", "attempts", "run_id", "settled_by")[0][:3] == (
        "done",
        written.facts,
        1,
    )


async def test_rows_of_a_write_land_with_its_outcome(warehouse: Warehouse, folder: Folder) -> None:
    def land(conn: Connection, facts: Facts, at: object) -> None:
        conn.execute(ops_lock.insert().values(name=facts["id"], holder="x", process="x", acquired_at=at, expires_at=at))

    await write(warehouse, "one", intent(folder, land=land))
    with warehouse.read() as conn:
        assert list(conn.execute(select(ops_lock.c.name)).scalars()) == ["id of alice"]
    failing = intent(folder, "bob", land=lambda conn, facts, at: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await write(warehouse, "one", failing)
    assert sorted(audit(warehouse)) == [("done",), ("pending",)]


async def test_a_row_that_the_database_refuses_does_not_keep_what_was_written_from_being_recorded(
    warehouse: Warehouse, folder: Folder
) -> None:
    def too_long(conn: Connection, facts: Facts, at: datetime) -> None:
        persons.store_added(conn, "demo", "d" * 5000, "p1", at, "a run")

    done = await write(warehouse, "one", intent(folder, land=too_long))
    assert done.end is End.DONE and "the warehouse could not store it: device_person cannot hold a key" in done.words
    folder.after = PassingFault("no answer in time")
    bob = intent(folder, "bob", readable=True, land=too_long)
    assert (await write(warehouse, "one", bob)).end is End.UNKNOWN
    found = await write(warehouse, "two", bob)
    assert found.end is End.DONE and "was carried out" in found.words and "could not store it" in found.words
    assert audit(warehouse) == [("done",), ("done",)]


async def test_the_same_run_key_writes_an_intent_once(warehouse: Warehouse, folder: Folder) -> None:
    ends = [await write(warehouse, "one", intent(folder)) for _ in range(2)]
    assert [each.end for each in ends] == [End.DONE, End.SKIPPED] and folder.calls == 1
    assert ends[1].facts == {"id": "id of alice"}
    assert (await write(warehouse, "one", intent(folder, request={"name": "alice", "more": 1}))).end is End.DONE
    assert (await write(warehouse, "two", intent(folder))).end is End.DONE


async def test_what_is_so_already_is_not_written(warehouse: Warehouse, folder: Folder) -> None:
    await write(warehouse, "one", intent(folder))
    assert (await write(warehouse, "two", intent(folder, readable=True))).end is End.SKIPPED
    assert folder.calls == 1


@pytest.mark.parametrize("readable", [False, True], ids=["not readable", "readable"])
async def test_two_runs_of_the_same_intent_at_once_make_one_call(
    warehouse: Warehouse, folder: Folder, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    doors = [door(warehouse, run_key) for run_key in ("one", "two", "three")]
    begun = {f"test, run key {each.run.run_key}": asyncio.Event() for each in doors}

    def announced(warehouse: Warehouse, account: str, target: str, holder: str, *times: timedelta) -> Any:
        begun[holder].set()
        return alone(warehouse, account, target, holder, *times)

    monkeypatch.setattr("tuyahouse.sync.access.write.alone", announced)

    async def make(client: TuyaClient) -> Facts:
        for event in begun.values():
            await event.wait()
        return await folder.write("alice", client)

    ends = await asyncio.gather(*(each.write(intent(folder, readable=readable, make=make)) for each in doors))
    assert folder.calls == 1
    assert sorted(each.end for each in ends) == [End.DONE, End.SKIPPED, End.SKIPPED]
    assert all(each.facts == {"id": "id of alice"} for each in ends)


async def test_a_target_that_another_run_holds_for_long_is_refused_with_who_holds_it(
    warehouse: Warehouse, folder: Folder
) -> None:
    impatient = door(warehouse, "one", timeout=0.1)
    impatient._lease = timedelta(0)
    with locks.account_lock(warehouse, "demo/write/name alice", "grant_access, run key other", LEASE):
        refused = await impatient.write(intent(folder))
    assert refused.end is End.REFUSED and "grant_access, run key other has been writing" in refused.words
    assert folder.calls == 0 and audit(warehouse) == []


async def test_other_changes_of_the_same_target_wait_and_are_written(warehouse: Warehouse, folder: Folder) -> None:
    folder.seconds = 0.2
    wanted = [intent(folder, request={"name": "alice", "shade": shade}) for shade in ("red", "blue")]
    ends = await asyncio.gather(*(write(warehouse, "one", each) for each in wanted))
    assert [each.end for each in ends] == [End.DONE, End.DONE] and folder.calls == 2


@pytest.mark.parametrize(
    "error",
    [PassingFault("no answer in time"), PassingFault("it was cut off"), UnusableAnswer("it says nothing")],
    ids=["time-out", "cut", "odd"],
)
async def test_a_call_that_may_have_arrived_is_unknown_and_is_not_repeated(
    warehouse: Warehouse, folder: Folder, error: TuyaError
) -> None:
    folder.after = error
    first = await write(warehouse, "one", intent(folder))
    assert first.end is End.UNKNOWN and "Look into the folder." in first.words
    again = await write(warehouse, "one", intent(folder))
    assert again.end is End.UNKNOWN and "new run_key" in again.words
    assert folder.calls == 1 and audit(warehouse) == [("unknown",)]


async def test_a_call_in_doubt_is_reported_once_before_another_run_may_write_it_again(
    warehouse: Warehouse, folder: Folder
) -> None:
    folder.after = PassingFault("no answer in time")
    await write(warehouse, "one", intent(folder))
    folder.after = None
    dry = await write(warehouse, "two", intent(folder), dry_run=True)
    assert dry.end is End.UNKNOWN and "is unknown" in dry.words
    for _ in range(2):  # whatever tries it again goes on under the same run key
        assert (await write(warehouse, "two", intent(folder))).end is End.UNKNOWN and folder.calls == 1
    assert (await write(warehouse, "three", intent(folder))).end is End.DONE and folder.calls == 2
    assert (await write(warehouse, "one", intent(folder))).end is End.UNKNOWN
    assert audit(warehouse, "outcome", "attempts") == [("unknown", 1), ("done", 1), ("unknown", 0)]


async def test_a_call_in_doubt_that_was_carried_out_is_found_by_reading_back(
    warehouse: Warehouse, folder: Folder
) -> None:
    folder.after = PassingFault("no answer in time")
    assert (await write(warehouse, "one", intent(folder, readable=True))).end is End.UNKNOWN
    found = await write(warehouse, "two", intent(folder, readable=True))
    assert found.end is End.DONE and "was carried out" in found.words
    assert folder.calls == 1 and audit(warehouse, "outcome", "result") == [("done", {"id": "id of alice"})]


async def test_a_call_in_doubt_that_was_not_carried_out_is_made_again_once_its_time_is_over(
    warehouse: Warehouse, folder: Folder
) -> None:
    async def lost(client: TuyaClient) -> Facts:
        await client.call(CALL)
        raise PassingFault("no answer in time")

    await write(warehouse, "one", intent(folder, readable=True, make=lost))
    assert (await write(warehouse, "two", intent(folder, readable=True))).end is End.DONE
    assert folder.calls == 1 and sorted(audit(warehouse)) == [("done",), ("refused",)]


async def test_a_call_in_doubt_is_named_until_its_target_was_replaced(warehouse: Warehouse, folder: Folder) -> None:
    def in_words() -> list[str]:
        with warehouse.read() as conn:
            return in_doubt_in_words(conn, "demo", datetime.now(UTC))

    folder.after = PassingFault("no answer in time")
    await write(warehouse, "one", intent(folder))
    (words,) = in_words()
    assert words.startswith("Whether Tuya carried it out is unknown: One write of") and "(write alice)" in words
    folder.after = None
    await write(warehouse, "two", intent(folder, request={"shade": "blue"}))
    assert in_words() == [words], "another change of the target says nothing about this one"
    await write(warehouse, "three", intent(folder, request={"shade": "red"}, replaces=whatever))
    assert in_words() == [] and sorted(audit(warehouse)) == [("done",), ("done",), ("unknown",)]


async def test_what_may_be_repeated_is_repeated(warehouse: Warehouse, folder: Folder) -> None:
    folder.after = PassingFault("no answer in time")
    await write(warehouse, "one", intent(folder, repeatable=True))
    folder.after = None
    assert (await write(warehouse, "two", intent(folder, repeatable=True))).end is End.DONE
    assert sorted(audit(warehouse)) == [("done",), ("unknown",)]
    with warehouse.read() as conn:
        assert conn.execute(select(ops_write).where(ops_write.c.settled_at.is_(None))).all() == []


@pytest.mark.parametrize(
    "error",
    [ItemRefused("the device is off", code="2001"), Throttled("slower", reached=False)],
    ids=["refused", "throttled"],
)
async def test_what_tuya_refuses_is_recorded_and_tried_again_by_the_same_run_key(
    warehouse: Warehouse, folder: Folder, error: TuyaError
) -> None:
    folder.before = error
    assert (await write(warehouse, "one", intent(folder))).end is End.REFUSED
    assert audit(warehouse, "outcome", "code", "attempts") == [("refused", error.code or None, 1)]
    folder.before = None
    assert (await write(warehouse, "one", intent(folder))).end is End.DONE
    assert audit(warehouse, "outcome", "code", "attempts") == [("done", None, 2)]


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (PassingFault("no connection", reached=False), True),
        (AuthenticationRefused("the token is refused"), True),
        (ConfigurationWrong("no plan", code="28841001"), True),
        (ConfigurationWrong("no right to this device", code="1106"), False),
    ],
    ids=["away", "login", "plan", "foreign device"],
)
async def test_what_every_further_call_would_meet_stops_the_run_and_is_recorded(
    warehouse: Warehouse, folder: Folder, error: TuyaError, stops: bool
) -> None:
    folder.before = error
    if stops:
        with pytest.raises(type(error)):
            await write(warehouse, "one", intent(folder))
    else:
        assert (await write(warehouse, "one", intent(folder))).end is End.REFUSED
    assert audit(warehouse) == [("refused",)]


async def test_a_write_that_is_cancelled_during_its_call_is_unknown(warehouse: Warehouse, folder: Folder) -> None:
    folder.seconds = 60
    writing = asyncio.create_task(write(warehouse, "one", intent(folder)))
    while not folder.calls:
        await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert audit(warehouse) == [("unknown",)]


async def test_a_write_that_is_cancelled_before_it_was_sent_is_not_in_doubt(
    warehouse: Warehouse, folder: Folder
) -> None:
    waits = asyncio.Event()

    async def make(client: TuyaClient) -> Facts:
        waits.set()
        await asyncio.sleep(60)  # for its start slot, or for a token
        raise AssertionError("unreachable")

    writing = asyncio.create_task(write(warehouse, "one", intent(folder, make=make)))
    await waits.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert audit(warehouse, "outcome", "note") == [("refused", "It was not sent: the run was ended before.")]
    assert (await write(warehouse, "one", intent(folder))).end is End.DONE and folder.calls == 1


async def test_a_fault_of_another_call_that_it_needs_leaves_nothing_in_doubt(
    warehouse: Warehouse, folder: Folder
) -> None:
    folder.before = PassingFault("no token in time", endpoint="GET /v1.0/token")
    with pytest.raises(PassingFault):
        await write(warehouse, "one", intent(folder))
    folder.before, folder.after = None, PassingFault("no token in time", endpoint="GET /v1.0/token")
    refused = await write(warehouse, "one", intent(folder, "bob"))
    assert refused.end is End.REFUSED and audit(warehouse) == [("refused",), ("refused",)]


async def test_a_mistake_during_the_call_leaves_it_unknown_and_says_so(warehouse: Warehouse, folder: Folder) -> None:
    folder.after = KeyError("uid")
    with pytest.raises(KeyError):
        await write(warehouse, "one", intent(folder))
    ((outcome, note),) = audit(warehouse, "outcome", "note")
    assert outcome == "unknown" and str(note).startswith("A mistake in tuyahouse ended the run during the call (KeyEr")


async def test_a_secret_in_a_request_does_not_reach_the_audit(warehouse: Warehouse, folder: Folder) -> None:
    request = {"name": "alice", "password": "hunter2-hunter2", "from": "env:ALICE"}
    await write(warehouse, "one", intent(folder, request=request))
    assert audit(warehouse, "request") == [({"name": "alice", "password": "***", "from": "env:ALICE"},)]


@pytest.mark.parametrize(
    ("code", "says", "not_this"),
    [
        ("40001900", "Check the name. If that is right, give the cloud project the right to it", "Subscribe"),
        ("1106", "Check the name. If that is right, give the cloud project the right to it", "Subscribe"),
        ("THE_USER_NOT_EXISTED", "Check the name.", "PMS"),
        ("1109", "Check the name.", "dead letter"),
        ("1000", "Check the name.", "belongs"),
        ("2010", "Check the device id", "Check the name"),
    ],
)
@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
async def test_advice_on_a_refusal_is_about_what_the_write_names_and_the_run_goes_on(
    warehouse: Warehouse, folder: Folder, code: str, says: str, not_this: str
) -> None:
    folder.before = refusal(code, "no", tid="", endpoint=CALL.name, account="demo")
    written = await write(warehouse, "one", intent(folder))
    assert written.end is End.REFUSED and says in written.words and not_this not in written.words
    assert audit(warehouse, "note") == [(written.words,)]


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
async def test_advice_on_an_api_that_is_not_subscribed_stays(warehouse: Warehouse, folder: Folder) -> None:
    folder.before = refusal("28841101", "no", tid="", endpoint=CALL.name, account="demo")
    with pytest.raises(ConfigurationWrong, match="Subscribe and authorise the API"):
        await write(warehouse, "one", intent(folder))


@pytest.mark.kill
@pytest.mark.parametrize("where", ["before the call", "after the call"])
@pytest.mark.parametrize("readable", ["readable", "not readable"])
async def test_a_process_that_is_killed_between_audit_and_outcome_writes_nothing_twice(
    warehouse: Warehouse, warehouse_url: str, secret_key: str, folder: Folder, readable: str, where: str
) -> None:
    env = {**os.environ, "TUYAHOUSE_WAREHOUSE_URL": warehouse_url, "TUYAHOUSE_SECRET_KEY": secret_key}
    for number in range(KILLS):
        for file in folder.path.iterdir():
            file.unlink()
        arguments = [str(folder.path), f"{number}", readable, where]
        process = subprocess.run([sys.executable, "-m", "tests.access.intents", *arguments], env=env, cwd=ROOT)
        assert process.returncode == -signal.SIGKILL
        found = await write(warehouse, f"{number} next", intent(folder, readable=readable == "readable"))
        if readable == "readable":
            assert found.end is End.DONE and folder.calls == 1
        else:
            assert found.end is End.UNKNOWN and folder.calls == (where == "after the call")
    with warehouse.read() as conn:
        assert conn.execute(select(ops_write).where(ops_write.c.settled_at.is_(None))).all() == []
