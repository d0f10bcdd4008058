"""Every command explains itself, with an example that works."""

import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from tuyahouse.cli.lazy import PLACES
from tuyahouse.cli.program import app
from tuyahouse.sandbox.world.faults import FAULTS

ROOT = get_command(app)


def leaves(group, path=()):
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = {" ".join(path): command for path, command in leaves(ROOT)}


def examples(command) -> list[str]:
    return re.findall(r"^ *tuyahouse (.+)$", command.help, re.MULTILINE)


def parse(arguments: list[str]) -> str:
    """The path of the command that these arguments name; raises on what is no argument of it."""
    command, context, path = ROOT, None, []
    while True:
        context = command.make_context(path[-1] if path else "tuyahouse", arguments, parent=context)
        if not isinstance(command, TyperGroup):
            return " ".join(path)
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        path.append(name)


def test_there_are_the_commands_that_the_readme_lists() -> None:
    assert sorted(COMMANDS) == [
        "commands add",
        "consume",
        "copy",
        "dead-letters dismiss",
        "dead-letters list",
        "dead-letters redrive",
        "dead-letters show",
        "dictionary",
        "doctor",
        "explain",
        "export",
        "init",
        "marts rebuild",
        "marts refresh",
        "metrics",
        "migrate",
        "orders add",
        "plan",
        "report",
        "sandbox",
        "sn add",
        "sn list",
        "status",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_shows_examples_of_that_command_that_parse(name: str) -> None:
    shown = examples(COMMANDS[name])
    assert shown
    assert [parse(shlex.split(example)) for example in shown] == [name] * len(shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_prints_the_example_on_a_line_of_its_own(name: str) -> None:
    printed = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "80"})
    assert printed.exit_code == 0
    first = examples(COMMANDS[name])[0]
    assert f"tuyahouse {first}" in [line.strip() for line in printed.stdout.splitlines()]


def test_the_program_alone_shows_its_commands() -> None:
    printed = CliRunner().invoke(app, [])
    assert printed.exit_code == 2
    assert "doctor" in printed.output


def test_a_command_that_there_is_not_is_a_usage_error() -> None:
    printed = CliRunner().invoke(app, ["frobnicate"])
    assert printed.exit_code == 2
    assert "No such command" in printed.stderr


def test_the_sandbox_names_all_its_faults() -> None:
    named = re.split(r"[^a-z0-9_]+", COMMANDS["sandbox"].help)
    assert [fault for fault in FAULTS if fault not in named] == []


def test_the_line_of_every_command_in_the_help_is_there_without_importing_it() -> None:
    assert list(PLACES) == list(ROOT.commands)
    printed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).stdout
    assert [name for name, place in PLACES.items() if name not in printed or place.summary not in printed] == []


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"tuyahouse {version('tuyahouse')}\n"


@pytest.mark.parametrize("words", [["flows"], ["nightly_sync"], ["sync_devices", "-p", "account=factory"]], ids=str)
def test_looking_for_flows_here_says_where_they_are_run(words: list[str]) -> None:
    printed = CliRunner().invoke(app, words)
    assert printed.exit_code == 2
    assert "Run flows from the top of the repository:" in printed.stderr
    assert "python -m flows nightly_sync -p account=NAME" in printed.stderr


def test_the_package_itself_is_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "tuyahouse", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"tuyahouse {version('tuyahouse')}\n")
