"""Sentences on a terminal, in a pipe, and the commands in them."""

import io
import shlex
from collections.abc import Iterator

import pytest

from tuyahouse.command_lines import ANEW, flow_command, goes_on_anew
from tuyahouse.wrapping import fitted

SAID = "There is no account 'nobody' (there are: demo). Set CLIENT_ID, or run `tuyahouse init` to be asked for it."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", "40")
    yield


def test_a_terminal_gets_lines_that_end_between_words_and_keep_a_command_whole() -> None:
    assert fitted(SAID, Terminal()).split("\n") == [
        "There is no account 'nobody' (there are:",
        "demo). Set CLIENT_ID, or run",
        "`tuyahouse init` to be asked for it.",
    ]


def test_a_pipe_gets_one_line_that_grep_finds() -> None:
    assert fitted(SAID, io.StringIO()) == SAID


def test_a_command_on_a_line_of_its_own_is_never_broken() -> None:
    command = "  python -m flows sync_sn_flows -p account=demo -p run_key=sync_sn_flows/2026-11-20"
    assert fitted(f"To continue:\n{command}", Terminal()) == f"To continue:\n{command}"


def test_continued_lines_are_indented_as_the_first() -> None:
    assert fitted("      " + "seven words of this go on " * 2, Terminal()).split("\n") == [
        "      seven words of this go on seven",
        "      words of this go on",
    ]


def test_wide_characters_count_twice_and_a_long_word_stays_whole() -> None:
    assert fitted("\u5de5" * 30 + " end " + "x" * 50, Terminal()).split("\n") == ["\u5de5" * 30, "end", "x" * 50]


def test_a_command_can_be_pasted_into_a_shell() -> None:
    line = flow_command("sync_sn_flows", "demo", {"run_key": "night of $HOME", "sns": ["A 1", "B'2"], "limit": None})
    program, *parameters = shlex.split(line)[3:]
    assert program == "sync_sn_flows"
    assert parameters == ["-p", "account=demo", "-p", "run_key=night of $HOME", "-p", 'sns=["A 1", "B\'2"]']
    assert flow_command("send_command", "demo", {"dry_run": False}).endswith("-p dry_run=false")


def test_a_command_that_nobody_would_read_names_what_it_leaves_out() -> None:
    line = flow_command("sync_sn_flows", "demo", {"sns": [f"A{number:06}" for number in range(900)], "run_key": "n"})
    assert line == "python -m flows sync_sn_flows -p account=demo -p run_key=n   # and as before: sns"


def test_a_run_of_writes_that_is_over_is_not_continued() -> None:
    assert goes_on_anew(f"Nothing is known of it. {ANEW}") and not goes_on_anew("The quota is used up.")
