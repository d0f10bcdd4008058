"""How often things are asked: the part of the settings that the pure planners are given."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tuyahouse.settings.types import Duration, Json


class PlanPolicy(BaseModel):
    """How often a serial number is asked, by what is known of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_after: Duration = Field(default=timedelta(hours=12), description="An open one is asked again after this")
    finished_after: Duration = Field(default=timedelta(days=7), description="A finished one first again after this")
    finished_factor: float = Field(default=2.0, ge=1, description="… then each time this much later")
    finished_at_most: Duration = Field(default=timedelta(days=180), description="… but no later than this")
    unknown_after: Duration = Field(
        default=timedelta(hours=12), description="One Tuya does not know is asked again after this"
    )
    unknown_factor: float = Field(default=2.0, ge=1, description="… then each time this much later")
    unknown_at_most: Duration = Field(default=timedelta(days=30), description="… but no later than this")


class CommandPolicy(BaseModel):
    """How command records are followed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deadline: Duration = Field(default=timedelta(hours=1), description="A command open for longer is stuck")
    deadline_by_product_type: Annotated[dict[str, Duration], Json] = Field(
        default={}, description="The same by a device's product type"
    )
    ask_after: Duration = Field(
        default=timedelta(minutes=5), description="An open record is asked again after this at first"
    )
    ask_factor: float = Field(default=2.0, ge=1, description="… then each time this much later")
    ask_at_most: Duration = Field(default=timedelta(days=1), description="… but no later than this")
    give_up_after: Duration = Field(
        default=timedelta(days=7), description="A record Tuya does not know is given up after this"
    )
