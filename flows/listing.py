"""The flows by name, with what they do and take, read from their files: to import them takes seconds, for Prefect."""

import ast
from pathlib import Path
from typing import NamedTuple

NAMES = (
    "nightly_sync",
    "sync_serial_numbers",
    "sync_sn_flows",
    "sync_devices",
    "sync_accounts",
    "reconcile_commands",
    "drain_messages",
    "build_report",
    "replay",
    "redrive_dead_letters",
    "prune",
    "grant_access",
    "manage_users",
    "manage_device_persons",
    "set_device_functions",
    "send_command",
    "issue_visual_tokens",
)
"""Every flow: a file and the function in it."""


class Listed(NamedTuple):
    """A flow, the first line of its description, and the names of its parameters."""

    name: str
    summary: str
    parameters: list[str]


def listing() -> list[Listed]:
    """Every flow in the order of :data:`NAMES`."""
    return [_read(name) for name in NAMES]


def _read(name: str) -> Listed:
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
    functions = (node for node in tree.body if isinstance(node, ast.AsyncFunctionDef))
    flow = next(function for function in functions if function.name == name)
    summary = (ast.get_docstring(flow) or "").partition("\n")[0]
    return Listed(name, summary, [one.arg for one in (*flow.args.args, *flow.args.kwonlyargs)])
