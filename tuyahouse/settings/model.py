"""One typed tree of settings, read once when a process starts and passed down.

The first source that has a value wins: arguments, the environment (prefix ``TUYAHOUSE_``, nested with ``__``), files in
``TUYAHOUSE_SECRETS_DIR`` (one per secret, named like the variable), ``tuyahouse.toml`` (another path:
``TUYAHOUSE_CONFIG``). Nothing is read at import.
"""

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tuyahouse.settings.errors import (
    NO_ACCOUNT,
    PREFIX,
    SettingsError,
    again,
    missing_together,
    sentence,
    shared_projects,
)
from tuyahouse.settings.misspelt import misspelt
from tuyahouse.settings.policies import CommandPolicy, PlanPolicy
from tuyahouse.settings.regions import MESSAGE_HOSTS, OPENAPI_URLS, Region
from tuyahouse.settings.secret_files import secret_names, secrets_directory
from tuyahouse.settings.shifts import checked_shifts, checked_zone, whole_hours
from tuyahouse.settings.types import Duration, EncodedUrl, Json, Lower, Names, Strong, Visible, Whole, read_json


class Account(BaseModel):
    """One Tuya cloud project: its data centre, credentials, pace and limits."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(default="", description="Filled in from the key; part of every warehouse key")
    region: Annotated[Region | None, Lower] = Field(default=None, description="Data centre: " + ", ".join(Region))
    base_url: Annotated[str, Visible] = Field(
        default="", pattern=r"^(https?://.*)?$", description="OpenAPI base URL; wins over the region"
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
        default=None, ge=1, description="Budget of calls in a calendar month (UTC); none: no limit"
    )
    strategy: Annotated[Literal["all", "stale", "pass_counts"], Lower] = Field(
        default="pass_counts",
        description="Which serial numbers a night asks: all that are not finished; stale: those not asked for a while; "
        "pass_counts: those that Tuya's pass counts say moved, once the counts have proved true, until then stale",
    )
    max_staleness_days: Whole = Field(
        default=7, ge=1, le=365, description="An open serial number is asked at least this often, whatever counts say"
    )
    timeout_seconds: float = Field(default=30.0, gt=0, le=600, description="Longest wait for one answer")
    max_answer_mb: Whole = Field(
        default=32,
        ge=1,
        le=1024,
        description="Largest answer that is read, in MB, compressed or not; a process may hold `CONCURRENCY` of them",
    )
    attempts: Whole = Field(default=6, ge=1, le=20, description="Attempts for a call that meets a passing fault")
    refresh_early_seconds: Whole = Field(
        default=60, ge=0, le=3600, description="How long before its expiry a token is replaced"
    )
    project_ids: Names = Field(default=(), description="Projects whose devices are read")
    device_query: Literal["auto", "snake", "camel", "dotted"] = Field(
        default="auto", description="Spelling of the device list's query parameters; auto tries them"
    )
    device_page_size: Whole = Field(default=100, ge=1, le=1000, description="Devices in one page of the device list")
    allow_writes: bool = Field(
        default=False, description="Flows may write to Tuya: users, permissions, data points, commands, tokens"
    )
    app_schema: Annotated[str, Visible] = Field(default="", description="Schema of the app whose users are managed")
    sync_accounts: bool = Field(default=False, description="nightly_sync reads the list of authorized accounts too")
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
        default="pulsar", description="The kind of Tuya's message endpoint that is read"
    )
    messages_read_by: Annotated[Literal["nobody", "schedule", "service"], Lower] = Field(
        default="nobody",
        description="Who reads the messages: nobody; schedule: drain_messages, deployed; service: `tuyahouse consume`",
    )
    messages_url: Annotated[str, Visible] = Field(default="", description="Message endpoint; default by region")
    messages_environment: Literal["prod", "test"] = Field(
        default="prod", description="prod reads the topic event, test event-test"
    )
    messages_subscription: Annotated[str, Visible] = Field(
        default="", description="Subscription name; default {client_id}-sub"
    )
    messages_subscription_type: Literal["Failover", "Exclusive", "Shared", "Key_Shared"] = Field(
        default="Failover",
        description="How consumers of a subscription share it: Failover, Exclusive, Shared, Key_Shared",
    )
    messages_notices: bool = Field(default=False, description="Read the topic out/notice too (backlog notices)")
    messages_tls_ca: Annotated[str, Visible] = Field(
        default="", description="File of CA certificates; default: the system's"
    )
    messages_retention: Duration = Field(default=timedelta(hours=2), description="How long Tuya keeps unread messages")
    factory_time_zone: Annotated[str, Visible, AfterValidator(checked_zone)] = Field(
        default="UTC", description="Time zone of the factory, e.g. Asia/Shanghai: the marts count days and shifts in it"
    )
    schedule_time_zone: Annotated[str, Visible, AfterValidator(checked_zone)] = Field(
        default="", description="Time zone of the schedules of this account's deployments; default: `FACTORY_TIME_ZONE`"
    )
    factory_shifts: Annotated[str, Visible, AfterValidator(checked_shifts)] = Field(
        default="day=00:00",
        description="Shifts by their local starts, e.g. early=06:00,late=14:00,night=22:00; the first begins the day",
    )
    false_means: Annotated[Literal["failed", "open"], Lower] = Field(
        default="failed",
        description="What status false of a step means in the marts: failed; open: not yet passed, if it is the newest",
    )
    stuck_after: Annotated[Duration, AfterValidator(whole_hours)] = Field(
        default=timedelta(days=3), description="How long an open unit makes no step until it counts as stuck"
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
            raise SettingsError(f"{PREFIX}ACCOUNTS__{self.name.upper()}__REGION is needed where no URL is set")
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


class Settings(BaseSettings):
    """All settings. Use :func:`load_settings`, which turns errors into words."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # compose files pass unset variables as empty text
        extra="forbid",
        frozen=True,
        enable_decoding=False,
    )

    warehouse_url: Annotated[str, Visible, EncodedUrl] = Field(
        default="sqlite:///tuyahouse.db",
        pattern=r"^[a-z0-9+]+://",
        repr=False,  # may hold a password
        description="SQLAlchemy URL: sqlite:///… or postgresql://…",
    )
    secret_key: Annotated[SecretStr, Visible, Strong] | None = Field(
        default=None,
        description="Encrypts stored tokens: 20 random characters or more; default: created beside a SQLite file",
    )
    accounts: Annotated[dict[str, Account], Json] = Field(default={}, description="Tuya projects by name")
    chunk_size: Whole = Field(
        default=1000, ge=1, le=100_000, description="Serial numbers in a chunk, which is committed as a whole"
    )
    chunks_at_once: Whole = Field(default=2, ge=1, le=16, description="Chunks that a run works on at once")
    raw_retention: Duration = Field(default=timedelta(days=400), description="Raw answers older than this are pruned")
    lock_lease: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(seconds=1),
        description="How long after a run died its lock on the account expires",
    )
    token_dir: Annotated[str, Visible] = Field(
        default="",
        description="Directory that tickets and visual tokens are written to, each a file for the worker's user alone",
    )
    lock_wait: Duration = Field(
        default=timedelta(minutes=10),
        ge=timedelta(seconds=1),
        description="How long a run waits for a table, row or file that another session of the database has locked",
    )
    token_store: Annotated[Literal["files", "prefect"], Lower] = Field(
        default="files", description="Where visual tokens go: files (TOKEN_DIR), or prefect (a Secret block each)"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = Field(
        default="info", description="Lowest level that is logged"
    )
    log_format: Annotated[Literal["auto", "text", "json"], Lower] = Field(
        default="auto", description="json: one JSON object per line; auto: text in a terminal, json elsewhere"
    )
    log_dir: Annotated[str, Visible] = Field(
        default="", description="Directory of log files, one a day with a JSON object a line; default: none are kept"
    )
    log_kept: Duration = Field(
        default=timedelta(days=30), ge=timedelta(days=1), description="How long log files are kept"
    )
    plan: PlanPolicy = PlanPolicy()
    commands: CommandPolicy = CommandPolicy()

    @model_validator(mode="before")
    @classmethod
    def _name_accounts(cls, data: Any) -> Any:
        accounts = read_json(data.get("accounts")) if isinstance(data, dict) else None
        if not isinstance(accounts, dict):
            return data  # the field's own check says what is wrong with it
        named = {name: _named(name, fields) for name, fields in _by_lower_name(accounts).items()}
        return {**data, "accounts": named}

    @field_validator("accounts")
    @classmethod
    def _a_project_each(cls, accounts: dict[str, Account]) -> dict[str, Account]:
        if found := shared_projects(accounts):
            raise ValidationError.from_exception_data(cls.__name__, found)
        return accounts

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = [init_settings, env_settings]
        if secrets := secrets_directory(os.environ):
            sources.append(
                NestedSecretsSettingsSource(
                    file_secret_settings,
                    secrets_dir=secrets,
                    secrets_dir_missing="error",
                    secrets_nested_delimiter="__",
                )
            )
        sources.append(_toml_file(settings_cls))
        return tuple(sources)

    def account(self, name: str | None) -> Account:
        """The account of that name, in any case; without a name the only one that is configured.

        Raises:
            SettingsError: there is no such account, or several to choose from; names those there are.
        """
        if not name:
            return self._only_account()
        try:
            return self.accounts[name.lower()]
        except KeyError:
            known = ", ".join(sorted(self.accounts)) or "none is configured"
            raise SettingsError(
                f"There is no account {name!r} (there are: {known}). "
                f"Set {PREFIX}ACCOUNTS__{name.upper()}__CLIENT_ID and the others, "
                f"or [accounts.{name.lower()}] in tuyahouse.toml."
            ) from None

    def _only_account(self) -> Account:
        if len(self.accounts) == 1:
            return next(iter(self.accounts.values()))
        if not self.accounts:
            raise SettingsError(NO_ACCOUNT)
        raise SettingsError(f"Several accounts are configured: {', '.join(sorted(self.accounts))}. Name one of them.")


class _TomlFile(TomlConfigSettingsSource):
    """``tuyahouse.toml`` with the names of accounts in lower case, as the environment gives them."""

    def __call__(self) -> dict[str, Any]:
        data = super().__call__()
        accounts = data.get("accounts")
        return {**data, "accounts": _by_lower_name(accounts)} if isinstance(accounts, dict) else data


def _toml_file(settings: type[BaseSettings]) -> _TomlFile:
    path = _config_file()
    try:
        return _TomlFile(settings, toml_file=path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None


def _by_lower_name(accounts: dict[str, Any]) -> dict[str, Any]:
    spellings = Counter(name.lower() for name in accounts)
    if twice := " and ".join(repr(name) for name in accounts if spellings[name.lower()] > 1):
        raise SettingsError(
            f"{PREFIX}ACCOUNTS: {twice} are one account, because case does not count; keep one of them."
        )
    return {name.lower(): fields for name, fields in accounts.items()}


def _named(name: str, fields: Any) -> Any:
    if isinstance(fields, Account):
        return fields.model_copy(update={"name": name})
    return {**fields, "name": name} if isinstance(fields, dict) else fields


def _config_file() -> Path:
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"{PREFIX}CONFIG names {named}, which is not a file.")
    return Path(named or "tuyahouse.toml")


def _other_places() -> str:
    """If there is a file: how it spells the names of variables. The wrong value may come from there."""
    file = _config_file()
    return (
        f"\nThese are names of variables; in {file} the same is written in lower case, A__B as b under [a]."
        if file.is_file()
        else ""
    )


def _groups() -> dict[str, list[str]]:
    """The names of all settings, by group."""
    inner: dict[str, type[BaseModel]] = {"accounts": Account, "plan": PlanPolicy, "commands": CommandPolicy}
    return {"": list(Settings.model_fields)} | {name: list(model.model_fields) for name, model in inner.items()}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from all sources.

    Raises:
        SettingsError: lists all problems at once, one a line, each with the variable to change.
    """
    wrong_names = misspelt([*os.environ, *secret_names(os.environ)], _groups())
    problems = list(wrong_names.values())
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        found = [sentence(item) for item in error.errors(include_input=False, include_url=False)]
        problems = [line for line in found if line.split(":")[0] not in wrong_names] + problems
    except SettingsError:
        raise
    except Exception as error:  # an unreadable TOML file or secrets directory: say which, in words
        raise SettingsError(f"The configuration cannot be read: {error}") from None  # the cause may quote a secret
    if problems:
        raise SettingsError(
            "The configuration cannot be used:\n" + "\n".join(f"  {line}" for line in problems) + _other_places()
        )
    return settings
