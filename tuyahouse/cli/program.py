"""The program ``tuyahouse``: its options and its commands."""

from typing import Annotated

import typer

from tuyahouse.cli.lazy import Program

app = typer.Typer(
    name="tuyahouse",
    cls=Program,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tuyahouse {version('tuyahouse')}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Loads a Tuya project's factory and field data into a SQL warehouse.

    Run flows from the top of the repository: python -m flows --list.

    Example:

    \b
      tuyahouse doctor
      tuyahouse sn add --account factory units.csv
      tuyahouse plan --account factory
    """
