"""The program's group of commands. A command is imported when it is called, so that ``--help`` is quick.

Errors become one sentence on standard error, never a traceback.
"""

import errno
from contextvars import ContextVar
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from tuyahouse.memory import collect_cycles_again

FLOWS_ELSEWHERE = """\
Run flows from the top of the repository:
  python -m flows --list
  python -m flows nightly_sync -p account=NAME
By a Prefect deployment (docs/deployment.md):
  prefect deployment run nightly_sync/nightly-NAME"""


TYPED: ContextVar[tuple[str, ...]] = ContextVar("typed", default=())
"""The words that were typed after ``tuyahouse``."""


class Place(NamedTuple):
    """Where a command is, and the first line of its help."""

    module: str
    attribute: str
    summary: str


PLACES = {
    "sandbox": Place("sandbox", "sandbox", "Run a simulated Tuya with a factory and a field."),
    "init": Place("init", "init", "Set up an account: each answer is tried at once; writes tuyahouse.toml."),
    "doctor": Place("doctor", "doctor", "Check settings, warehouse, clock, login, rights and messages."),
    "migrate": Place("warehouse", "migrate", "Migrate the warehouse to the schema of this version."),
    "copy": Place("copying", "copy", "Copy the warehouse into an empty database, e.g. from SQLite to PostgreSQL."),
    "plan": Place("plan", "plan", "Show what the next run would ask and what it would cost."),
    "status": Place("status", "status", "Show runs, registry, dead letters, calls and budget, messages and gaps."),
    "explain": Place("explain", "explain", "Show all the warehouse holds on a serial number, device or command."),
    "dictionary": Place("warehouse", "dictionary", "Describe every table and column of the warehouse."),
    "consume": Place("messages", "consume", "Store every message before it is acknowledged, until it is stopped."),
    "metrics": Place("metrics", "metrics", "Serve the health of runs and data for Prometheus, until it is stopped."),
    "sn": Place("serial_numbers", "app", "Serial numbers: register them, list them."),
    "commands": Place("commands", "app", "Command records: name those to follow."),
    "orders": Place("orders", "app", "Work orders: plan their units and due dates."),
    "export": Place("export", "export", "Write a table or mart into a file: CSV, Parquet or Excel."),
    "report": Place("report", "report", "Write the report: one HTML page for a plant manager."),
    "marts": Place("marts", "app", "Marts: bring the tables and views for analysts up to date."),
    "dead-letters": Place("dead_letters", "app", "Dead letters: list, show, redrive or dismiss them."),
}
"""Every command by name, in the order of the help."""


class Commands(dict[str, Any]):
    """The commands by name; each is imported on first use."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(PLACES))

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self[name] = _load(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


def _load(name: str) -> Any:
    place = PLACES[name]
    found = getattr(import_module(f"tuyahouse.cli.{place.module}"), place.attribute)
    collect_cycles_again()  # all is imported: see tuyahouse/cli/__init__.py
    group = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    group.callback()(lambda: None)  # one command alone would not be in a group
    if isinstance(found, typer.Typer):
        group.add_typer(found, name=name)
    else:
        group.command(name)(found)
    program = get_command(group)
    assert isinstance(program, TyperGroup)
    return _refusing_repeats(program.commands[name])


def _refusing_repeats(command: Any) -> Any:
    """The command, refusing an option that is given twice: the last would be taken and the others passed over."""
    for one in getattr(command, "commands", {}).values():
        _refusing_repeats(one)
    parse = command.parse_args

    def parse_args(ctx: Any, args: list[str]) -> Any:
        _, _, order = command.make_parser(ctx).parse_args(args=list(args))
        for option in order:
            if order.count(option) > 1 and not option.multiple and not option.is_flag:
                raise typer.BadParameter("is given twice", ctx=ctx, param=option)
        return parse(ctx, args)

    command.parse_args = parse_args
    return command


class Program(TyperGroup):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Commands()
        self._listed = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self._listed and cmd_name in PLACES:
            return TyperCommand(cmd_name, help=PLACES[cmd_name].summary)
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help needs a line of each command, and none of the libraries behind it."""
        self._listed = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listed = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        TYPED.set(tuple(args))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and (args[0] in ("flow", "flows") or args[0].startswith(("sync_", "nightly"))):
            typer.echo(FLOWS_ELSEWHERE, err=True)
            raise typer.Exit(2)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _interrupted() from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has closed it
                raise
            raise _stopped(f"The operating system says: {error}.") from None
        except Exception as error:
            if type(error).__module__.startswith("tuyahouse.") and _in_words(error):
                raise _stopped(str(error)) from None
            raise


def _in_words(error: Exception) -> bool:
    from tuyahouse.worded_errors import IN_WORDS  # not above: it imports many libraries, and only an error needs it

    return isinstance(error, IN_WORDS)


def _stopped(sentence: str) -> typer.Exit:
    from tuyahouse.cli.words import stopped

    return stopped(sentence)


def _interrupted() -> typer.Exit:
    from tuyahouse.cli.words import INTERRUPTED, stopped

    return stopped("Interrupted. What was committed stays; the same command continues from there.", INTERRUPTED)
