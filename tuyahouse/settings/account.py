"""The settings of one account."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)

from tuyahouse.settings.errors import PREFIX, SettingsError, again, missing_together
from tuyahouse.settings.regions import MESSAGE_HOSTS, OPENAPI_URLS, Region
from tuyahouse.settings.shifts import checked_shifts, checked_zone, whole_hours
from tuyahouse.settings.types import Duration, Lower, Names, Visible, Whole


class Account(BaseModel):
    """One Tuya cloud project: its data centre, credentials, pace and limits."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(default="", description="Filled in from the key; part of every warehouse key")
    region: Annotated[Region | None, Lower] = Field(default=None, description="Data centre: " + ", ".join(Region))
    base_url: Annotated[str, Visible] = Field(
        default="", pattern=r"^(https?://.*)?$", description="OpenAPI base URL; overrides the region"
    )
    client_id: Annotated[str, Visible] = Field(
        min_length=1, description="Access ID of the cloud project; each account has a project of its own"
    )
    client_secret: Annotated[SecretStr, Visible] = Field(min_length=1, description="Access secret of the cloud project")
    signature: Annotated[Literal["v1", "v2"], Lower] = Field(
        default="v2", description="v1: projects made before July 2021; v2: all later ones"
    )
    language: Annotated[str, Visible] = Field(default="en", description="Language of Tuya's error texts (en, zh)")
    pms_username: Annotated[str, Visible] = Field(default="", description="User of Tuya's production system (PMS)")
    pms_password: Annotated[SecretStr, Visible] = Field(default=SecretStr(""), description="Password of that user")
    calls_per_second: float = Field(
        default=4.0, ge=0, le=1000, description="Calls started per second, for each endpoint; 0: no pacing"
    )
    concurrency: Whole = Field(
        default=16,
        ge=1,
        le=512,
        description="Calls in flight at once in one process; their answers take up to that many times `MAX_ANSWER_MB`",
    )
    monthly_calls: Whole | None = Field(
        default=None, ge=0, description="Budget of calls in a calendar month (UTC); 0: no call; none: no limit"
    )
    strategy: Annotated[Literal["all", "stale", "pass_counts"], Lower] = Field(
        default="pass_counts",
        description="Which serial numbers a night asks: all that are not finished; stale: those not asked for a while; "
        "pass_counts: those that Tuya's pass counts say moved, once the counts have proved true, until then stale",
    )
    max_staleness_days: Whole = Field(
        default=7,
        ge=1,
        le=365,
        description="An open serial number is asked at least this often, whatever counts say",
    )
    timeout_seconds: float = Field(default=30.0, gt=0, le=600, description="Longest wait for one answer")
    max_answer_mb: Whole = Field(
        default=32,
        ge=1,
        le=1024,
        description="Largest answer that is read, in MB, compressed or not; a process may hold `CONCURRENCY` of them",
    )
    attempts: Whole = Field(default=6, ge=1, le=20, description="Attempts for a call that fails with a passing fault")
    refresh_early_seconds: Whole = Field(
        default=60, ge=0, le=3600, description="How long before its expiry a token is replaced"
    )
    project_ids: Names = Field(default=(), description="Projects whose devices are read")
    device_query: Literal["auto", "snake", "camel", "dotted"] = Field(
        default="auto", description="Spelling of the device list's query parameters; auto finds it out"
    )
    device_page_size: Whole = Field(default=100, ge=1, le=1000, description="Devices in one page of the device list")
    allow_writes: bool = Field(
        default=False, description="Flows may write to Tuya: users, permissions, data points, commands, tokens"
    )
    app_schema: Annotated[str, Visible] = Field(default="", description="Schema of the app whose users are managed")
    sync_accounts: bool = Field(default=False, description="nightly_sync also reads the list of authorized accounts")
    visual_username: Annotated[str, Visible] = Field(
        default="", description="Developer account of Tuya IoT on Alibaba Cloud, for visual tokens"
    )
    visual_password: Annotated[SecretStr, Visible] = Field(
        default=SecretStr(""), description="Password of that developer account"
    )
    visual_base_url: Annotated[str, Visible] = Field(
        default="", pattern=r"^(https?://.*)?$", description="Base URL of Tuya IoT on Alibaba Cloud"
    )
    messages_source: Literal["pulsar", "websocket"] = Field(
        default="pulsar", description="Kind of Tuya's message endpoint: pulsar or websocket"
    )
    messages_read_by: Annotated[Literal["nobody", "schedule", "service"], Lower] = Field(
        default="nobody",
        description="Who reads the messages: nobody; schedule: drain_messages, deployed; service: `tuyahouse consume`",
    )
    messages_url: Annotated[str, Visible] = Field(default="", description="Message endpoint; default by region")
    messages_environment: Literal["prod", "test"] = Field(
        default="prod", description="prod reads the topic event, test the topic event-test"
    )
    messages_subscription: Annotated[str, Visible] = Field(
        default="", description="Subscription name; default {client_id}-sub"
    )
    messages_subscription_type: Literal["Failover", "Exclusive", "Shared", "Key_Shared"] = Field(
        default="Failover",
        description="How consumers of a subscription share it: Failover, Exclusive, Shared, Key_Shared",
    )
    messages_notices: bool = Field(default=False, description="Also read the topic out/notice (backlog notices)")
    messages_tls_ca: Annotated[str, Visible] = Field(
        default="", description="File of CA certificates; default: the system's"
    )
    messages_retention: Duration = Field(default=timedelta(hours=2), description="How long Tuya keeps unread messages")
    factory_time_zone: Annotated[str, Visible, AfterValidator(checked_zone)] = Field(
        default="UTC",
        description="Time zone of the factory, e.g. Asia/Shanghai, in which the marts count days and shifts",
    )
    schedule_time_zone: Annotated[str, Visible, AfterValidator(checked_zone)] = Field(
        default="", description="Time zone of the schedules of this account's deployments; default: `FACTORY_TIME_ZONE`"
    )
    factory_shifts: Annotated[str, Visible, AfterValidator(checked_shifts)] = Field(
        default="day=00:00",
        description="Shifts and their local starts, e.g. early=06:00,late=14:00,night=22:00; the first begins the day",
    )
    false_means: Annotated[Literal["failed", "open"], Lower] = Field(
        default="failed",
        description="What status false of a step means in the marts: failed; open: not yet passed, if it is the newest",
    )
    stuck_after: Annotated[Duration, AfterValidator(whole_hours)] = Field(
        default=timedelta(days=3), description="An open unit that makes no step for this long counts as stuck"
    )
    report_language: Annotated[Literal["en", "zh"], Lower] = Field(
        default="en", description="Language of the report: en (English), zh (Chinese)"
    )

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return (self.base_url or OPENAPI_URLS[self._region]).rstrip("/")

    @property
    def _region(self) -> Region:
        if self.region is None:
            raise SettingsError(f"{PREFIX}ACCOUNTS__{self.name.upper()}__REGION is needed if no URL is set")
        return self.region

    @property
    def message_url(self) -> str:
        """Message endpoint of the chosen source, with a trailing slash."""
        if self.messages_url:
            return self.messages_url.rstrip("/") + "/"
        host = MESSAGE_HOSTS[self._region]
        return f"wss://{host}:8285/" if self.messages_source == "websocket" else f"pulsar+ssl://{host}:7285/"

    @property
    def subscription(self) -> str:
        return self.messages_subscription or f"{self.client_id}-sub"

    @property
    def has_pms(self) -> bool:
        return bool(self.pms_username and self.pms_password.get_secret_value())

    @model_validator(mode="wrap")
    @classmethod
    def _all_errors_at_once(cls, data: Any, handler: ModelWrapValidatorHandler["Account"]) -> "Account":
        """Judge the fields that go together even when others are wrong, which an "after" validator would not."""
        found = missing_together(data) if isinstance(data, dict) else []
        try:
            account = handler(data)
        except ValidationError as error:
            found = [*map(again, error.errors(include_input=False, include_url=False)), *found]
        if found:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return account
