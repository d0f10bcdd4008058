"""Tokens live and die as Tuya's do."""

from tests.sandbox.callers import FLOWS, InProcessCaller
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def started(**options: object) -> tuple[InProcessCaller, Clock]:
    clock = Clock()
    return InProcessCaller(World(Options(**options), clock=clock)), clock  # type: ignore[arg-type]


def test_a_second_grant_kills_the_first_token() -> None:
    asking, _ = started()
    first = asking.grant()["result"]["access_token"]
    asking.grant()
    asking.platform = first
    assert asking.login_token()["code"] == 1010


def test_a_platform_token_lives_for_two_hours() -> None:
    asking, clock = started()
    assert asking.grant()["result"]["expire_time"] == 7200
    clock.now += 7199
    assert asking.login_token()["success"] is True
    clock.now += 1
    assert asking.login_token()["code"] == 1010


def test_a_refresh_token_serves_once() -> None:
    asking, _ = started()
    refresh = asking.grant()["result"]["refresh_token"]
    assert asking.ask("GET", f"/v1.0/token/{refresh}")["success"] is True
    assert asking.ask("GET", f"/v1.0/token/{refresh}")["code"] == 1010


def test_a_refresh_kills_the_old_access_token() -> None:
    asking, _ = started()
    asking.ask("GET", f"/v1.0/token/{asking.grant()['result']['refresh_token']}")
    assert asking.login_token()["code"] == 1010


def test_a_login_token_lives_for_ten_seconds() -> None:
    asking, clock = started()
    asking.grant()
    early, late = asking.login_token(), asking.login_token()
    clock.now += 10
    assert asking.login(token=early)["success"] is True
    clock.now += 0.1
    assert asking.login(token=late)["code"] == 1010


def test_a_login_token_serves_once() -> None:
    asking, _ = started()
    asking.grant()
    token = asking.login_token()
    asking.login(token=token)
    assert asking.login(token=token)["code"] == 1010


def test_an_unknown_user_is_refused_as_unknown() -> None:
    asking, _ = started()
    asking.grant()
    assert asking.login_token("nobody")["code"] == "THE_USER_NOT_EXISTED"


def test_a_wrong_password_is_refused() -> None:
    asking, _ = started()
    assert asking.login("guess")["code"] == "THE_PASSWORD_ERROR"


def test_pms_calls_demand_the_token_of_the_pms() -> None:
    asking, _ = started()
    asking.login()
    assert asking.ask("POST", FLOWS, {"sn": "YZCB04ZZR00001"}, asking.platform)["code"] == 1106


def test_a_call_without_a_token_is_refused_as_lacking_one() -> None:
    asking, _ = started()
    assert asking.flows()["code"] == 1002


def test_a_pms_token_is_refreshed_once_a_day() -> None:
    asking, clock = started()
    first = asking.ask("GET", f"/v1.0/token/{asking.login()['result']['refreshToken']}")
    clock.now += 86_399
    assert asking.ask("GET", f"/v1.0/token/{first['result']['refresh_token']}")["code"] == 1010
    clock.now += 1
    assert asking.ask("GET", f"/v1.0/token/{first['result']['refresh_token']}")["success"] is True


def test_a_new_login_does_not_bring_a_new_refresh() -> None:
    asking, _ = started()
    asking.ask("GET", f"/v1.0/token/{asking.login()['result']['refreshToken']}")
    assert asking.ask("GET", f"/v1.0/token/{asking.login()['result']['refreshToken']}")["code"] == 1010


def test_a_new_platform_token_leaves_the_pms_token_alone() -> None:
    asking, _ = started()
    asking.login()
    asking.grant()
    assert asking.flows()["success"] is True


def test_a_token_dies_after_so_many_calls_and_the_death_is_counted() -> None:
    asking, _ = started(token_calls=3)
    asking.login()
    assert [asking.flows().get("code") for _ in range(4)] == [None, None, None, 1010]
    assert asking.world.tokens.counts["pms_deaths"] == 1


def test_grants_refreshes_and_logins_are_counted() -> None:
    asking, _ = started()
    refresh = asking.login()["result"]["refreshToken"]
    asking.ask("GET", f"/v1.0/token/{refresh}")
    assert asking.world.tokens.counts == {"grants": 1, "logins": 1, "pms_refreshes": 1}
