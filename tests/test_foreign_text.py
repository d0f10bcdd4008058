"""Foreign text stays text: in Markdown, where Prefect renders it, and in terminals."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from tuyahouse import logs
from tuyahouse.foreign_text import markdown, markdown_lines, plain
from tuyahouse.outcome import Outcome
from tuyahouse.terminal import outcome_table, print_text

ODD = (
    "![pixel](https://evil.example/p.png)",
    "[open](javascript:alert(1))",
    "<img src=https://evil.example/p.png>",
    "<script>alert(1)</script>",
    "https://evil.example/login",
    "www.evil.example",
    "mail@evil.example",
    "[/wo]",
    "[bold]YZCB[/bold]",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "a | b",
    "`code` *stress* _stress_ ~gone~ &copy;",
    "    code",
    "|a|\n|-|\n|b|",
)

renderer = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def shown(text: str) -> tuple[set[str], str]:
    """The kinds of tokens that a renderer makes of a Markdown text, and the text a reader sees."""
    kinds, words = set(), []
    for token in renderer.parse(text):
        for one in [token, *(token.children or ())]:
            kinds.add(one.type)
            if one.type in ("text", "text_special", "code_inline"):
                words.append(one.content)
            elif one.type == "softbreak":
                words.append("\n")
    return kinds, "".join(words)


@pytest.mark.parametrize("text", ODD)
def test_markdown_shows_foreign_text_as_it_is(text: str) -> None:
    kinds, words = shown(markdown(text))
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    assert words == " ".join(text.split())


@given(st.text(max_size=60))
def test_no_text_becomes_markup(text: str) -> None:
    kinds, words = shown(markdown(text))
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    assert words == " ".join(plain(text).split())


@pytest.mark.parametrize("text", ["YZCB04ZZR-0001", "wf_znmj", "2026-11-26 12:30:00", "firstTest", "10.0.0.1", "50 %"])
def test_ordinary_names_are_not_disfigured(text: str) -> None:
    assert markdown(text) == text


def test_a_note_keeps_its_lines_and_its_list() -> None:
    assert (
        markdown_lines("3 are open:\n- [x](y): odd\n# no heading") == "3 are open:\n- \\[x\\](y): odd\n\\# no heading"
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cHdu\x07clipboard", "clipboard"),
        ("\x9b2Jgone", "gone"),
        ("\x1bcreset", "reset"),
        ("bell\x07 back\x08space\x7f\x00", "bell backspace"),
        ("good\rbad", "goodbad"),
        ("ends with \x1b", "ends with "),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("half \ud83d", "half \ufffd"),
        ("keeps\ttabs\nand lines, Türe 門 \U0001f642", "keeps\ttabs\nand lines, Türe 門 \U0001f642"),
    ],
)
def test_no_command_to_a_terminal_survives(text: str, left: str) -> None:
    assert plain(text) == left


def on_terminal(show: object) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=200, color_system="truecolor")
    print_text(console, show) if isinstance(show, str) else console.print(show)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ODD)
def test_a_terminal_prints_markup_as_text(text: str) -> None:
    assert text.strip() in on_terminal(text)


def test_a_table_takes_no_name_for_markup() -> None:
    assert "[/wo]" in on_terminal(outcome_table({"[/wo]": Outcome()}, "[/title]"))


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_log_line_holds_no_command_to_a_terminal(form: logs.Format) -> None:
    written = io.StringIO()
    logs.configure("info", form, Console(file=written))
    try:
        raise ValueError("\x1b[2Jcause")
    except ValueError:
        logging.getLogger("tuyahouse.x").exception(
            "device \x1b[31m%s", "\x9b2Jname\ud83d", extra={"place": "\x1b]0;t\x07hall"}
        )
    line = written.getvalue()
    assert "name\ufffd" in line and "hall" in line and "cause" in line
    assert not any(sign in line for sign in ("\x1b", "\x9b", "\\u001b", "\x07"))
    if form == "json":
        assert json.loads(line)["message"] == "device name\ufffd"
