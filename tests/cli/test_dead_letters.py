"""``tuyahouse dead-letters``: looked through, asked again, dismissed."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tuyahouse.warehouse.ledgers.dead_letters import DeadLetter, record
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)
LETTERS = [
    DeadLetter(
        "sn_flows", "S1", "item_error", "10202", "Tuya says no", b'{"access_token":"secret-value-1"}\x1b[2J\xff'
    ),
    DeadLetter("sn_flows", "S2", "unusable_answer", "", "no JSON"),
    DeadLetter("message", "m1", "undecryptable", "", "no key"),
]


@pytest.fixture
def store(sqlite_url: str) -> Callable[[], None]:
    def write() -> None:
        warehouse = Warehouse.open(sqlite_url)
        with warehouse.begin() as conn:
            record(conn, "demo", LETTERS, AT)
        warehouse.close()

    write()
    return write


def keys(printed: str) -> list[str]:
    rows = [line.split() for line in printed.splitlines()]
    return [row[1] for row in rows if row and row[0] in ("sn_flows", "message")]


def test_a_list_narrows_by_kind_and_reason(cli, store) -> None:
    assert sorted(keys(cli("dead-letters", "list", "-a", "demo").stdout)) == ["S1", "S2", "m1"]
    assert keys(cli("dead-letters", "list", "-a", "DEMO", "--kind", "message").stdout) == ["m1"]
    assert keys(cli("dead-letters", "list", "-a", "demo", "--reason", "item_error").stdout) == ["S1"]


def test_a_kind_that_matches_nothing_is_answered_with_those_that_are_open(cli, store) -> None:
    open_ones = "Open are: 1 of kind message, reason undecryptable; 1 of kind sn_flows, reason item_error; 1 of kind "
    shown = cli("dead-letters", "list", "-a", "demo", "--kind", "sn_flow")
    assert shown.exit_code == 0 and f"No dead letter matches. {open_ones}" in shown.stdout
    for command in (["redrive"], ["dismiss", "--by", "ana", "--why", "x"]):
        refused = cli("dead-letters", *command, "-a", "demo", "--kind", "sn_flow")
        assert refused.exit_code == 1 and open_ones in refused.stderr, command


def test_show_prints_what_was_received_without_secrets_and_without_obeying_it(cli, store) -> None:
    printed = cli("dead-letters", "show", "-a", "demo", "S1").stdout
    assert "Tuya says no" in printed and "10202" in printed
    assert '{"access_token":"***"}\\x1b[2J\\xff' in printed
    assert "\x1b" not in printed and "secret-value-1" not in printed


def test_a_key_without_a_dead_letter_is_said(cli, store) -> None:
    result = cli("dead-letters", "show", "-a", "demo", "S9")
    assert (result.exit_code, "There is no dead letter of 'S9'" in result.stderr) == (1, True)


def test_dismissed_ones_are_kept_and_do_not_come_back_the_next_night(cli, store) -> None:
    words = ["--by", "ana", "--why", "scrapped units", "S1"]
    assert cli("dead-letters", "dismiss", "-a", "demo", *words).exit_code == 0
    store()
    assert sorted(keys(cli("dead-letters", "list", "-a", "demo").stdout)) == ["S2", "m1"]
    assert keys(cli("dead-letters", "list", "-a", "demo", "--state", "dismissed").stdout) == ["S1"]
    printed = cli("dead-letters", "show", "-a", "demo", "S1").stdout
    assert "ana" in printed and "scrapped units" in printed


def test_dismissing_asks_who_and_why_and_never_takes_all(cli, store) -> None:
    assert cli("dead-letters", "dismiss", "-a", "demo", "S1").exit_code != 0
    assert cli("dead-letters", "dismiss", "-a", "demo", "--by", "ana", "--why", "x").exit_code == 2
    assert len(keys(cli("dead-letters", "list", "-a", "demo").stdout)) == 3


def test_redrive_prints_the_commands_that_ask_again(cli, store) -> None:
    printed = cli("dead-letters", "redrive", "-a", "demo").stdout.splitlines()
    assert "python -m flows redrive_dead_letters -p account=demo" in printed
    assert """python -m flows sync_sn_flows -p account=demo -p 'sns=["S1", "S2"]'""" in printed


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("device_details", "python -m flows sync_devices -p account=demo"),
        ("device_factory", "python -m flows sync_devices -p account=demo -p full=true"),
        ("command", "python -m flows reconcile_commands -p account=demo"),
        ("craft_line", "python -m flows redrive_dead_letters -p account=demo"),
        ("authorized_account", "python -m flows sync_accounts -p account=demo"),
        ("work_order", "# correct the file and add it again: tuyahouse orders add -a demo FILE"),
    ],
)
def test_each_kind_is_asked_again_by_a_command_that_asks_for_it(cli, sqlite_url: str, kind: str, command: str) -> None:
    warehouse = Warehouse.open(sqlite_url)
    with warehouse.begin() as conn:
        record(conn, "demo", [DeadLetter(kind, "K1", "unusable_answer", "", "odd")], AT)
    warehouse.close()
    assert cli("dead-letters", "redrive", "-a", "demo").stdout.splitlines() == [f"# 1 of {kind}", command]
