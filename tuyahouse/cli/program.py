"""The commands, put together."""

import typer

from tuyahouse.cli import commands, doctor, messages, plan, sandbox, serial_numbers, status, warehouse
from tuyahouse.cli.context import InWords

app = typer.Typer(
    name="tuyahouse",
    cls=InWords,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""Brings a Tuya project's factory and field data into a SQL warehouse. Flows: python -m flows --list.

    Example:

    \b
      tuyahouse doctor
      tuyahouse sn add --account factory units.csv
      tuyahouse plan --account factory
    """,
)
for command in (
    sandbox.sandbox,
    doctor.doctor,
    warehouse.migrate,
    plan.plan,
    status.status,
    warehouse.explain,
    warehouse.dictionary,
    messages.consume,
):
    app.command()(command)
app.add_typer(serial_numbers.app, name="sn")
app.add_typer(commands.app, name="commands")
