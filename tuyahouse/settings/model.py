"""One typed tree of settings, read once when a process starts and passed down."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tuyahouse.settings.account import Account
from tuyahouse.settings.errors import NO_ACCOUNT, PREFIX, SettingsError, shared_projects
from tuyahouse.settings.policies import CommandPolicy, PlanPolicy
from tuyahouse.settings.sources import by_lower_name, files
from tuyahouse.settings.types import Duration, EncodedUrl, Json, Lower, Strong, Visible, Whole, read_json


class Settings(BaseSettings):
    """All settings. Use :func:`load_settings`, which explains errors in words."""

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
    task_runner: Annotated[Literal["process", "dask"], Lower] = Field(
        default="process", description="Where chunks are asked: process, in the run's own process; dask, on a cluster"
    )
    dask_address: Annotated[str, Visible] = Field(
        default="",
        description="Scheduler of that cluster, e.g. tcp://dask.example:8786; default: a cluster of `CHUNKS_AT_ONCE` "
        "processes on the run's machine",
    )
    report_dir: Annotated[str, Visible] = Field(
        default="reports", description="Directory that build_report writes `<NAME>.html` to if no file is named"
    )
    report_url: Annotated[str, Visible] = Field(
        default="",
        pattern=r"^(https?://.*)?$",
        description="URL of that directory for browsers; Prefect's artifacts link to it",
    )
    raw_retention: Duration = Field(default=timedelta(days=400), description="Raw answers older than this are pruned")
    lock_lease: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(seconds=1),
        description="How long a run that died still holds its lock on the account",
    )
    token_dir: Annotated[str, Visible] = Field(
        default="",
        description="Directory for tickets and visual tokens, each in a file that only the worker's user can read",
    )
    lock_wait: Duration = Field(
        default=timedelta(minutes=10),
        ge=timedelta(seconds=1),
        description="How long a run waits for a table, row or file that another session of the database has locked",
    )
    token_store: Annotated[Literal["files", "prefect"], Lower] = Field(
        default="files", description="Where visual tokens are kept: files (TOKEN_DIR), or prefect (a Secret block each)"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = Field(
        default="info", description="Lowest level that is logged"
    )
    log_format: Annotated[Literal["auto", "text", "json"], Lower] = Field(
        default="auto", description="json: one JSON object per line; auto: text in a terminal, json elsewhere"
    )
    log_dir: Annotated[str, Visible] = Field(
        default="", description="Directory of log files, one a day, one JSON object per line; default: no log files"
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
        named = {name: _named(name, fields) for name, fields in by_lower_name(accounts).items()}
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
        return (init_settings, env_settings, *files(settings_cls, file_secret_settings))

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


def _named(name: str, fields: Any) -> Any:
    if isinstance(fields, Account):
        return fields.model_copy(update={"name": name})
    return {**fields, "name": name} if isinstance(fields, dict) else fields
