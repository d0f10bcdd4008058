"""Serial numbers, work orders and device names that hold markup: a balanced run shows them as plain text everywhere."""

import json
import subprocess

import pytest
from markdown_it import MarkdownIt

from tests.cli.conftest import PROGRAM
from tests.flows.nights import environment_of
from tests.flows.processes import run_flow
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.foreign_text import plain
from tuyahouse.warehouse.warehouse import Warehouse

ODD = [
    "![p](https://evil.example/p.png)",
    "[open](javascript:alert(1))",
    "[/wo]",
    "<img src=https://evil.example/p.png>",
    "https://evil.example/login",
    "\x1b[2J\x1b]0;title\x07red",
]
HARMLESS = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak", "strong_open",
            "strong_close", "code_inline", "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
            "heading_open", "heading_close", *(f"{tag}_{end}" for tag in ("table", "thead", "tbody", "tr", "th", "td")
            for end in ("open", "close"))}  # fmt: skip
OWN_LINKS = ("/artifacts/key/report-",)


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_names_that_hold_markup_are_shown_as_text_by_prefect_and_by_the_terminal(
    tuya: Sandbox,
    prefect_server: PrefectServer,
    warehouse: Warehouse,
    warehouse_url: str,
    secret_key: str,
    tmp_path,
) -> None:
    file = tmp_path / "units.csv"
    rows = [f'"S{n}","{name}"' for n, name in enumerate(ODD)] + [f'"{name}\x07",""' for name in ODD]
    rows += [f'"P{n}",""' for n in range(10)]  # plain ones: a file of which more than half is refused is red
    file.write_text("sn,work_order\n" + "\n".join(rows) + "\n")
    env = environment_of(tuya, warehouse_url, secret_key) | prefect_server.env
    printed = []
    for run_key in (ODD[0], "[/wo]"):
        code, said = run_flow("sync_serial_numbers", env, path=str(file), run_key=run_key)
        assert run_key in said and "balanced" in said, said
        printed.append(said)
        code, said = run_flow("sync_sn_flows", env, run_key=run_key)
        assert code == 0 and run_key in said and "balanced" in said, said
        printed.append(said)
    assert not any(sign in text for text in printed for sign in ("\x1b", "\x07"))
    artifacts = prefect_server.everything("artifacts")
    assert any("evil.example" in str(artifact["data"]) for artifact in artifacts), "nothing of the file was shown"
    for artifact in artifacts:
        for text in texts(artifact):
            assert kinds(text) <= HARMLESS, text
            assert plain(text) == text


def test_names_in_a_script_that_the_terminal_lacks_are_escaped_and_end_nothing(
    prefect_server: PrefectServer, tuya: Sandbox, sqlite_url: str, secret_key: str
) -> None:
    env = environment_of(tuya, sqlite_url, secret_key, PYTHONIOENCODING="ascii") | prefect_server.env
    named = {"pattern": "A1..A2", "work_order": "工单", "run_key": "夜"}
    code, printed = run_flow("sync_serial_numbers", env, **named)
    assert code == 0 and "demo, run key \\u591c" in printed and "Traceback" not in printed, printed
    listed = subprocess.run([PROGRAM, "sn", "list"], env=env, capture_output=True, text=True)
    assert listed.returncode == 0 and "\\u5de5\\u5355" in listed.stdout, listed.stderr
    table = subprocess.run([PROGRAM, "sn", "list", "--format", "csv"], env=env, capture_output=True)
    assert "工单" in table.stdout.decode(), "a file holds what is registered"


def texts(artifact) -> list[str]:
    """What Prefect renders of an artifact as Markdown."""
    if artifact["type"] == "progress":
        return [artifact["description"] or ""]  # its data is a number
    if artifact["type"] != "table":
        return [artifact["description"] or "", artifact["data"] or ""]
    cells = [value for row in json.loads(artifact["data"]) for value in row.values() if isinstance(value, str)]
    return [artifact["description"] or "", *cells]


def kinds(text: str) -> set[str]:
    """Kinds of Markdown in the text, but for links to pages of Prefect's own."""
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    every = [one for token in tokens for one in (token, *(token.children or ()))]
    links = [str(one.attrs["href"]) for one in every if one.type == "link_open"]
    own = {"link_open", "link_close"} if all(link.startswith(OWN_LINKS) for link in links) else set()
    return {one.type for one in every} - own
