"""``-p key=value`` as people type it."""

import os
import subprocess
import sys

import pytest
import typer

from flows.catalogue import FLOWS
from flows.command_line import kinds_of, parse_parameters
from tests.flows.nights import environment_of
from tests.flows.operator import Operator
from tests.flows.processes import ROOT, run_flow
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.warehouse.warehouse import Warehouse

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


@pytest.mark.parametrize("pair", [r'sns=["A1","\ud83d"]', r'work_orders="\udc00"', "sns=\udcff", r'a={"b":["\ud800"]}'])
def test_what_is_not_unicode_is_refused_before_it_is_sent(pair: str) -> None:
    with pytest.raises(typer.BadParameter, match="holds half a character, or bytes that are not UTF-8"):
        parse_parameters([pair], KINDS)


def test_every_flow_says_which_of_its_parameters_are_text() -> None:
    assert kinds_of(FLOWS["sync_sn_flows"]) == {
        "account": "text",
        "now": "text",
        "run_key": "text",
        "sns": "texts",
        "strategy": "text",
        "work_orders": "texts",
    }
    assert kinds_of(FLOWS["sync_devices"])["project_ids"] == "texts"
    assert kinds_of(FLOWS["sync_serial_numbers"])["query_url"] == "text"


def test_a_list_is_taken_with_commas_as_the_settings_take_one() -> None:
    assert parse_parameters(["sns=A1, 007X,B2"], {"sns": "texts"}) == {"sns": ["A1", "007X", "B2"]}
    assert parse_parameters(["sns=A1\r\n007X\n\nB2\n"], {"sns": "texts"}) == {"sns": ["A1", "007X", "B2"]}
    assert parse_parameters(["run_key=a,b"], {"run_key": "text"}) == {"run_key": "a,b"}


def test_a_parameter_that_is_given_twice_is_refused_instead_of_being_taken_once() -> None:
    typed = ["-p", "sns=A1", "-p", "sns=A2"]
    done = subprocess.run(
        [sys.executable, "-m", "flows", "sync_sn_flows", *typed], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "sns is given twice: a list is written sns=A,B" in done.stderr, done.stderr


def test_a_wrong_limit_is_refused_in_a_process_with_what_to_write() -> None:
    code, printed = run_flow("sync_sn_flows", os.environ, limit=0)
    assert (code, WRONG_LIMIT in printed) == (
        2,
        True,
    ), printed


def test_a_strategy_that_does_not_exist_is_refused_with_those_that_do() -> None:
    code, printed = run_flow("sync_sn_flows", os.environ, strategy="fast")
    assert code == 2 and "-p strategy: there is no 'fast'; there are: all, stale, pass_counts" in printed, printed


@pytest.mark.parametrize("flow", ["sync_sn_flows", "redrive_dead_letters", "reconcile_commands"])
@pytest.mark.parametrize(
    "limit", [0, -3, "many", True, 1.5, 1_000_000_001, "9" * 5000], ids=lambda value: str(value)[:5]
)
def test_every_flow_with_a_limit_refuses_a_wrong_one(operator: Operator, flow: str, limit: object) -> None:
    code, printed = operator.run(flow, os.environ, limit=limit)
    assert (code, WRONG_LIMIT in printed) == (2, True), printed


NUL = [
    ("sync_sn_flows", {"sns": ["A\0B"]}, 1, "One of the given serial numbers cannot be asked"),
    ("sync_sn_flows", {"work_orders": ["W\0"]}, 1, "holds no serial number of these work orders"),
    ("sync_sn_flows", {"run_key": "a\0b"}, 2, "-p run_key: holds a character that cannot be shown"),
    ("sync_sn_flows", {"account": "de\0mo"}, 2, "-p account: holds a character that cannot be shown"),
    ("reconcile_commands", {"command_sns": ["1\0"]}, 1, "One of the given record numbers cannot be asked"),
    ("sync_serial_numbers", {"path": "/a\0b.csv"}, 1, "There is no file /a"),
    ("sync_serial_numbers", {"query_url": "sqlite:////x\0.db", "query": "SELECT 1"}, 1, "There is no SQLite file /x"),
]


def test_nul_in_a_parameter_is_answered_in_words_and_never_with_sql(
    operator: Operator, tuya: Sandbox, warehouse: Warehouse, warehouse_url: str, secret_key: str
) -> None:
    env = environment_of(tuya, warehouse_url, secret_key)
    for number, (flow, given, expected, words) in enumerate(NUL):
        code, printed = operator.run(flow, env, **{"run_key": f"n{number}", **given})
        assert (code, words in printed) == (expected, True), (flow, given, printed)
        assert "Traceback" not in printed and "INSERT" not in printed and "mistake in tuyahouse" not in printed
    assert "running" not in {run.status for run in runs.recent_runs(warehouse)}
