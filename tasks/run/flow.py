"""Flows whose failures are sentences: the state of a red run says what is wrong, with neither class names nor
traces."""

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

import prefect
from prefect.client.schemas.objects import State
from prefect.states import Failed

from tuyahouse.cloud.errors import TuyaError
from tuyahouse.logs import redact
from tuyahouse.settings import SettingsError
from tuyahouse.sync.intake.rows import SourceError
from tuyahouse.warehouse.errors import WarehouseError

P = ParamSpec("P")
FlowCall = Callable[P, Coroutine[Any, Any, State[Any]]]

log = logging.getLogger("tuyahouse.run")

REFUSED = "Refused"
"""Name of the Prefect state of a run that did not begin."""
RED = "Red: "
"""How the message of the state of a red run begins."""


class RunRed(Exception):
    """The run ended, and the operator has to know: it does not balance, or something stopped it."""


class Refusal(Exception):
    """The run did not begin; the text says why and what to change."""


_IN_WORDS = (RunRed, Refusal, SettingsError, SourceError, TuyaError, WarehouseError)


def flow(name: str, flow_run_name: str) -> Callable[[FlowCall[P]], prefect.Flow[P, Coroutine[Any, Any, State[Any]]]]:
    """``prefect.flow`` of a coroutine that returns its state; what it raises becomes a failed state with a sentence."""

    def decorate(run: FlowCall[P]) -> prefect.Flow[P, Coroutine[Any, Any, State[Any]]]:
        @wraps(run)
        async def in_words(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
            try:
                return await run(*args, **kwargs)
            except Exception as error:
                return _failed(error)

        return prefect.flow(name=name, flow_run_name=flow_run_name, persist_result=False)(in_words)

    return decorate


def _failed(error: Exception) -> State[Any]:
    name = REFUSED if isinstance(error, Refusal) else "Failed"
    if isinstance(error, _IN_WORDS):
        return Failed(name=name, message=redact(f"{RED}{error}"))
    log.error("A mistake in tuyahouse ended the run.", exc_info=error)
    words = f"{type(error).__name__}: {error}. This is a mistake in tuyahouse: report it with the log of the run."
    return Failed(name=name, message=redact(f"{RED}{words}"))
