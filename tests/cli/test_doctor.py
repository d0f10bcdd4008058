"""``tuyahouse doctor`` against a Tuya that refuses in every documented way."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from tests.support.sandbox import Sandbox
from tuyahouse.cloud.calls.pms import SN_FLOWS
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.warehouse.shared.locks import account_lock
from tuyahouse.warehouse.warehouse import Warehouse

P = "TUYAHOUSE_ACCOUNTS__DEMO__"


@pytest.fixture(autouse=True)
def there(sqlite_url: str) -> None:
    """A warehouse that stands, as after the first night; test_wrong_folder.py has those that do not."""
    Warehouse.open(sqlite_url).close()


@pytest.fixture
def fault(sandbox: Sandbox) -> Iterator:
    """Switch faults on for one test."""
    yield lambda **rates: sandbox.control("faults", rates)
    sandbox.control("faults", {})


@pytest.fixture
def clock(sandbox: Sandbox) -> Iterator:
    """Set the sandbox's clock against that of the machine for one test."""
    yield lambda seconds: sandbox.control("clock", {"offset_seconds": seconds})
    sandbox.control("clock", {"offset_seconds": 0})


def lines(result, kind: str) -> list[str]:
    """The findings of a kind."""
    return [line.removeprefix(kind).strip() for line in result.stdout.splitlines() if line.startswith(f"{kind} ")]


def test_everything_right_is_said_line_by_line(cli, sqlite_url: str) -> None:
    result = cli("doctor")
    assert result.exit_code == 0
    assert lines(result, "wrong") == lines(result, "note") == []
    assert [line.split(":")[0] for line in lines(result, "ok")] == [
        "settings",
        "warehouse",
        "demo, token of the platform",
        "demo, login to the production system",
        "demo, serial numbers",
        "demo, devices",
        "demo, clock",
        "demo, messages",
        "demo, night",
    ]
    assert result.stdout.splitlines()[-1] == "9 checks, all is well. Calls made to Tuya: 5."


def test_what_a_night_leaves_out_is_a_note_and_what_is_due_and_cannot_be_asked_is_wrong(cli) -> None:
    left_out = {"PMS_USERNAME": "", "PMS_PASSWORD": "", "PROJECT_IDS": ""}
    result = cli("doctor", "--no-messages", **left_out)
    assert (result.exit_code, lines(result, "wrong")) == (0, [])
    (note,) = [line for line in lines(result, "note") if line.startswith("demo, night")]
    assert f"It asks no serial number: set {P}PMS_USERNAME and {P}PMS_PASSWORD." in note
    assert f"It reads no device list: set {P}PROJECT_IDS." in note
    cli("sn", "add", "-a", "demo", "--pattern", "B0001..B0020")
    result = cli("doctor", "--no-messages", **left_out)
    assert result.exit_code == 1
    (wrong,) = lines(result, "wrong")
    assert wrong.startswith("demo, night: 20 serial numbers are due and cannot be asked")
    assert cli("doctor", "--no-messages").exit_code == 0


def test_the_calls_it_names_are_those_that_tuya_counted(cli, sandbox: Sandbox) -> None:
    before = sandbox.control("stats")["calls"]
    result = cli("doctor", "--no-messages")
    assert f"Calls made to Tuya: {sandbox.control('stats')['calls'] - before}." in result.stdout


def test_a_stored_platform_token_is_used_and_the_login_is_made_anew(cli, sandbox: Sandbox) -> None:
    cli("doctor", "--no-messages")
    before = sandbox.control("stats")["tokens"]
    result = cli("doctor", "--no-messages")
    after = sandbox.control("stats")["tokens"]
    assert after == before | {"logins": before["logins"] + 1}
    assert "demo, token of the platform: the stored one is still valid, so none was requested" in lines(result, "ok")
    assert "Calls made to Tuya: 4." in result.stdout


def test_a_password_that_has_changed_is_found_while_the_stored_login_lasts(cli, sandbox: Sandbox, stored) -> None:
    cli("doctor", "--no-messages")
    before = stored()
    result = cli("doctor", "--no-messages", PMS_PASSWORD="the-new-one")
    assert result.exit_code == 1
    (said,) = lines(result, "wrong")
    assert said.startswith("demo, login to the production system: ")
    assert f"{P}PMS_PASSWORD" in said
    assert stored() == before, "runs that are under way keep their login"


def test_a_run_under_way_goes_on_with_the_login_that_the_check_made(cli, sandbox: Sandbox, sqlite_url: str) -> None:
    cli("doctor", "--no-messages")
    warehouse = Warehouse.open(sqlite_url)

    async def run() -> tuple[int, int]:
        async with TuyaClient.open(sandbox.account, warehouse.tokens, warehouse.slots) as client:
            await client.call(SN_FLOWS, body={"sn": "YZCB04ZZR00001"})
            await asyncio.to_thread(cli, "doctor", "--no-messages")
            logins = sandbox.control("stats")["tokens"]["logins"]
            await client.call(SN_FLOWS, body={"sn": "YZCB04ZZR00001"})
            return logins, client.calls

    logins, calls = asyncio.run(run())
    assert sandbox.control("stats")["tokens"]["logins"] == logins, "it finds the new login, and makes none itself"
    assert calls == 3, "the refused call was repeated once"
    warehouse.close()


def test_while_a_night_is_under_way_its_login_is_left_alone(cli, sandbox: Sandbox, sqlite_url: str) -> None:
    cli("doctor", "--no-messages")
    warehouse = Warehouse.open(sqlite_url)
    before = sandbox.control("stats")["tokens"]["logins"]
    with account_lock(warehouse, "demo/sync_sn_flows", "the night", timedelta(minutes=1)):
        result = cli("doctor", "--no-messages")
    warehouse.close()
    assert (result.exit_code, sandbox.control("stats")["tokens"]["logins"]) == (0, before)
    assert any("a run is under way" in line for line in lines(result, "note"))


@pytest.fixture
def stored(sqlite_url: str) -> Callable[[], list]:
    """The rows of the tokens that are stored."""

    def read() -> list:
        warehouse = Warehouse.open(sqlite_url)
        with warehouse.read() as conn:
            rows = conn.exec_driver_sql("SELECT kind, fingerprint, generation, lease_holder FROM ops_token").all()
        warehouse.close()
        return [tuple(row) for row in rows if row[0] == "pms"]

    return read


def test_it_prints_no_secret(cli, sandbox: Sandbox) -> None:
    result = cli("doctor", CLIENT_SECRET="a-wrong-secret-of-32-characters-")
    assert not [secret for secret in sandbox.control("secrets") if secret in result.output]
    assert "a-wrong-secret" not in result.output


# ------------------------------------------------------------------------------------------------------ what Tuya says


def test_a_wrong_secret(cli) -> None:
    result = cli("doctor", "--no-messages", CLIENT_SECRET="not-the-secret")
    assert result.exit_code == 1
    (said,) = lines(result, "wrong")
    assert said.startswith("demo, token of the platform: GET /v1.0/token was refused by Tuya with 1004 'sign invalid'")
    assert f"Check {P}CLIENT_SECRET" in said


def test_a_wrong_secret_beside_a_token_that_still_lasts(cli) -> None:
    cli("doctor", "--no-messages")
    result = cli("doctor", "--no-messages", CLIENT_SECRET="not-the-secret")
    assert result.exit_code == 1
    assert {line.split(":")[0] for line in lines(result, "wrong")} == {
        "demo, login to the production system",
        "demo, devices",
    }
    assert all(f"Check {P}CLIENT_SECRET" in line for line in lines(result, "wrong"))


def test_a_wrong_client_id(cli) -> None:
    result = cli("doctor", "--no-messages", CLIENT_ID="somebodyelse")
    (said,) = lines(result, "wrong")
    assert "1005" in said
    assert f"Check {P}CLIENT_ID" in said


def test_the_signature_of_an_old_project_at_a_new_one(cli) -> None:
    result = cli("doctor", "--no-messages", SIGNATURE="v1")
    (said,) = lines(result, "wrong")
    assert "1004" in said
    assert f"{P}SIGNATURE (v1 for projects made before July 2021, v2 for all later ones)" in said


def test_a_wrong_region_grants_a_token_and_is_found_all_the_same(cli, fault) -> None:
    fault(region=1)
    result = cli("doctor", "--no-messages")
    assert result.exit_code == 1
    assert "demo, token of the platform: granted" in lines(result, "ok")
    assert {line.split(":")[0] for line in lines(result, "wrong")} == {
        "demo, login to the production system",
        "demo, devices",
    }
    assert all("28841107" in line and f"set {P}REGION" in line for line in lines(result, "wrong"))


def test_a_wrong_region_is_found_without_production_system_and_projects(cli, fault) -> None:
    fault(region=1)
    result = cli("doctor", "--no-messages", PMS_USERNAME="", PMS_PASSWORD="", PROJECT_IDS="")
    (said,) = lines(result, "wrong")
    assert said.startswith("demo, commands: GET /v1.0/expand/cmds/{sn} was refused by Tuya with 28841107")


def test_an_address_that_is_not_allowed(cli, fault) -> None:
    fault(ip=1)
    result = cli("doctor", "--no-messages")
    (said,) = lines(result, "wrong")
    assert "1114" in said
    assert "Add this machine's public IP address to the IP allow list" in said


@pytest.mark.parametrize(("name", "code"), [("rights", "1106"), ("subscription", "28841101")])
def test_rights_and_subscriptions_that_are_missing(cli, fault, name: str, code: str) -> None:
    fault(**{name: 1})
    result = cli("doctor", "--no-messages")
    assert result.exit_code == 1
    assert all(code in line and "in Tuya's console" in line for line in lines(result, "wrong"))
    assert len(lines(result, "wrong")) == 2


@pytest.mark.parametrize(
    ("wrong", "code"), [("PMS_USERNAME", "THE_USER_NOT_EXISTED"), ("PMS_PASSWORD", "THE_PASSWORD_ERROR")]
)
def test_a_wrong_user_or_password_of_the_production_system(cli, wrong: str, code: str) -> None:
    result = cli("doctor", "--no-messages", **{wrong: "somebody-else"})
    assert result.exit_code == 1
    (said,) = lines(result, "wrong")
    assert said.startswith("demo, login to the production system: ")
    assert code in said
    assert f"Check {P}PMS_USERNAME and {P}PMS_PASSWORD" in said


def test_a_quota_that_is_used_up(cli, fault) -> None:
    fault(quota=1)
    result = cli("doctor", "--no-messages")
    assert "the trial quota is used up" in lines(result, "wrong")[0]


@pytest.mark.parametrize(("seconds", "way"), [(600, "600 s behind"), (-600, "600 s ahead of")])
def test_a_clock_ten_minutes_off_is_corrected_and_reported(cli, clock, seconds: int, way: str) -> None:
    clock(seconds)
    result = cli("doctor", "--no-messages")
    assert result.exit_code == 0
    (said,) = lines(result, "note")
    assert said == (
        f"demo, clock: this machine's clock is {way} Tuya's. Requests are corrected by that; set the clock (NTP)."
    )
    assert "demo, serial numbers: POST /v1.0/pms/station/sn/flows/get answers" in lines(result, "ok")


def test_a_tuya_that_is_not_there(cli) -> None:
    result = cli("doctor", "--no-messages", BASE_URL="http://127.0.0.1:9")
    (said,) = lines(result, "wrong")
    assert said.startswith("demo, token of the platform: ")
    assert "BASE_URL" in said
    assert not any("clock" in line for line in lines(result, "ok")), "nobody told the time"


def test_a_clock_that_is_off_is_found_beside_tokens_that_still_last(cli, clock) -> None:
    cli("doctor", "--no-messages")
    clock(100)
    result = cli("doctor", "--no-messages")
    (said,) = lines(result, "note")
    assert said.startswith("demo, clock: this machine's clock is 100 s behind Tuya's.")


def test_a_project_that_is_not_there(cli) -> None:
    result = cli("doctor", "--no-messages", PROJECT_IDS="no-such-hall")
    (said,) = lines(result, "wrong")
    assert said.startswith("demo, devices: project no-such-hall: ")


# ------------------------------------------------------------------------------------------------------------ messages


def test_a_message_endpoint_where_nothing_listens(cli) -> None:
    result = cli("doctor", MESSAGES_URL="ws://127.0.0.1:9/")
    assert result.exit_code == 1
    (said,) = lines(result, "wrong")
    assert said == (
        "demo, messages: Messages of account demo, ws://127.0.0.1:9/: Nothing listens at 127.0.0.1:9: check "
        "MESSAGES_URL, or wait until it is up again."
    )


def test_a_secret_that_the_message_endpoint_refuses(cli) -> None:
    cli("doctor", "--no-messages")
    result = cli("doctor", CLIENT_SECRET="anothersecret0000000000000000001")
    said = next(line for line in lines(result, "wrong") if line.startswith("demo, messages"))
    assert "Check CLIENT_ID and CLIENT_SECRET" in said


def test_a_secret_too_short_to_decrypt_messages(cli) -> None:
    result = cli("doctor", CLIENT_SECRET="short")
    assert any("CLIENT_SECRET cannot decrypt messages" in line for line in lines(result, "wrong"))


# ---------------------------------------------------------------------------------------------- settings and warehouse


def test_settings_that_cannot_be_used_name_every_variable(cli) -> None:
    result = cli("doctor", CLIENT_SECRET="", CALLS_PER_SECOND="fast")
    assert result.exit_code == 1
    assert f"{P}CLIENT_SECRET" in result.stdout
    assert f"{P}CALLS_PER_SECOND" in result.stdout


def test_an_account_that_is_not_configured(cli) -> None:
    result = cli("doctor", "--account", "factory")
    assert lines(result, "wrong")[0].startswith("settings: There is no account 'factory' (there are: demo).")


def test_tuya_is_checked_although_the_warehouse_is_away(cli) -> None:
    result = cli("doctor", "--no-messages", TUYAHOUSE_WAREHOUSE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    assert result.exit_code == 1
    (said,) = lines(result, "wrong")
    assert said.startswith("warehouse: The warehouse postgresql://nobody@127.0.0.1:9/nothing cannot be reached")
    assert "demo, serial numbers: POST /v1.0/pms/station/sn/flows/get answers" in lines(result, "ok")


def test_a_postgresql_warehouse(cli, fresh_postgres_url: str, secret_key: str) -> None:
    Warehouse.open(fresh_postgres_url).close()
    result = cli("doctor", "--no-messages", TUYAHOUSE_WAREHOUSE_URL=fresh_postgres_url, TUYAHOUSE_SECRET_KEY=secret_key)
    assert result.exit_code == 0
    assert lines(result, "ok")[1].startswith("warehouse: postgresql ")


def test_a_postgresql_warehouse_without_a_key_for_the_tokens(cli, fresh_postgres_url: str) -> None:
    Warehouse.open(fresh_postgres_url).close()
    result = cli("doctor", "--no-messages", TUYAHOUSE_WAREHOUSE_URL=fresh_postgres_url)
    (said,) = lines(result, "wrong")
    assert said.startswith("secret key: TUYAHOUSE_SECRET_KEY is not set")


def test_a_read_only_postgresql(cli, fresh_postgres_url: str, secret_key: str) -> None:
    Warehouse.open(fresh_postgres_url, secret_key).close()
    with psycopg.connect(fresh_postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on")
    result = cli("doctor", "--no-messages", TUYAHOUSE_WAREHOUSE_URL=fresh_postgres_url, TUYAHOUSE_SECRET_KEY=secret_key)
    (said,) = lines(result, "wrong")
    assert said.startswith("warehouse: ")
    assert "is read-only" in said


def test_the_trial_leaves_no_row_behind(cli, sqlite_url: str) -> None:
    cli("doctor", "--no-messages")
    warehouse = Warehouse.open(sqlite_url)
    with warehouse.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM ops_lock").scalar() == 0
    warehouse.close()


def test_http_to_a_foreign_host_is_warned_of(cli) -> None:
    result = cli("doctor", "--no-messages", BASE_URL="http://tuya.invalid", ATTEMPTS="1")
    assert result.exit_code == 1
    assert "BASE_URL is http: tokens and data go to tuya.invalid unencrypted; use https" in result.output
