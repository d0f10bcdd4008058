"""What Prefect keeps of the parameters of a run: those that a flow refuses may be secrets, and are removed.

Prefect's API refuses them before it stores them, unless a caller switches its checks off, or the deployment was not
made by ``make deploy`` and the name is unknown. Then they are removed when the run is to begin.
"""

import logging
from collections.abc import Mapping
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import prefect
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ParameterTypeError
from prefect.logging.loggers import disable_logger
from prefect.runtime import flow_run as under_way
from prefect.states import Failed

from tuyahouse.sync.access.secret_values import typed_secret

P = ParamSpec("P")
R = TypeVar("R")

REMOVED = (
    "What was typed is removed from this run, as it may be a secret. Prefect's server held it until now: if it was "
    "one, change it."
)
NOT_REMOVED = "What was typed could not be removed from this run: if it was a secret, delete the run and change it."

log = logging.getLogger("tuyahouse.run")


class CarefulFlow(prefect.Flow[P, R]):
    """A flow that leaves no parameter in Prefect that it does not take, and no typed secret."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_crashed_hooks.append(_remove_unknown)

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """As Prefect's own, which would log them all.

        Raises:
            ParameterTypeError: they are refused; a secret among them is removed from the run.
        """
        try:
            with disable_logger("prefect.flows"):
                return super().validate_parameters(parameters)
        except ParameterTypeError as error:
            kept = {name: value for name, value in parameters.items() if not typed_secret({name: value})}
            if len(kept) == len(parameters) or not under_way.id:
                raise
            raise ParameterTypeError(f"{error}. {_keep(under_way.id, kept)}") from None


def _remove_unknown(flow: prefect.Flow[P, R], flow_run: FlowRun, state: State[Any]) -> None:
    """Called where the process of a run ended at once, as it does for parameters that the flow does not have."""
    unknown = [name for name in flow_run.parameters if name not in flow.parameters.properties]
    if not unknown:
        return
    words = f"There is no parameter {', '.join(unknown)}. "
    kept = {name: value for name, value in flow_run.parameters.items() if name not in unknown}
    words += _keep(str(flow_run.id), kept)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run.id, Failed(message=words), force=True)


def _keep(flow_run_id: str, kept: Mapping[str, Any]) -> str:
    """Leave only these parameters in Prefect; says what became of the others."""
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(flow_run_id), parameters=dict(kept)).raise_for_status()
    except Exception as error:  # whatever Prefect or its client raises
        log.error("The parameters of the run could not be changed: %s", type(error).__name__)
        return NOT_REMOVED
    return REMOVED
