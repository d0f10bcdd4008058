"""Every code of docs/tuya.md has one action, and every error says what to do."""

import pickle

import pytest

from tuyahouse.cloud.codes import BY_CODE, NOT_FOUND_ENDINGS
from tuyahouse.cloud.errors import (
    Action,
    BudgetReached,
    ConfigurationWrong,
    ItemRefused,
    NotFound,
    PassingFault,
    QuotaExhausted,
    Throttled,
    TuyaError,
    UnusableAnswer,
    classify,
    refusal,
)

FLOWS = "POST /v1.0/pms/station/sn/flows/get"


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (500, Action.RETRY),
        (1110, Action.SLOW_DOWN),
        (1111, Action.SLOW_DOWN),
        (1113, Action.SLOW_DOWN),
        (1199, Action.SLOW_DOWN),
        (1010, Action.REAUTHENTICATE),
        (1011, Action.REAUTHENTICATE),
        (1012, Action.REAUTHENTICATE),
        (1002, Action.REAUTHENTICATE),
        (1400, Action.REAUTHENTICATE),
        (100323, Action.REAUTHENTICATE),
        (1013, Action.FIX_CLOCK),
        (1004, Action.CONFIGURATION),
        (1001, Action.CONFIGURATION),
        (1005, Action.CONFIGURATION),
        (1008, Action.CONFIGURATION),
        (1106, Action.CONFIGURATION),
        (1114, Action.CONFIGURATION),
        (2007, Action.CONFIGURATION),
        (28841001, Action.CONFIGURATION),
        (28841101, Action.CONFIGURATION),
        (28841107, Action.CONFIGURATION),
        (1000, Action.NOT_FOUND),
        (1109, Action.SKIP_ITEM),
        (2001, Action.SKIP_ITEM),
        (28841002, Action.STOP_RUN),
        (28841004, Action.STOP_RUN),
        (28841104, Action.STOP_RUN),
        ("THE_BLANK_PARAM", Action.SKIP_ITEM),
        ("THE_USER_NOT_EXISTED", Action.CONFIGURATION),
        ("NO_DATA_PERMISSION", Action.SKIP_ITEM),
        ("production_order_not_existed", Action.NOT_FOUND),
        ("THE_SN_NOT_EXISTED", Action.NOT_FOUND),
        (987654, Action.SKIP_ITEM),
        ("SOMETHING_NEW", Action.SKIP_ITEM),
        (None, Action.SKIP_ITEM),
    ],
)
def test_a_code_says_what_to_do(code, action):
    assert classify(code, "") == action


@pytest.mark.parametrize("spelling", ["1010", 1010, " 1010 "])
def test_a_code_may_be_text_or_number(spelling):
    assert classify(spelling, "") == Action.REAUTHENTICATE


@pytest.mark.parametrize("spelling", ["THE_USER_NOT_EXISTED", "the_user_not_existed", "The_User_Not_Existed"])
def test_text_codes_count_in_any_case(spelling):
    assert classify(spelling, "") == Action.CONFIGURATION


@pytest.mark.parametrize(
    ("msg", "action"),
    [
        ("Your controllable device pool quota is insufficient", Action.STOP_RUN),
        ("token invalid", Action.REAUTHENTICATE),
        ("cross-region access is not allowed", Action.CONFIGURATION),
        ("some other text", Action.SKIP_ITEM),
    ],
)
def test_a_text_says_what_to_do_where_the_code_does_not(msg, action):
    assert classify(None, msg) == action


def test_a_known_code_counts_more_than_its_text():
    assert classify(1106, "token invalid") == Action.CONFIGURATION


@pytest.mark.parametrize("code", BY_CODE)
def test_every_code_of_the_table_has_a_meaning_and_a_remedy(code):
    assert BY_CODE[code].meaning and BY_CODE[code].remedy.endswith(".")


def test_only_the_user_of_the_text_codes_is_a_setting_though_it_ends_like_an_item():
    assert "the_user_not_existed".endswith(NOT_FOUND_ENDINGS)
    assert classify("THE_USER_NOT_EXISTED", "") == Action.CONFIGURATION


def said(code, msg=""):
    return refusal(code, msg, tid="f3a1", endpoint=FLOWS, account="factory")


@pytest.mark.parametrize(
    ("code", "msg", "kind", "names"),
    [
        (28841107, "No permission", ConfigurationWrong, ["TUYAHOUSE_ACCOUNTS__FACTORY__REGION", "BASE_URL"]),
        (2007, "", ConfigurationWrong, ["TUYAHOUSE_ACCOUNTS__FACTORY__REGION"]),
        (1004, "sign invalid", ConfigurationWrong, ["__CLIENT_SECRET", "__SIGNATURE (v1 ", "__REGION"]),
        (1114, "", ConfigurationWrong, ["IP allow list"]),
        (1106, "permission deny", ConfigurationWrong, ["Subscribe the cloud project to the API", "right"]),
        ("THE_USER_NOT_EXISTED", "", ConfigurationWrong, ["TUYAHOUSE_ACCOUNTS__FACTORY__PMS_USERNAME"]),
        (1110, "", Throttled, ["TUYAHOUSE_ACCOUNTS__FACTORY__CALLS_PER_SECOND"]),
        (28841004, "", QuotaExhausted, ["run key continues"]),
        (500, "", PassingFault, ["retried"]),
        (1000, "data does not exist", NotFound, ["account"]),
        (4711, "strange", ItemRefused, ["Look at what was sent"]),
    ],
)
def test_an_error_says_the_call_the_code_the_trace_and_the_remedy(code, msg, kind, names):
    error = said(code, msg)
    assert type(error) is kind
    for part in (FLOWS, str(code), msg, "trace id f3a1", *names):
        assert part in str(error)


def test_a_wrong_region_reads_like_this():
    assert str(said(28841107, "No permissions. This API is not subscribed.")) == (
        "POST /v1.0/pms/station/sn/flows/get was refused by Tuya with 28841107 'No permissions. This API is not "
        "subscribed.': the data centre is not enabled for this project (trace id f3a1). This is probably not the "
        "project's own data centre (every data centre grants a token): set TUYAHOUSE_ACCOUNTS__FACTORY__REGION (or "
        "TUYAHOUSE_ACCOUNTS__FACTORY__BASE_URL) to the one the project shows in Tuya's console."
    )


@pytest.mark.parametrize(
    "error",
    [said(1010, "token invalid"), UnusableAnswer("no list", b"{}", tid="t1", endpoint=FLOWS), BudgetReached("over")],
)
def test_errors_survive_pickling_with_all_they_say(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and vars(copy) == vars(error) and str(copy) == str(error)


def test_an_unusable_answer_has_a_reason_and_the_bytes():
    error = UnusableAnswer("a list instead of an object", b"[]")
    assert (error.reason, error.raw, error.action) == ("a list instead of an object", b"[]", Action.SKIP_ITEM)


def test_our_own_budget_stops_a_run_like_a_quota_does():
    assert BudgetReached("used up").action == QuotaExhausted("used up").action == Action.STOP_RUN


def test_all_errors_are_caught_by_one_name():
    assert all(issubclass(kind, TuyaError) for kind in (PassingFault, Throttled, UnusableAnswer, BudgetReached))
