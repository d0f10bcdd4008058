"""``-p key=value`` as people type it."""

import pytest

from flows.__main__ import kinds_of, parse_parameters
from flows.catalogue import FLOWS

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
    ],
)
def test_digits_stay_text_where_text_is_meant(pair: str, value: object) -> None:
    assert list(parse_parameters([pair], KINDS).values()) == [value]


def test_every_flow_says_which_of_its_parameters_are_text() -> None:
    assert kinds_of(FLOWS["sync_sn_flows"]) == {
        "account": "text",
        "run_key": "text",
        "sns": "texts",
        "work_orders": "texts",
    }
    assert kinds_of(FLOWS["sync_devices"])["project_ids"] == "texts"
    assert kinds_of(FLOWS["sync_serial_numbers"])["query_url"] == "text"


def test_a_list_is_taken_with_commas_as_the_settings_take_one() -> None:
    assert parse_parameters(["sns=A1, 007X,B2"], {"sns": "texts"}) == {"sns": ["A1", "007X", "B2"]}
    assert parse_parameters(["run_key=a,b"], {"run_key": "text"}) == {"run_key": "a,b"}
