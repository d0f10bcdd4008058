"""Run a flow in this process: ``python -m flows NAME -p key=value …``; exit code 0 only if the run balanced."""

import asyncio
import inspect
import json
import os
import sys
from typing import Annotated, Any

import typer

# What the library logs belongs into the run's log; nothing is told to anybody outside. What goes
# wrong is told once, in words, instead of in tracebacks. Prefect reads these at import.
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "tuyahouse")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


def parse_parameters(pairs: list[str]) -> dict[str, Any]:
    """``key=value`` pairs to parameters: the value as JSON where it parses, else as text.

    Raises:
        typer.BadParameter: a pair has no ``=``.
    """
    parameters = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{pair!r} is not key=value", param_hint="-p")
        try:
            parameters[key] = json.loads(value)
        except json.JSONDecodeError:
            parameters[key] = value
    return parameters


@app.command(help=__doc__)
def main(
    name: Annotated[str, typer.Argument(help="Flow, e.g. nightly_sync")] = "",
    parameter: Annotated[
        list[str], typer.Option("-p", "--param", help="key=value, as for `prefect deployment run`")
    ] = [],  # noqa: B006
    list_flows: Annotated[bool, typer.Option("--list", help="List the flows with their parameters")] = False,
) -> None:
    """Example: `python -m flows sync_sn_flows -p account=factory -p limit=100`"""
    from flows.catalogue import FLOWS

    if list_flows or not name:
        _list(FLOWS)
        raise typer.Exit(0 if list_flows else 2)
    if name not in FLOWS:
        raise typer.BadParameter(f"there is no flow {name!r}; there are: {', '.join(FLOWS)}", param_hint="NAME")
    raise typer.Exit(_run(FLOWS[name], parse_parameters(parameter)))


def _list(flows: dict[str, Any]) -> None:
    for name, flow in flows.items():
        parameters = ", ".join(inspect.signature(flow.fn).parameters)
        typer.echo(f"{name:24} {(flow.description or '').splitlines()[0]}\n{'':24} -p {parameters}")


def _run(flow: Any, parameters: dict[str, Any]) -> int:
    from tasks.edge import run_here

    return asyncio.run(run_here(flow, parameters))


if __name__ == "__main__":
    app(prog_name="python -m flows")
    sys.exit(0)
