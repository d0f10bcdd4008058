"""The list of authorized accounts: read to its end in every shape, landed once, vanished accounts kept."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from tests.access.desk import DEMO, Desk
from tests.devices.nights import account_of
from tests.support.sandbox import Sandbox
from tuyahouse.cloud.calls.authorization import AccountPage, AuthorizedAccount
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.sync.access import accounts as listing
from tuyahouse.sync.access.accounts import Listed, sync_list
from tuyahouse.sync.forecast import accounts_due
from tuyahouse.warehouse.ledgers import dead_letters, runs
from tuyahouse.warehouse.tables import authorized_account
from tuyahouse.warehouse.warehouse import Warehouse

SHAPES: list[dict[str, str]] = [
    {},
    {"account_list": "wrapped", "totals_as": "text"},
    {"account_query": "body"},
    {"account_query": "body", "other_spelling": "ignore"},
]


async def read(sandbox: Sandbox, warehouse: Warehouse, run_key: str) -> Listed:
    run = runs.start_run(warehouse, "demo", "sync_accounts", run_key, {})
    async with TuyaClient.open(account_of(sandbox), warehouse.tokens, warehouse.slots) as client:
        return await sync_list(client, warehouse, run)


def stored(warehouse: Warehouse, *columns: str) -> list[tuple[Any, ...]]:
    chosen = [authorized_account.c[name] for name in columns]
    with warehouse.read() as conn:
        return [tuple(row) for row in conn.execute(select(*chosen).order_by(authorized_account.c.uid))]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: " ".join(shape.values()) or "sample")
async def test_the_list_is_read_to_its_end_in_every_shape(
    tuya: Sandbox, warehouse: Warehouse, shape: dict[str, str]
) -> None:
    tuya.control("options", {"authorized_accounts": 120, **shape})
    assert await read(tuya, warehouse, "one") == Listed(120, 0, "")
    names = ("uid", "loginName", "nickName", "roleCode", "roleName", "remark", "createDate", "adminId")
    expected = sorted(tuple(each[name] for name in names) for each in tuya.control("access")["accounts"])
    columns = ("uid", "login_name", "nick_name", "role_code", "role_name", "remark", "create_date", "admin_id")
    assert stored(warehouse, *columns, "extra") == [(*each, None) for each in expected]


async def test_a_second_reading_changes_nothing_and_a_vanished_account_is_kept_until_it_is_back(
    tuya: Sandbox, warehouse: Warehouse
) -> None:
    await read(tuya, warehouse, "one")
    assert await read(tuya, warehouse, "two") == Listed(25, 0, "")
    second = runs.find_run(warehouse, "demo", "sync_accounts", "two")
    assert second
    gone = tuya.control("access")["accounts"][3]
    tuya.control("access", {"remove_account": gone["loginName"]})
    assert await read(tuya, warehouse, "three") == Listed(24, 1, "")
    run = runs.find_run(warehouse, "demo", "sync_accounts", "three")
    assert run
    rows = {uid: (at, last) for uid, at, last in stored(warehouse, "uid", "vanished_at", "last_run")}
    assert len(rows) == 25 and rows[gone["uid"]][0] is not None and rows[gone["uid"]][1] == run.run_id
    assert {last for uid, (_, last) in rows.items() if uid != gone["uid"]} != {run.run_id}
    assert await read(tuya, warehouse, "four") == Listed(24, 0, "")
    tuya.control("options", {"authorized_accounts": 25})  # all are there as in the beginning
    assert await read(tuya, warehouse, "five") == Listed(25, 0, "")
    assert [at for (at,) in stored(warehouse, "vanished_at")] == [None] * 25


def pages(monkeypatch: pytest.MonkeyPatch, *sweeps: list[AccountPage]) -> None:
    """Let the list be read as these pages, sweep by sweep; the last one for all further ones."""
    left = list(sweeps)

    async def scripted(client: Any) -> AsyncIterator[AccountPage]:
        for page in left.pop(0) if len(left) > 1 else left[0]:
            yield page

    monkeypatch.setattr(listing, "read_accounts", scripted)


def page(*uids: str, total: int | None, unusable: tuple[Any, ...] = ()) -> AccountPage:
    return AccountPage(1, [AuthorizedAccount(uid, uid) for uid in uids], list(unusable), total, "query")


async def test_a_list_that_shifts_while_it_is_read_is_read_again(
    tuya: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted, whole = [page("a", "b", total=4), page("b", "d", total=4)], [page("a", "b", "c", "d", total=4)]
    pages(monkeypatch, shifted, whole)
    assert await read(tuya, warehouse, "one") == Listed(4, 0, "")


async def test_a_list_that_lacks_accounts_declares_none_vanished_and_says_so(
    tuya: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages(monkeypatch, [page("a", "b", total=2)], [page("a", total=3)])
    await read(tuya, warehouse, "one")
    listed = await read(tuya, warehouse, "two")
    assert listed.vanished == 0 and "1 were met, Tuya counts 3" in listed.amiss
    assert stored(warehouse, "uid", "vanished_at") == [("a", None), ("b", None)]


async def test_a_list_without_a_count_ends_with_its_last_page(
    tuya: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages(monkeypatch, [page("a", "b", total=None)], [page("b", total=None)])
    await read(tuya, warehouse, "one")
    assert await read(tuya, warehouse, "two") == Listed(1, 1, "")


async def test_an_item_without_a_uid_is_a_dead_letter_until_it_is_gone(
    tuya: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = page("a", total=2, unusable=({"loginName": "nobody"},))
    pages(monkeypatch, [page("a", "b", total=2)], [odd], [page("a", total=1)])
    await read(tuya, warehouse, "one")
    listed = await read(tuya, warehouse, "two")
    assert listed.vanished == 0 and "came without a uid" in listed.amiss
    with warehouse.read() as conn:
        (letter,) = dead_letters.open_dead_letters(conn, "demo")
    assert (letter.kind, letter.raw) == ("authorized_account", b'{"loginName":"nobody"}')
    assert await read(tuya, warehouse, "three") == Listed(1, 1, "")
    with warehouse.read() as conn:
        assert list(dead_letters.open_dead_letters(conn, "demo")) == []


async def test_an_account_that_the_database_refuses_is_a_dead_letter_until_it_is_gone_and_the_others_land(
    tuya: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages(monkeypatch, [page("a", "b" * 5000, "c", total=3)], [page("a", "c", total=2)])
    assert await read(tuya, warehouse, "one") == Listed(3, 0, "")
    run = runs.find_run(warehouse, "demo", "sync_accounts", "one")
    assert run
    outcome = runs.finish_run(warehouse, run.run_id, "balanced").outcome
    assert (outcome.asked, outcome.answered, outcome.rejected) == (3, 2, 1)
    assert stored(warehouse, "uid") == [("a",), ("c",)]
    with warehouse.read() as conn:
        (letter,) = dead_letters.open_dead_letters(conn, "demo")
    assert (letter.kind, letter.reason) == ("authorized_account", "not_storable")
    assert letter.raw and b"b" * 5000 in letter.raw
    assert await read(tuya, warehouse, "two") == Listed(2, 0, "")
    with warehouse.read() as conn:
        assert list(dead_letters.open_dead_letters(conn, "demo")) == []


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_night_reads_the_accounts_where_the_settings_say_so(desk: Desk) -> None:
    code, printed = desk.start("nightly_sync", run_key="without")
    assert code == 0 and "sync_accounts" not in printed, printed
    code, printed = desk.start("nightly_sync", {f"{DEMO}SYNC_ACCOUNTS": "true"}, run_key="with")
    assert code == 0, printed
    run = runs.find_run(desk.warehouse, "demo", "sync_accounts", "with")
    assert run and (run.status, run.outcome.asked, run.outcome.answered) == ("balanced", 25, 25)
    assert desk.rows(authorized_account, "vanished_at") == [(None,)] * 25


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_it_needs_no_right_to_write_and_a_list_that_is_refused_is_red(desk: Desk) -> None:
    code, printed = desk.start("sync_accounts", {f"{DEMO}ALLOW_WRITES": "false"})
    assert code == 0 and "25 authorized accounts, 0 vanished." in printed, printed
    desk.sandbox.control("faults", {"rights": 1})
    code, printed = desk.start("sync_accounts")
    assert code == 1 and "right" in printed, printed
    assert desk.rows(authorized_account, "vanished_at") == [(None,)] * 25


def test_the_forecast_counts_the_pages_of_the_list(tuya: Sandbox, warehouse: Warehouse) -> None:
    assert accounts_due(warehouse, account_of(tuya)) == []
    (due,) = accounts_due(warehouse, account_of(tuya, sync_accounts=True))
    assert (due.keys, due.calls) == (0, 1)
