"""The one live token of an account: sealed, exclusive, and free again when its holder dies."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.support.kill import kill, start
from tuyahouse.cloud.auth.tokens import GRANT_SECONDS
from tuyahouse.stores import Token
from tuyahouse.warehouse.errors import WarehouseAway
from tuyahouse.warehouse.shared import tokens
from tuyahouse.warehouse.warehouse import Warehouse

TOKEN = Token("the-access-token", "the-refresh-token", 1_800_000_000.5, 1_799_999_000.25, 3)


def test_there_is_no_token_at_first(warehouse: Warehouse) -> None:
    assert warehouse.tokens.read("factory", "platform") is None


def test_a_replaced_token_is_read_by_all(warehouse: Warehouse) -> None:
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        assert slot.current is None
        slot.replace(TOKEN)
    assert warehouse.tokens.read("factory", "platform") == TOKEN
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        assert slot.current == TOKEN


def test_a_token_without_refresh_token_comes_back_as_it_was(warehouse: Warehouse) -> None:
    bare = Token("access", "", 1_800_000_000.0)
    with warehouse.tokens.exclusive("factory", "pms") as slot:
        slot.replace(bare)
    assert warehouse.tokens.read("factory", "pms") == bare


def test_kinds_and_accounts_have_tokens_of_their_own(warehouse: Warehouse) -> None:
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    assert warehouse.tokens.read("factory", "pms") is None
    assert warehouse.tokens.read("other", "platform") is None


def test_no_row_holds_a_token_in_plain_text(warehouse: Warehouse) -> None:
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    with warehouse.read() as conn:
        row = conn.execute(text("SELECT * FROM ops_token")).one()
    cells = b"|".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
    assert b"the-access-token" not in cells
    assert b"the-refresh-token" not in cells


def test_an_error_inside_leaves_the_old_token_and_the_place_free(warehouse: Warehouse) -> None:
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    with pytest.raises(ZeroDivisionError), warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(Token("new", "", 1.0))
        raise ZeroDivisionError
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        assert slot.current == TOKEN


def test_of_many_that_want_to_replace_it_one_does_at_a_time(warehouse: Warehouse) -> None:
    inside = 0
    most = 0

    def replace(_: int) -> None:
        nonlocal inside, most
        with warehouse.tokens.exclusive("factory", "platform") as slot:
            inside += 1
            most = max(most, inside)
            generation = slot.current.generation if slot.current else 0
            time.sleep(0.01)
            slot.replace(Token("access", "", 1.0, None, generation + 1))
            inside -= 1

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(replace, range(10)))
    last = warehouse.tokens.read("factory", "platform")
    assert (most, last and last.generation) == (1, 10)


def test_while_it_is_held_it_can_be_read_and_other_work_goes_on(warehouse: Warehouse) -> None:
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    with warehouse.tokens.exclusive("factory", "platform"):
        assert warehouse.tokens.read("factory", "platform") == TOKEN
        assert warehouse.slots.reserve("factory", "GET /", per_second=5, want=1, monthly_calls=None).count == 1
        with warehouse.tokens.exclusive("factory", "pms"):
            pass


def test_waiting_for_too_long_is_an_error_in_words(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "WAIT_SECONDS", 1.0)
    done = threading.Event()

    def hold() -> None:
        with warehouse.tokens.exclusive("factory", "platform"):
            held.set()
            done.wait(20)

    held = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        held.wait(20)
        with pytest.raises(WarehouseAway), warehouse.tokens.exclusive("factory", "platform"):
            pass
        done.set()
        holding.result()


HOLD = """
    import sys, time
    from tuyahouse.warehouse.warehouse import Warehouse
    with Warehouse.open(sys.argv[1], sys.argv[2]).tokens.exclusive("factory", "platform"):
        print("ready", flush=True)
        time.sleep(60)
"""


def test_a_killed_holder_frees_the_place_at_once(warehouse: Warehouse, warehouse_url: str, secret_key: str) -> None:
    kill(start(HOLD, warehouse_url, secret_key))
    begin = time.monotonic()
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    assert time.monotonic() - begin < 5
    assert warehouse.tokens.read("factory", "platform") == TOKEN


STOP = """
    import os, signal, sys
    from datetime import timedelta
    from tuyahouse.stores import Token
    from tuyahouse.warehouse.errors import WarehouseAway
    from tuyahouse.warehouse.shared import tokens
    from tuyahouse.warehouse.warehouse import Warehouse
    tokens.LEASE = timedelta(seconds=2)
    try:
        with Warehouse.open(sys.argv[1], sys.argv[2]).tokens.exclusive("factory", "platform") as slot:
            print("ready", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
            slot.replace(Token("too-late", "", 1.0))
    except WarehouseAway:  # PostgreSQL has ended its session
        pass
"""


def test_a_holder_that_is_stopped_frees_the_place_while_others_still_wait(
    warehouse: Warehouse, warehouse_url: str, secret_key: str
) -> None:
    assert GRANT_SECONDS < tokens.LEASE.total_seconds() < tokens.WAIT_SECONDS
    stopped = start(STOP, warehouse_url, secret_key)
    with warehouse.tokens.exclusive("factory", "platform") as slot:
        slot.replace(TOKEN)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.wait(60) == 0
    assert warehouse.tokens.read("factory", "platform") == TOKEN


def test_a_lease_that_took_too_long_loses_its_token_to_the_one_that_took_over(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LEASE", timedelta(0))
    warehouse = Warehouse.open(sqlite_url)
    with warehouse.tokens.exclusive("factory", "platform") as slow:
        with warehouse.tokens.exclusive("factory", "platform") as quick:
            quick.replace(TOKEN)
        slow.replace(Token("too-late", "", 1.0))
    assert warehouse.tokens.read("factory", "platform") == TOKEN
