"""How often serial numbers and command records are asked again: the settings that the planners get."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tuyahouse.settings.types import Duration, Json


class PlanPolicy(BaseModel):
    """How often a serial number is asked, by its state."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_after: Duration = Field(
        default=timedelta(hours=12), description="How long after an answer an open serial number is asked again"
    )
    finished_after: Duration = Field(
        default=timedelta(days=7), description="How long after an answer a finished one is first asked again"
    )
    finished_factor: float = Field(default=2.0, ge=1, description="Factor by which that wait grows each time")
    finished_at_most: Duration = Field(default=timedelta(days=180), description="Longest wait for a finished one")
    unknown_after: Duration = Field(
        default=timedelta(hours=12),
        description="How long after an answer one that Tuya does not know is first asked again",
    )
    unknown_factor: float = Field(default=2.0, ge=1, description="Factor by which that wait grows each time")
    unknown_at_most: Duration = Field(default=timedelta(days=30), description="Longest wait for an unknown one")


class CommandPolicy(BaseModel):
    """How command records are followed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deadline: Duration = Field(
        default=timedelta(hours=1), description="A command that stays open for longer than this is stuck"
    )
    deadline_by_product_type: Annotated[dict[str, Duration], Json] = Field(
        default={}, description="Other deadlines, by product type of the device"
    )
    ask_after: Duration = Field(
        default=timedelta(minutes=5), description="How long after an answer an open record is first asked again"
    )
    ask_factor: float = Field(default=2.0, ge=1, description="Factor by which that wait grows each time")
    ask_at_most: Duration = Field(default=timedelta(days=1), description="Longest wait for an open record")
    give_up_after: Duration = Field(
        default=timedelta(days=7),
        description="How long a record that Tuya does not know is followed before it is given up",
    )
