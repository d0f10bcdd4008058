"""The automations, one function each. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from tasks.run.flow import QUOTA_EXHAUSTED, account_resource

ENDS = ("Completed", "Stopped", "Failed", "Refused", "Crashed", "Cancelled", "AwaitingRetry", "Paused", "Suspended")
"""Names of states in which nothing beats: ``Stopped`` and ``Refused`` are those of this project's runs."""
_OF_RUNS = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
_RUN_SUBJECT = "{{ flow_run.name }}: {{ flow_run.state.name }}"
_RUN_BODY = (
    "{{ flow_run.state.message }}\n\nWhen that is fixed, press Retry on its page: it continues where it stopped.\n"
    "{{ flow_run|ui_url }}"
)


def _events(*names: str) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}


def _of_deployments(ids: Iterable[UUID]) -> ResourceSpecification:
    resources = sorted(f"prefect.deployment.{one}" for one in ids)
    return ResourceSpecification({"prefect.resource.id": resources, "prefect.resource.role": "deployment"})


def mark_runs_of_dead_workers(flows: Iterable[UUID], within: timedelta) -> AutomationCore:
    """Runs say every 30 seconds that they live; one that stops without having ended is marked as crashed."""
    resources = sorted({f"prefect.flow.{one}" for one in flows})
    return AutomationCore(
        name="tuyahouse: mark runs whose worker died as crashed",
        description="A run without a heartbeat is marked. The same run key, or Retry, continues where it stopped.",
        trigger=EventTrigger(
            after=_events("heartbeat"),
            expect=_events("heartbeat", *ENDS),
            match=_OF_RUNS,
            match_related=ResourceSpecification({"prefect.resource.id": resources, "prefect.resource.role": "flow"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message="Red: its worker died or lost its connection. What was answered is in the warehouse. Press "
                "Retry, or start it again with the same run key: it continues where it stopped.",
            )
        ],
    )


def tell_when_red(block: UUID, deployments: Iterable[UUID]) -> AutomationCore:
    """The state message of a red run is the notification: what is wrong, and what to do."""
    return AutomationCore(
        name="tuyahouse: tell when a run is red",
        trigger=EventTrigger(
            expect=_events("Failed", "Refused", "Crashed"),
            match=_OF_RUNS,
            match_related=_of_deployments(deployments),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[SendNotification(block_document_id=block, subject=_RUN_SUBJECT, body=_RUN_BODY)],
    )


def tell_when_late(block: UUID, deployments: Iterable[UUID]) -> AutomationCore:
    """A run that no worker takes."""
    return AutomationCore(
        name="tuyahouse: tell when a run is late",
        trigger=EventTrigger(
            expect=_events("Late"),
            match=_OF_RUNS,
            match_related=_of_deployments(deployments),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject="{{ flow_run.name }} is late",
                body="No worker has taken it. Is a worker of the pool tuyahouse running?\n\n{{ flow_run|ui_url }}",
            )
        ],
    )


def tell_when_no_night(account: str, night: UUID, block: UUID, within: timedelta) -> AutomationCore:
    """Neither red nor late: a night that was not scheduled, or that does not end."""
    return AutomationCore(
        name=f"tuyahouse: tell when {account} has had no good night",
        trigger=EventTrigger(
            expect=_events("Completed", "Stopped"),
            match=_OF_RUNS,
            match_related=_of_deployments([night]),
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject=f"{account}: no good night",
                body=f"No run of nightly-{account} has ended well for {within.total_seconds() / 3600:g} hours. Is its "
                "schedule paused? Is the newest run red, or still running?",
            )
        ],
    )


def report_after_night(account: str, night: UUID, report: UUID) -> AutomationCore:
    """When the night is over, however it ended: what is in the warehouse is worth reading."""
    return AutomationCore(
        name=f"tuyahouse: report after the night of {account}",
        trigger=EventTrigger(
            expect=_events("Completed", "Stopped", "Failed"),
            match=_OF_RUNS,
            match_related=_of_deployments([night]),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=report, parameters={"account": account})],
    )


def hold_schedules_without_quota(account: str, hold: UUID) -> AutomationCore:
    """Every further call would be refused: the schedules that make calls are paused until the month turns."""
    return AutomationCore(
        name=f"tuyahouse: pause the schedules of {account} when its quota is used up",
        trigger=EventTrigger(
            expect={QUOTA_EXHAUSTED},
            match=ResourceSpecification({"prefect.resource.id": account_resource(account)}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=hold, parameters={"account": account, "action": "pause"})],
    )
