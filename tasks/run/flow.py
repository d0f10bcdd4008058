"""Flows whose failures are sentences: the state of a red run says what is wrong, without class names or traces."""

import logging
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, ParamSpec

import prefect
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.runtime import flow_run
from prefect.states import Failed

from tasks.run.kept_parameters import CarefulFlow
from tasks.run.prefect_watch import end_worker_without_server
from tuyahouse.cloud.errors import QuotaExhausted
from tuyahouse.command_lines import goes_on_anew
from tuyahouse.logs import redact
from tuyahouse.settings import SettingsError, load_settings
from tuyahouse.worded_errors import IN_WORDS

P = ParamSpec("P")
FlowCall = Callable[P, Coroutine[Any, Any, State[Any]]]

log = logging.getLogger("tuyahouse.run")

REFUSED = "Refused"
"""Name of the Prefect state of a run that did not begin."""
NOTHING_RUN = "This file defines a flow and runs nothing. At the top of the repository: python -m flows"
RED = "Red: "
"""Beginning of the state message of a red run."""
AGAIN = "When that is fixed, press Retry, or start it again with run_key="
"""How it ends; the run key follows."""


QUOTA_EXHAUSTED = "tuyahouse.quota.exhausted"
"""Event of Prefect's: Tuya says that the quota of an account is used up."""


def account_resource(account: str) -> str:
    """An account as the resource of an event."""
    return f"tuyahouse.account.{account}"


class RunRed(Exception):
    """The run ended red: it does not balance, or something stopped it."""


def with_what_to_do(error: Exception, run_key: str) -> Exception:
    """The error, which says in the state's message how the run continues once its cause is fixed."""
    if not goes_on_anew(str(error)):
        error.add_note(f"{AGAIN}{run_key}")
    return error


def why(message: str) -> str:
    """What was wrong, out of the message of the state of a red run."""
    return message.removeprefix(RED).partition(f" {AGAIN}")[0]


class Refusal(Exception):
    """The run did not begin; the text says why and what to change."""


_IN_WORDS = (RunRed, Refusal, *IN_WORDS)


def flow(name: str, flow_run_name: str) -> Callable[[FlowCall[P]], prefect.Flow[P, Coroutine[Any, Any, State[Any]]]]:
    """``prefect.flow`` of a coroutine that returns its state; what it raises becomes a failed state with a sentence.

    ``flow_run_name`` may hold ``{account}``; the date of the run follows it. A name that a person typed is kept.

    Raises:
        SystemExit: the file of the flow is run as a program; says how the flow is run.
    """

    def decorate(run: FlowCall[P]) -> prefect.Flow[P, Coroutine[Any, Any, State[Any]]]:
        @wraps(run)
        async def in_words(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
            end_worker_without_server()
            try:
                return await run(*args, **kwargs)
            except Exception as error:
                if isinstance(error, QuotaExhausted):
                    emit_event(QUOTA_EXHAUSTED, resource={"prefect.resource.id": account_resource(_account() or "")})
                return _failed(error)

        if run.__module__ == "__main__":
            raise SystemExit(f"{NOTHING_RUN} {name}")
        named = partial(_named, flow_run_name)
        return CarefulFlow(in_words, name=name, flow_run_name=named, persist_result=False)

    return decorate


_GREEK = (
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|upsilon|phi|chi|"
    "psi|omega"
)
_MADE_UP = re.compile(rf"[a-z]+-[a-z]+|({_GREEK})\d*-[a-z-]+")
"""How Prefect names a run without a name: ``beneficial-bison``, in a form of the UI ``alpha240-vilmoran-point``."""


def _named(template: str) -> str:
    """The name of the flow run under way: what it does, its account, whether named or the only one, and its date."""
    typed = str(flow_run.name or "")
    if typed and not _MADE_UP.fullmatch(typed):
        return typed
    account = _account()
    at = flow_run.parameters.get("now") or flow_run.scheduled_start_time or datetime.now(UTC)
    return f"{template.format(account=account or 'no account')} {str(at)[:10]}"


def _account() -> str | None:
    """The account of the flow run under way, whether named or the only one."""
    named: str | None = flow_run.parameters.get("account")
    with suppress(SettingsError):
        return load_settings().account(named).name
    return named


def _failed(error: Exception) -> State[Any]:
    name = REFUSED if isinstance(error, Refusal) else "Failed"
    if isinstance(error, _IN_WORDS):
        return Failed(name=name, message=redact(" ".join([f"{RED}{error}", *getattr(error, "__notes__", ())])))
    log.error("A mistake in tuyahouse ended the run.", exc_info=error)
    words = f"{type(error).__name__}: {error}. This is a mistake in tuyahouse: report it with the log of the run."
    return Failed(name=name, message=redact(f"{RED}{words}"))
