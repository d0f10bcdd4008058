"""issue_visual_tokens, as an operator starts it: tokens in files or blocks and nowhere else, renewed in time."""

import hashlib
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from flows.catalogue import FLOWS
from tests.access.desk import DEMO, Desk, told
from tests.flows.processes import run_flow
from tests.support.prefect import PrefectServer
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text
from tuyahouse.warehouse.tables import visual_token

LOGIN = "POST /v1.0/openapi/visual/d/user/login"
NOBODY = {"product_key": "nothing", "device_name": "nowhere"}
VISUAL_PASSWORD = "visual-day-and-night"


def devices(desk: Desk, count: int = 3) -> list[dict[str, str]]:
    found = desk.sandbox.lines("truth/devices")[:count]
    return [{"product_key": each["product_id"], "device_name": each["visual_name"]} for each in found]


def file_of(tmp_path: Path, device: dict[str, str]) -> Path:
    return tmp_path / "tokens" / f"visual-demo-{device['product_key']}-{device['device_name']}"


def tokens(desk: Desk) -> list[str]:
    """The visual tokens that the sandbox has issued."""
    return [secret for secret in desk.sandbox.control("secrets") if secret.count(".") == 2]


def age(desk: Desk, by: timedelta) -> None:
    """Let the tokens in the warehouse grow older."""
    (issued, expires), *_ = desk.rows(visual_token, "issued_at", "expires_at")
    with desk.warehouse.begin() as conn:
        conn.execute(update(visual_token).values(issued_at=issued - by, expires_at=expires - by))


def test_tokens_are_issued_dry_then_really_into_files_for_one_user_alone(desk: Desk, tmp_path: Path) -> None:
    wanted = devices(desk)
    before = desk.calls(LOGIN)
    code, printed = desk.start("issue_visual_tokens", devices=wanted)
    assert (code, told(printed, "would be done")) == (0, 3), printed
    assert desk.calls(LOGIN) == before and desk.held["visual_tokens"] == []

    printed = desk.write("issue_visual_tokens", devices=wanted)
    assert told(printed, "done") == 3 and desk.calls(LOGIN) == before + 1, printed
    by_device = {(each["productKey"], each["deviceName"]): each["expires_at"] for each in desk.held["visual_tokens"]}
    issued = set(tokens(desk))
    rows = desk.rows(visual_token, "product_key", "device_name", "fingerprint", "expires_at", "kept_in")
    assert len(rows) == 3
    for device in wanted:
        file = file_of(tmp_path, device)
        token = file.read_text()
        assert token in issued and stat.S_IMODE(file.stat().st_mode) == 0o600
        (row,) = [row for row in rows if row[:2] == (device["product_key"], device["device_name"])]
        assert row[2] == hashlib.sha256(token.encode()).hexdigest()[:16] and row[4] == file.name
        assert abs(row[3].timestamp() - by_device[row[0], row[1]]) <= 1


def test_a_token_is_renewed_in_the_second_half_of_its_life_or_when_its_file_is_gone(desk: Desk, tmp_path: Path) -> None:
    first, second = devices(desk, 2)
    desk.write("issue_visual_tokens", devices=[first, second])
    before, old = desk.calls(LOGIN), file_of(tmp_path, first).read_text()
    age(desk, timedelta(minutes=20))
    assert told(desk.write("issue_visual_tokens", devices=[first, second]), "skipped") == 2
    assert desk.calls(LOGIN) == before
    file_of(tmp_path, second).unlink()
    printed = desk.write("issue_visual_tokens", devices=[first, second])
    assert (told(printed, "skipped"), told(printed, "done")) == (1, 1), printed
    age(desk, timedelta(minutes=40))
    assert told(desk.write("issue_visual_tokens", devices=[first]), "done") == 1
    assert file_of(tmp_path, first).read_text() != old


@pytest.mark.parametrize(
    "shape",
    [
        {"visual_spelling": "capitalised", "visual_payload": "result"},
        {"visual_tokens": "opaque", "visual_expire": "milliseconds"},
    ],
    ids=["capitalised", "opaque"],
)
@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_every_shape_of_answers_is_understood(desk: Desk, shape: dict[str, str]) -> None:
    desk.sandbox.control("options", shape)
    desk.write("issue_visual_tokens", devices=devices(desk))
    ((issued, expires), *_) = desk.rows(visual_token, "issued_at", "expires_at")
    assert timedelta(minutes=59) < expires - issued < timedelta(minutes=61)


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unknown", ["left_out", "refused"])
def test_a_device_that_is_not_known_is_named_and_the_others_get_their_tokens(
    desk: Desk, tmp_path: Path, unknown: str
) -> None:
    desk.sandbox.control("options", {"visual_unknown": unknown})
    file = tmp_path / "devices.csv"
    known = [f"{each['product_key']},{each['device_name']}" for each in devices(desk)]
    rows = ["product_key,device_name", known[0], "nothing,nowhere", "alone,", *known[1:], known[0]]
    file.write_text("\n".join(rows) + "\n")
    code, printed = desk.start("issue_visual_tokens", path=str(file), dry_run=False)
    assert code == 1 and "2 of 5 are not done" in printed, printed
    assert "not valid: row 4: alone (It names no device" in printed
    assert "refused: row 3: issue a visual token for the device nowhere of the product nothing" in printed
    first = known[0].split(",")[1]
    assert f"done: row 2, row 7: issue a visual token for the device {first}" in printed, "a device in two rows"
    assert len(desk.rows(visual_token, "device_name")) == 3
    assert all(file_of(tmp_path, each).is_file() for each in devices(desk))


def test_a_run_that_is_started_again_asks_again_for_what_it_did_not_get_or_lost(desk: Desk, tmp_path: Path) -> None:
    (first,) = devices(desk, 1)
    again = {"dry_run": False, "run_key": "one", "devices": [NOBODY]}
    before = desk.calls(LOGIN)
    for attempt in (1, 2):
        code, printed = desk.start("issue_visual_tokens", **again)
        assert code == 1 and "Tuya sent no token for it" in printed, printed
        assert desk.calls(LOGIN) == before + attempt and desk.audit("outcome", "attempts") == [("refused", attempt)]
    desk.write("issue_visual_tokens", devices=[first], run_key="two")
    file_of(tmp_path, first).unlink()
    assert told(desk.write("issue_visual_tokens", devices=[first], run_key="two"), "done") == 1
    assert file_of(tmp_path, first).is_file()
    age(desk, timedelta(minutes=59))
    assert told(desk.write("issue_visual_tokens", devices=[first], run_key="two"), "done") == 1
    assert told(desk.write("issue_visual_tokens", devices=[first], run_key="two"), "skipped") == 1


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_devices_without_any_token_do_not_keep_the_next_login_from_being_tried(desk: Desk) -> None:
    nobody = [NOBODY | {"device_name": f"nowhere-{number}"} for number in range(50)]
    before = desk.calls(LOGIN)
    code, printed = desk.start("issue_visual_tokens", dry_run=False, devices=[*nobody, *devices(desk, 1)])
    assert code == 1 and "50 of 51 are not done" in printed and told(printed, "done") == 1, printed
    assert desk.calls(LOGIN) == before + 2


def test_a_token_that_cannot_be_kept_does_not_cost_the_others_theirs(
    desk: Desk, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    first, *others = devices(desk)
    in_the_way = file_of(tmp_path, first)
    in_the_way.mkdir(parents=True)
    code, printed = desk.start("issue_visual_tokens", dry_run=False, devices=[first, *others], run_key="one")
    assert code == 1 and "1 of 3 are not done" in printed and told(printed, "done") == 2, printed
    assert "Tuya issued it, but it could not be kept" in printed and f"{in_the_way} cannot be written" in printed
    assert {name for (name,) in desk.rows(visual_token, "device_name")} == {each["device_name"] for each in others}
    tables = json.dumps(prefect_server.everything("artifacts"))
    assert "could not be kept" in tables and leaks_in_text(tokens(desk), printed + tables) == []
    in_the_way.rmdir()
    printed = desk.write("issue_visual_tokens", devices=[first, *others], run_key="one")
    assert (told(printed, "done"), told(printed, "skipped")) == (1, 2) and in_the_way.is_file(), printed


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_directory_that_keeps_no_token_ends_the_logins(desk: Desk, tmp_path: Path) -> None:
    wanted = devices(desk, 60)
    for device in wanted[:50]:
        file_of(tmp_path, device).mkdir(parents=True)
    before = desk.calls(LOGIN)
    code, printed = desk.start("issue_visual_tokens", dry_run=False, devices=wanted)
    assert code == 1 and "60 of 60 are not done" in printed and desk.calls(LOGIN) == before + 1, printed
    assert desk.audit("outcome") == [("refused",)]


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_a_wrong_login_is_tried_a_few_times_and_no_more(desk: Desk) -> None:
    before = desk.calls(LOGIN)
    wrong = {f"{DEMO}VISUAL_PASSWORD": "not-the-password"}
    code, printed = desk.start("issue_visual_tokens", wrong, devices=devices(desk, 20), dry_run=False)
    assert code == 1 and "20 of 20 are not done" in printed, printed
    assert "the user name or the password is wrong" in printed and desk.calls(LOGIN) - before == 4


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("given", "settings", "words"),
    [
        ({"devices": None}, {}, "Name either a file (path) or devices"),
        ({"path": "/nowhere.csv"}, {}, "Name either a file (path) or devices"),
        ({}, {"TUYAHOUSE_TOKEN_DIR": ""}, "TUYAHOUSE_TOKEN_DIR is not set"),
        ({}, {f"{DEMO}VISUAL_BASE_URL": ""}, f"Set {DEMO}VISUAL_BASE_URL."),
        ({}, {f"{DEMO}ALLOW_WRITES": "false"}, f"{DEMO}ALLOW_WRITES=true"),
    ],
    ids=["no source", "two sources", "no directory", "no address", "not allowed"],
)
def test_what_is_missing_is_said_in_words(
    desk: Desk, given: dict[str, Any], settings: dict[str, str], words: str
) -> None:
    asked = {"devices": devices(desk, 1), "dry_run": False, **given}
    code, printed = desk.start("issue_visual_tokens", settings, **asked)
    assert code == 1 and words in printed and "Traceback" not in printed, printed


@pytest.mark.parametrize("given", [[], [{"product_key": "k"}], [NOBODY | {"x": 1}], [NOBODY | {"device_name": 5}], "x"])
def test_devices_of_a_wrong_kind_are_refused_before_a_run_begins(given: Any) -> None:
    FLOWS["issue_visual_tokens"].validate_parameters({"account": "demo", "devices": [NOBODY]})
    with pytest.raises(Exception, match="devices"):
        FLOWS["issue_visual_tokens"].validate_parameters({"account": "demo", "devices": given})


@pytest.mark.parametrize("store", ["files", "prefect"])
def test_a_token_is_where_it_is_kept_and_nowhere_else(
    desk: Desk, prefect_server: PrefectServer, tmp_path: Path, warehouse_url: str, store: str
) -> None:
    own = {"TUYAHOUSE_TOKEN_STORE": store, "TUYAHOUSE_LOG_LEVEL": "debug"}
    given = {"devices": [*devices(desk, 2), NOBODY], "dry_run": "false"}
    code, printed = run_flow("issue_visual_tokens", desk.env | own | prefect_server.env, **given)
    assert code == 1 and "1 of 3 are not done" in printed, printed
    secrets = [*tokens(desk), VISUAL_PASSWORD]
    assert len(secrets) == 3
    kept = [kept_in for (kept_in,) in desk.rows(visual_token, "kept_in")]
    if store == "files":
        assert sorted((tmp_path / "tokens" / name).read_text() for name in kept) == sorted(tokens(desk))
        for name in kept:
            (tmp_path / "tokens" / name).unlink()
    else:
        again = run_flow("issue_visual_tokens", desk.env | own | prefect_server.env, **given)[1]
        assert (told(again, "skipped"), told(again, "refused")) == (2, 1), again
        assert [name.split("/")[0] for name in kept] == ["secret", "secret"]
    told_by_prefect = prefect_server.everything("flow_runs", "task_runs", "logs", "artifacts")
    assert leaks_in_text(secrets, printed + json.dumps(told_by_prefect)) == []
    assert leaks_in_files(secrets, tmp_path, prefect_server.home) == []
    if warehouse_url.startswith("postgresql"):
        assert leaks_in_postgres(secrets, warehouse_url) == []
