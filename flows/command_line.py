"""The command line of ``python -m flows NAME -p key=value …``."""

import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from flows.listing import NAMES, listing
from flows.prefect_settings import require_prefect_settings
from flows.temporary_server import TemporaryServer, start_where_none_is_named
from tuyahouse.memory import collect_cycles_again

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def parse_parameters(pairs: list[str], kinds: Mapping[str, str] = {}) -> dict[str, Any]:
    """``key=value`` pairs to parameters: the value is JSON if it parses, else text.

    If ``kinds`` says that a parameter is ``text`` or ``texts`` (a list), digits stay text as typed: serial numbers,
    record numbers and run keys may consist of them.

    Raises:
        typer.BadParameter: a pair has no ``=``, its value is not Unicode, or a parameter is given twice, of which one
            would be passed over.
    """
    parameters = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{pair!r} is not key=value", param_hint="-p")
        if key in parameters:
            how = f": a list is written {key}=A,B" if kinds.get(key) == "texts" else ""
            raise typer.BadParameter(f"{key} is given twice{how}", param_hint="-p")
        parameters[key] = _value(value, kinds.get(key, ""))
        if not _is_unicode(parameters[key]):
            raise typer.BadParameter(f"{key} holds half a character, or bytes that are not UTF-8", param_hint="-p")
    return parameters


def _is_unicode(value: Any) -> bool:
    """Whether it can be sent at all: JSON spells lone surrogates, and so do arguments that are not UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _value(text: str, kind: str) -> Any:
    numbers: dict[str, Any] = dict.fromkeys(("parse_int", "parse_float", "parse_constant"), str) if kind else {}
    try:
        value = json.loads(text, **numbers)
    except ValueError:  # not JSON, or an integer of too many digits
        return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()] if kind == "texts" else text
    return value if kind != "text" or value is None or isinstance(value, str) else text


def kinds_of(flow: Any) -> dict[str, str]:
    """The parameters of a flow that are ``text`` or ``texts``."""
    kinds = {}
    for name, schema in flow.parameters.properties.items():
        shapes = [shape for shape in schema.get("anyOf", [schema]) if shape.get("type") != "null"]
        if all(shape.get("type") == "string" for shape in shapes):
            kinds[name] = "text"
        elif all(shape.get("items", {}).get("type") == "string" for shape in shapes):
            kinds[name] = "texts"
    return kinds


@app.command()
def main(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Flow, e.g. nightly_sync")] = "",
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--param", help="key=value, as for `prefect deployment run`")
    ] = None,
    list_flows: Annotated[bool, typer.Option("--list", help="List the flows with their parameters")] = False,
) -> None:
    """Run a flow in this process and print its outcome table. Exits 0 only if the run balanced.

    1: it is red; 2: a parameter is wrong; 130: Ctrl-C, and the same run_key continues. A value is JSON if it parses,
    else text, as for `prefect deployment run`.

    Examples:

    \b
      python -m flows --list
      python -m flows nightly_sync -p account=factory
      python -m flows sync_sn_flows -p account=factory -p limit=100
      python -m flows sync_sn_flows -p account=factory -p 'sns=["A0001","A0002"]'
    """
    if list_flows or not name:
        _list()
        raise typer.Exit(0 if list_flows else 2)
    if name not in NAMES:
        raise typer.BadParameter(f"there is no flow {name!r}; there are: {', '.join(NAMES)}", param_hint="NAME")
    require_prefect_settings()
    server = start_where_none_is_named(context.obj)
    flow = getattr(import_module(f"flows.{name}"), name)
    raise typer.Exit(_run(flow, parse_parameters(parameter or [], kinds_of(flow)), server))


def _list() -> None:
    for flow in listing():
        typer.echo(f"{flow.name:24} {flow.summary}\n{'':24} -p {', '.join(flow.parameters)}")


def _run(flow: Any, parameters: dict[str, Any], server: TemporaryServer | None) -> int:
    from flows.runner import run_watched

    collect_cycles_again()  # all is imported: see flows/__main__.py
    return run_watched(flow, parameters, server)
