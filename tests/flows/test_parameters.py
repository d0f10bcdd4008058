"""``-p key=value`` as people type it."""

import os

import pytest

from flows.__main__ import kinds_of, parse_parameters
from flows.catalogue import FLOWS
from tests.flows.operator import Operator
from tests.flows.processes import run_flow

WRONG_LIMIT = "-p limit: a number from 1 to 1,000,000,000; leave it out for all that are due\n"
KINDS = {"run_key": "text", "sns": "texts"}


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("run_key=20261120", "20261120"),
        ("run_key=1.10", "1.10"),
        ("run_key=true", "true"),
        ("run_key=[1]", "[1]"),
        ('run_key="a b"', "a b"),
        ("run_key=nightly/2026-11-20", "nightly/2026-11-20"),
        ("run_key=a=b", "a=b"),
        ("run_key=null", None),
        ('sns=[1111111111111111111,"0012"]', ["1111111111111111111", "0012"]),
        ("sns=null", None),
        ("limit=5", 5),
        ("full=true", True),
        ("limit=many", "many"),
        ("limit=" + "9" * 5000, "9" * 5000),
    ],
)
def test_digits_stay_text_where_text_is_meant(pair: str, value: object) -> None:
    assert list(parse_parameters([pair], KINDS).values()) == [value]


def test_every_flow_says_which_of_its_parameters_are_text() -> None:
    assert kinds_of(FLOWS["sync_sn_flows"]) == {
        "account": "text",
        "now": "text",
        "run_key": "text",
        "sns": "texts",
        "work_orders": "texts",
    }
    assert kinds_of(FLOWS["sync_devices"])["project_ids"] == "texts"
    assert kinds_of(FLOWS["sync_serial_numbers"])["query_url"] == "text"


def test_a_list_is_taken_with_commas_as_the_settings_take_one() -> None:
    assert parse_parameters(["sns=A1, 007X,B2"], {"sns": "texts"}) == {"sns": ["A1", "007X", "B2"]}
    assert parse_parameters(["run_key=a,b"], {"run_key": "text"}) == {"run_key": "a,b"}


def test_a_wrong_limit_is_refused_in_a_process_with_what_to_write() -> None:
    code, printed = run_flow("sync_sn_flows", os.environ, limit=0)
    assert (code, WRONG_LIMIT in printed) == (
        2,
        True,
    ), printed


@pytest.mark.parametrize("flow", ["sync_sn_flows", "redrive_dead_letters", "reconcile_commands"])
@pytest.mark.parametrize(
    "limit", [0, -3, "many", True, 1.5, 1_000_000_001, "9" * 5000], ids=lambda value: str(value)[:5]
)
def test_every_flow_with_a_limit_refuses_a_wrong_one(operator: Operator, flow: str, limit: object) -> None:
    code, printed = operator.run(flow, os.environ, limit=limit)
    assert (code, WRONG_LIMIT in printed) == (
        2,
        True,
    ), printed
