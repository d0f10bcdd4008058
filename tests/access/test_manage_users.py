"""manage_users, as an operator starts it: dry, then real, checked by what the sandbox holds; passwords are nowhere."""

import json
import signal
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from flows.catalogue import FLOWS
from tests.access.desk import DEMO, Desk, told
from tests.flows.processes import IMPATIENT, run_flow, start_flow, wait_until
from tests.support.kill import kill
from tests.support.prefect import PrefectServer
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text
from tuyahouse.sync.access.intent import Written
from tuyahouse.sync.access.passwords import password_at
from tuyahouse.sync.access.users import User, read_users, user_of
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.tables import app_user, ops_api_calls, ops_pace

PUT_USER = "POST /v1.0/apps/{schema}/user"
PASSWORD = "correct horse battery staple"
SQLITE = pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)


@pytest.fixture
def password(tmp_path: Path) -> str:
    """Where the password is."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return f"file:{tmp_path / 'password'}"


def users(desk: Desk) -> list[tuple[str, int, str, str, str]]:
    names = ("username", "username_type", "country_code", "nick_name", "password")
    return [tuple(user[name] for name in names) for user in desk.held["users"]]


def digest(password: str = PASSWORD) -> str:
    return md5(password.encode()).hexdigest()


def test_it_is_dry_by_default_then_creates_and_then_updates(desk: Desk, password: str) -> None:
    asked: dict[str, Any] = {"username": "alice@example.com", "username_type": "email", "password_from": password}
    code, printed = desk.start("manage_users", **asked)
    assert code == 0 and told(printed, "would be done") == 1, printed
    assert users(desk) == [] and desk.audit("outcome") == []
    desk.write("manage_users", **asked, nick_name="Alice", run_key="one")
    assert users(desk) == [("alice@example.com", 2, "86", "Alice", digest())]
    uid = desk.held["users"][0]["uid"]
    one = runs.run_id_of("demo", "manage_users", "one")
    columns = ("app_schema", "country_code", "username", "username_type", "nick_name", "uid", "last_run")
    assert desk.rows(app_user, *columns) == [("sandboxapp", "86", "alice@example.com", "email", "Alice", uid, one)]
    desk.write("manage_users", **asked, run_key="two")
    assert users(desk)[0][3] == "Alice" and desk.rows(app_user, "nick_name") == [("Alice",)]
    assert desk.audit("call", "outcome", "result") == [(PUT_USER, "done", {"uid": uid})] * 2
    assert [request["password_from"] for (request,) in desk.audit("request")] == [password] * 2


def test_a_file_with_bad_rows_is_done_as_far_as_it_is_good_and_once(desk: Desk, password: str, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text(
        "username,username_type,country_code,nick_name,password_from\n"
        f"alice@example.com,email,86,Alice,{password}\n"
        f"13800000001,phone,,,{password}\n"
        f"bob,email,86,,{password}\n"
        f"carol,shoe,86,,{password}\n"
        f"dan,other,CN,,{password}\n"
        "erin,other,86,,hunter2-in-the-clear\n"
        "frank,other,86,,file:/nowhere/at/all\n"
        f"alice@example.com,email,86,Other,{password}\n"
        f",other,86,Nobody,{password}\n"
        f"grace,3,49,,{password}\n"
    )
    code, printed = desk.start("manage_users", dry_run=False, path=str(file), run_key="one")
    assert code == 1 and "7 of 10 are not done" in printed, printed
    assert "hunter2-in-the-clear" not in printed
    for words in (
        "row 4: bob (It is not an e-mail address",
        "row 5: carol (The type 'shoe' is none",
        "row 6: dan (The country code 'CN' is none",
        "row 7: erin (password_from names no place",
        "row 8: frank (The file /nowhere/at/all cannot be read",
        "(row 2 names the same user with other values",
        "row 10 (Not valid",
    ):
        assert words in printed, printed
    assert [user[:3] for user in users(desk)] == [
        ("alice@example.com", 2, "86"),
        ("13800000001", 1, "86"),
        ("grace", 3, "49"),
    ]
    calls = desk.calls(PUT_USER)
    code, printed = desk.start("manage_users", dry_run=False, path=str(file), run_key="one")
    assert code == 1 and told(printed, "skipped") == 3 and desk.calls(PUT_USER) == calls
    run = runs.find_run(desk.warehouse, "demo", "manage_users", "one")
    assert run and (run.outcome.asked, run.outcome.answered, run.outcome.rejected) == (10, 3, 7)


def test_no_password_is_anywhere(
    desk: Desk, prefect_server: PrefectServer, tmp_path: Path, warehouse_url: str, password: str
) -> None:
    file, outside = tmp_path / "users.csv", "from-the-environment-1"
    file.write_text(
        "username,password,password_from\n"
        f"alice,,{password}\n"
        "bob,a-password-in-the-clear,\n"
        "carol,,another-password-in-the-clear\n"
        'dan,,"a-third-one-in-the-clear\n'
    )
    env = desk.env | prefect_server.env | {"ALICES_PASSWORD": outside, "TUYAHOUSE_LOG_LEVEL": "debug"}
    printed = [run_flow("manage_users", env, path=str(file), dry_run="false")]
    printed.append(run_flow("manage_users", env, username="erin", password_from="env:ALICES_PASSWORD", dry_run="false"))
    printed.append(run_flow("manage_users", env, username="frank", password_from="typed-in-the-clear"))
    assert [code for code, _ in printed] == [1, 0, 2], printed
    assert "write env:NAME" in printed[2][1] and "It holds a password" in printed[0][1], printed
    assert {user[0] for user in users(desk)} == {"alice", "erin"}
    file.unlink()
    (tmp_path / "password").unlink()
    clear = [f"{which}-in-the-clear" for which in ("a-password", "another-password", "a-third-one", "typed")]
    secrets = [PASSWORD, outside, digest(), digest(outside), *clear]
    everything = prefect_server.everything("flow_runs", "task_runs", "logs", "artifacts")
    assert leaks_in_text(secrets, json.dumps([printed, everything])) == []
    assert leaks_in_files(secrets, tmp_path, prefect_server.home) == []
    if warehouse_url.startswith("postgresql"):
        assert leaks_in_postgres(secrets, warehouse_url) == []


@SQLITE
@pytest.mark.parametrize(
    ("changes", "settings", "words"),
    [
        ({}, {f"{DEMO}APP_SCHEMA": ""}, f"{DEMO}APP_SCHEMA is not set"),
        ({}, {f"{DEMO}APP_SCHEMA": "otherapp"}, "the schema is not accepted"),
        ({}, {f"{DEMO}ALLOW_WRITES": "false"}, f"{DEMO}ALLOW_WRITES=true"),
        ({"username": None}, {}, "exactly one of them"),
        ({"path": "users.csv"}, {}, "exactly one of them"),
        ({"username": None, "path": "/nowhere/users.csv"}, {}, "There is no file /nowhere/users.csv"),
        ({"password_from": None}, {}, "write env:NAME"),
        ({"password_from": "env:NOBODY_SET_THIS"}, {}, "The worker has no variable NOBODY_SET_THIS"),
        ({"username": "alice", "username_type": "phone"}, {}, "It is not a phone number"),
    ],
)
def test_what_cannot_be_written_is_red_with_what_to_change(
    desk: Desk, password: str, changes: dict[str, Any], settings: dict[str, str], words: str
) -> None:
    asked = {"username": "alice", "password_from": password, **changes}
    code, printed = desk.start("manage_users", settings, dry_run=False, **asked)
    assert code == 1 and words in printed, printed
    assert "Traceback" not in printed and users(desk) == []


@pytest.mark.parametrize("typed", ["hunter2", "env:", "env:two words", "file:", "https://x", 7, ["env:A"]])
def test_a_password_in_a_parameter_is_refused_without_repeating_it(typed: Any) -> None:
    with pytest.raises(Exception, match="names no place: write env:NAME") as refused:
        FLOWS["manage_users"].validate_parameters({"account": "demo", "password_from": typed})
    assert "hunter2" not in str(refused.value)


def test_a_password_is_found_in_a_variable_a_file_and_the_directory_of_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alice").write_text(" pass word \r\n")
    monkeypatch.setenv("ALICE", "p")
    monkeypatch.setenv("TUYAHOUSE_SECRETS_DIR", str(tmp_path))
    assert [password_at(each) for each in ("env:ALICE", "file:alice", f"file:{tmp_path}/alice")] == [
        "p",
        " pass word ",
        " pass word ",
    ]


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"\xff\xfe\x00", "is not UTF-8"), (None, "cannot be read")]
)
def test_a_file_without_a_password_is_said(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "alice").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        password_at(f"file:{tmp_path / 'alice'}")


@pytest.mark.parametrize(
    ("username", "kind", "right"),
    [
        ("+86 138-0000-0001", "phone", True),
        ("13800000001", "1", True),
        ("alice", "phone", False),
        ("a@b.c", "email", True),
        ("a@b", "2", False),
        ("张三", "other", True),
        ("two words", "3", True),
        ("", "other", False),
        ("tab\there", "other", False),
        ("x" * 101, "other", False),
        ("alice", "4", False),
    ],
)
def test_a_user_name_fits_its_type(password: str, username: str, kind: str, right: bool) -> None:
    assert isinstance(user_of(username, kind, password_from=password), User if right else Written)


def test_headings_of_a_file_may_be_written_as_usual(tmp_path: Path, password: str) -> None:
    file = tmp_path / "users.csv"
    file.write_text(f"Nick Name;Username Type;passwordFrom;User Name;Country Code\nAlice;EMAIL;{password};a@b.c;49\n")
    assert list(read_users(file)) == [User("a@b.c", "email", "49", "Alice", password, "row 2")]


@pytest.mark.kill
def test_a_run_that_is_killed_during_its_call_is_reported_by_the_next_one_and_not_repeated(
    desk: Desk, prefect_server: PrefectServer, password: str
) -> None:
    asked = {"username": "alice", "password_from": password}
    desk.start("sync_accounts")  # has a token
    before = desk.calls(PUT_USER)
    desk.sandbox.control("options", {"slow_seconds": 60})
    desk.sandbox.control("faults", {"slow": 1})
    env = desk.env | prefect_server.env | {f"{DEMO}TIMEOUT_SECONDS": "90"}
    process = start_flow("manage_users", env, dry_run="false", run_key="one", **asked)
    wait_until(lambda: desk.calls(PUT_USER) > before, process)
    kill(process)
    desk.sandbox.control("faults", {})
    code, printed = desk.start("manage_users", dry_run=False, run_key="two", **asked)
    assert code == 1 and "was carried out is unknown" in printed and "Look for the user" in printed, printed
    assert desk.audit("outcome") == [("unknown",)] * 2 and desk.calls(PUT_USER) == before + 1
    desk.write("manage_users", run_key="three", **asked)
    assert desk.calls(PUT_USER) == before + 2


@SQLITE
def test_a_budget_that_is_used_up_stops_the_run_softly_and_it_continues_with_the_rest(
    desk: Desk, password: str, tmp_path: Path
) -> None:
    file = tmp_path / "users.csv"
    rows = "".join(f"user{number},{password}\n" for number in range(6))
    file.write_text(f"username,password_from\n{rows}")
    before = desk.calls(PUT_USER)
    asked: dict[str, Any] = {"path": str(file), "run_key": "one"}
    code, printed = desk.start("manage_users", {f"{DEMO}MONTHLY_CALLS": "4"}, dry_run=False, **asked)
    assert code == 0 and "MONTHLY_CALLS" in printed, printed
    stopped = runs.find_run(desk.warehouse, "demo", "manage_users", "one")
    assert stopped and stopped.status == "stopped" and 0 < len(users(desk)) < 6
    desk.write("manage_users", **asked)
    assert len(users(desk)) == 6 and desk.calls(PUT_USER) == before + 6


@SQLITE
def test_ctrl_c_during_a_call_leaves_it_unknown_and_says_how_to_continue(
    desk: Desk, prefect_server: PrefectServer, password: str
) -> None:
    desk.start("sync_accounts")  # has a token
    before = desk.calls(PUT_USER)
    desk.sandbox.control("options", {"slow_seconds": 30})
    desk.sandbox.control("faults", {"slow": 1})
    env = desk.env | prefect_server.env | {f"{DEMO}TIMEOUT_SECONDS": "60"}
    process = start_flow("manage_users", env, username="alice", password_from=password, dry_run="false", run_key="one")
    wait_until(lambda: desk.calls(PUT_USER) > before, process)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "run_key=one" in printed, printed
    assert desk.audit("outcome", "settled_at") == [("unknown", None)]


@SQLITE
def test_writes_are_paced_and_counted_as_every_call(desk: Desk, password: str) -> None:
    asked = {"username": "alice", "password_from": password, "run_key": "one", "dry_run": False}
    code, printed = desk.start("manage_users", {f"{DEMO}CALLS_PER_SECOND": "5"}, **asked)
    assert code == 0, printed
    run = runs.find_run(desk.warehouse, "demo", "manage_users", "one")
    ledger = dict(desk.rows(ops_api_calls, "endpoint", "calls"))
    assert run and run.outcome.calls == sum(ledger.values()) and ledger[PUT_USER] == 1
    assert (PUT_USER,) in desk.rows(ops_pace, "endpoint")


@SQLITE
def test_a_run_that_meets_no_connection_tries_again_then_is_red_and_continues_with_what_is_left(
    desk: Desk, prefect_server: PrefectServer, password: str
) -> None:
    desk.start("sync_accounts")  # has a token
    away = desk.env | prefect_server.env | {f"{DEMO}BASE_URL": "http://127.0.0.1:9", f"{DEMO}ATTEMPTS": "1"}
    asked = {"username": "alice", "password_from": password, "run_key": "one"}
    process = start_flow("manage_users", away, program=IMPATIENT, dry_run="false", **asked)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "no connection to 127.0.0.1:9" in printed, printed
    assert desk.audit("outcome", "attempts") == [("refused", 4)]
    desk.write("manage_users", **asked)
    assert desk.audit("outcome", "attempts") == [("done", 5)]
