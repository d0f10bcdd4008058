"""Runs a flow in this process and prints how it went: what `python -m flows` does."""

import asyncio
import inspect
import logging
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterTypeError
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler
from pydantic import SecretStr
from rich.console import Console

from flows.interrupts import EXIT_INTERRUPTED, InterruptibleRun
from flows.lasting_output import outlive_the_terminal
from flows.temporary_server import TemporaryServer
from flows.waiting_for_prefect import wait_for_server
from tasks.run import prefect_watch
from tasks.run.flow import REFUSED, why
from tasks.run.prefect_watch import SECONDS_TO_END, PrefectAway, until_away
from tasks.run.resources import open_resources
from tasks.run.run import begun_here, close_run, default_run_key
from tuyahouse import logs
from tuyahouse.command_lines import flow_command, goes_on_anew
from tuyahouse.foreign_text import plain
from tuyahouse.log_files import log_to_files
from tuyahouse.outcome import Outcome
from tuyahouse.settings import Settings, SettingsError, load_settings
from tuyahouse.sync.serial_numbers.progress import progress_in
from tuyahouse.terminal import print_outcomes, print_text
from tuyahouse.verdict import GREEN
from tuyahouse.warehouse.errors import LockLost, WarehouseError
from tuyahouse.warehouse.ledgers import runs
from tuyahouse.wrapping import fitted

EXIT_RED, EXIT_USAGE = 1, 2


def run_watched(flow: Flow[Any, Any], parameters: Mapping[str, Any], server: TemporaryServer | None) -> int:
    """:func:`run_here` with its signals: Ctrl-C, SIGTERM and a hangup end it within seconds, with exit code 130."""
    outlive_the_terminal()
    run_key = str(parameters.get("run_key") or default_run_key(flow.name, datetime.now(UTC)))
    parameters = {**parameters, "run_key": run_key}

    def give_up() -> None:
        how = _how_to_go_on(flow, parameters, run_key)
        with suppress(Exception):
            _record_interrupted(load_settings().account(parameters.get("account")).name, run_key)
        _say(f"It did not end in time and was left. {how}", EXIT_INTERRUPTED)

    # Prefect would keep trying to reach a lost server.
    return InterruptibleRun(
        run_here(flow, parameters, server), give_up, abandons=lambda: bool(prefect_watch.lost)
    ).run()


async def run_here(flow: Flow[Any, Any], parameters: Mapping[str, Any], server: TemporaryServer | None = None) -> int:
    """Run the flow, print its outcome table and notes, and return the exit code.

    0: it balanced (a budget may have ended it softly), 1: red, 2: wrong parameters, 130: interrupted.
    """
    parameters = {"account": None, **parameters}
    if wrong := _wrong(flow, parameters):
        return _say(wrong, EXIT_USAGE)
    named = str(parameters.get("account") or "")
    try:
        settings = load_settings()
        _one_voice(settings)
        account = settings.account(named).name
    except SettingsError as error:
        if not named:
            return _say(f"{error}{_for_example(flow, parameters)}", EXIT_USAGE)
        account = named  # the flow refuses it, and leaves a note
    run_key = str(parameters.get("run_key") or default_run_key(flow.name, datetime.now(UTC)))
    given = _typed(flow, {**parameters, "account": account, "run_key": run_key})
    try:
        await wait_for_server(server)
        state = await _while_prefect_answers(cast(Any, flow)(**given, return_state=True), server)
    except asyncio.CancelledError:
        with suppress(WarehouseError):  # away: only how to continue can be shown
            _tell(account, run_key)
        return _say(f"Interrupted. {_how_to_go_on(flow, given, run_key)}", EXIT_INTERRUPTED)
    except PrefectAway as error:
        with suppress(WarehouseError):
            _record_interrupted(account, run_key, str(error))
        return _say(f"{error} {_how_to_go_on(flow, given, run_key)}", EXIT_RED)
    try:
        return await _end(state, account, run_key, _command(flow, given, run_key))
    except WarehouseError as error:
        again = _command(flow, given, run_key)
        return _say(f"{error}\nWhat was committed stays. When that is fixed:\n{again}", EXIT_RED)


async def _while_prefect_answers(work: Coroutine[Any, Any, State[Any]], server: TemporaryServer | None) -> State[Any]:
    """Await a flow.

    Raises:
        PrefectAway: its server was away for too long; the flow was cancelled, and abandoned if it did not end.
    """
    watching = until_away(lambda: server.last_words if server else None)
    running, away = asyncio.ensure_future(work), asyncio.ensure_future(watching)
    try:
        await asyncio.wait((running, away), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        running.cancel()
        await asyncio.wait((running,), timeout=SECONDS_TO_END)
        raise away.result()
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait((running,), timeout=SECONDS_TO_END)
        raise
    finally:
        away.cancel()


def _for_example(flow: Flow[Any, Any], parameters: Mapping[str, Any]) -> str:
    """The command with the first of several accounts; nothing where something else is wrong with the settings."""
    with suppress(SettingsError):
        if accounts := sorted(load_settings().accounts):
            return f" For example:\n{_command(flow, _typed(flow, {**parameters, 'account': accounts[0]}))}"
    return ""


def _how_to_go_on(flow: Flow[Any, Any], parameters: Mapping[str, Any], run_key: str) -> str:
    return f"What was answered is committed. To continue:\n{_command(flow, parameters, run_key)}"


def _command(flow: Flow[Any, Any], parameters: Mapping[str, Any], run_key: str | None = None) -> str:
    """The command with what was given, and the run key."""
    given = {name: _unsealed(value) for name, value in parameters.items() if name != "account"}
    account = str(parameters.get("account") or "")
    return logs.redact(f"  {flow_command(flow.name, account, {**given, 'run_key': run_key or given.get('run_key')})}")


def _unsealed(value: Any) -> Any:
    """What a flow takes as a secret names where one is, or holds none: anything else was refused."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _record_interrupted(account: str, run_key: str, why: str = "") -> None:
    """Close the rows that this run left open, because Prefect kept it from closing them."""
    warehouse = open_resources(account).warehouse
    for run in runs.recent_runs(warehouse, account, limit=100):
        ours = begun_here.get(run.run_id)
        if run.run_key == run_key and run.status == "running" and ours:
            with suppress(LockLost):  # another process has started it again: its row
                close_run(warehouse, ours, "interrupted", why)


async def _end(state: State[Any], account: str, run_key: str, again: str) -> int:
    """Print how it ended and, if it is red, the command that continues it; returns the exit code."""
    message = logs.redact(why(state.message or "The flow ended before its run began."))
    if state.name == REFUSED:  # the runs under this key are another process's, and may be under way
        return _say(f"{message}\nTo start it again:\n{again}", EXIT_RED)
    statuses = _tell(account, run_key, "" if state.is_completed() else message)
    if not statuses:
        return _say(f"{message}\nTo start it again:\n{again}", EXIT_RED)
    if state.is_completed() and statuses <= GREEN:
        return 0
    if goes_on_anew(message):  # printed with the note
        return EXIT_RED
    return _say(f"When that is fixed:\n{again}", EXIT_RED)


def _wrong(flow: Flow[Any, Any], parameters: Mapping[str, Any]) -> str:
    """What is wrong with the parameters, in words; empty if the flow takes them."""
    known = inspect.signature(flow.fn).parameters
    lines = [f"{name}: there is no such parameter" for name in parameters if name not in known]
    lines += [
        f"{name}: is missing" for name, one in known.items() if one.default is one.empty and name not in parameters
    ]
    if not lines:
        try:
            flow.validate_parameters(_typed(flow, dict(parameters)))
        except ParameterTypeError as error:
            lines = [_hinted(line.removeprefix(" - ")) for line in str(error).splitlines()[1:]]
    if not lines:
        return ""
    return f"{flow.name} takes: {', '.join(known)}.\n" + "\n".join(f"  -p {logs.redact(line)}" for line in lines)


def _hinted(line: str) -> str:
    """The line, with a hint how to write a list: a shell removes quotes that are not protected."""
    name, _, problem = line.partition(": ")
    line = f"{name}: {problem.removeprefix('Value error, ')}"
    return f"""{line}; write it as JSON: '{name}=["…","…"]'""" if line.endswith("valid list") else line


def _one_voice(settings: Settings) -> None:
    """Print our own log lines once: Prefect would print those of the library a second time."""
    setup_logging()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, PrefectConsoleHandler)]:
        root.removeHandler(handler)
    logs.configure(settings.log_level, settings.log_format)
    log_to_files(settings)


def _typed(flow: Flow[Any, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Wrap what the flow takes as a secret, before Prefect records the parameters."""
    secret = {
        name for name, hint in inspect.signature(flow.fn).parameters.items() if "SecretStr" in str(hint.annotation)
    }
    return {name: SecretStr(str(value)) if name in secret and value else value for name, value in parameters.items()}


def _tell(account: str, run_key: str, problem: str = "") -> set[str]:
    """Print the counts and notes of all runs under this run key; their statuses, empty if there are none.

    A ``problem`` that no note names is printed too: the row could not be closed, or is another process's by now.
    """
    warehouse = open_resources(account).warehouse
    found = [run for run in runs.recent_runs(warehouse, account, limit=100) if run.run_key == run_key]
    if not found:
        return set()
    console = Console()
    print_text(console, f"{account}, run key {run_key}")
    outcomes = {run.flow: run.outcome for run in reversed(found)}
    counted = {flow: outcome for flow, outcome in outcomes.items() if outcome != Outcome()}
    print_outcomes(console, counted or outcomes, {run.flow: run.status for run in found})
    for line in _ends(found):
        print_text(console, line)
    if problem and not any(problem in (run.note or "") for run in found):
        print_text(console, problem)
    return {run.status for run in found}


def _ends(found: Sequence[runs.Summary]) -> list[str]:
    """How each run ended and what it notes; what a part has said already is not said again by the night."""
    lines: dict[str, None] = {}
    for run in found:
        lines[f"{run.flow}: {run.status}"] = None
        lines.update(dict.fromkeys(filter(None, [progress_in(run.parameters).came_to])))
        said = {f"{other.flow}: {line}" for other in found for line in other.note.splitlines()}
        lines.update(dict.fromkeys(line for line in run.note.splitlines() if line not in said))
    return list(lines)


def _say(text: str, code: int) -> int:
    print(fitted(plain(text), sys.stderr), file=sys.stderr)  # noqa: T201 - this is the command's answer
    logging.getLogger("tuyahouse").debug("exit code %s", code)
    return code
