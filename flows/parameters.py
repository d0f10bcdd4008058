"""The types of flow parameters: what the form in the Prefect UI explains and checks."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

from tuyahouse.settings import SettingsError, load_settings
from tuyahouse.sync.access.passwords import PLACE
from tuyahouse.sync.access.secret_values import SECRET_NAMES, TYPED, typed_secret


@dataclass(frozen=True, slots=True)
class Described:
    """The text beside a parameter in the form. Prefect replaces the description of an annotated ``Field`` by that of
    the docstring, or by none; this one stays.

    Prefect's API refuses a text that does not match ``pattern`` before it stores what was typed.
    """

    text: str
    pattern: str | None = None

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = {"description": self.text} | ({"pattern": self.pattern} if self.pattern else {})
        return {**handler(core_schema), **described}


@dataclass(frozen=True, slots=True)
class Choice:
    """A text that is one of these; the form offers them."""

    options: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), "enum": list(self.options)}

    def _check(self, value: str) -> str:
        if value not in self.options:
            raise ValueError(f"there is no {value!r}; there are: {', '.join(self.options)}")
        return value


@dataclass(frozen=True, slots=True)
class NoTypedSecrets:
    """Refuses members that are named like secrets and hold one: by Prefect's API, before it stores what was typed."""

    depth: int = 4

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), **self._members(self.depth)}

    def _members(self, depth: int) -> dict[str, Any]:
        if not depth:
            return {}
        named = {SECRET_NAMES: {"type": ["string", "null"], "pattern": PLACE}}
        inner = self._members(depth - 1)
        return {"patternProperties": named, "additionalProperties": inner, "items": inner}

    def _check(self, value: Any) -> Any:
        if name := typed_secret(value):
            raise ValueError(f"{name} {TYPED}")
        return value


class OfferedAccounts:
    """A form offers the accounts in the settings of the process that deploys it; without any it takes any text."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = _configured_accounts()
        return {"type": "string", "enum": list(names)} if names else handler(core_schema)


@cache
def _configured_accounts() -> tuple[str, ...]:
    """The names of the accounts in the settings of this process; none where the settings cannot be used."""
    try:
        return tuple(sorted(load_settings().accounts))
    except SettingsError:
        return ()


def _printable(value: str | None) -> str | None:
    """A name that is stored and shown: nothing in it may be invisible."""
    if value is not None and not value.isprintable():
        raise ValueError("holds a character that cannot be shown")
    return value


AccountName = Annotated[
    str | None,
    Field(max_length=100),
    AfterValidator(_printable),
    OfferedAccounts(),
    Described("Name of the account in the settings of the worker; empty: the only account that is configured there"),
]

RunKey = Annotated[
    str | None,
    Field(max_length=200),
    AfterValidator(_printable),
    Described(
        "Names the intent of the run. A run with the same run key continues where the last one stopped and asks "
        "nothing twice; empty: a new run key, for nightly_sync that of the date"
    ),
]


EARLIEST, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""A present outside of these bounds is mistyped. It would be stored as the time of every answer of the run."""


def _as_time(value: Any) -> Any:
    """Only ISO 8601: pydantic would read 2026 as seconds since 1970. Without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("write it as 2026-03-02T22:00Z; leave it out for the clock") from None
    if value is None or isinstance(value, datetime):
        return value and _sensible(value.replace(tzinfo=UTC) if value.tzinfo is None else value)
    raise ValueError("write it as 2026-03-02T22:00Z; leave it out for the clock")


def _sensible(value: datetime) -> datetime:
    if not EARLIEST <= value < END:
        raise ValueError(f"{value.isoformat()} is not between the years 2000 and 2099; leave it out for the clock")
    return value


Now = Annotated[
    datetime | None,
    BeforeValidator(_as_time),
    Described(
        "Time that the run uses as the present, to rehearse another day (ISO 8601, UTC if it names no zone; years 2000 "
        "to 2099); empty: the clock"
    ),
]


MOST = 1_000_000_000


def _in_bounds(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Say what to write instead; pydantic would read ``true`` as 1."""
    try:
        if not isinstance(value, bool):
            return check(value)
    except ValidationError:
        pass
    raise ValueError(f"a number from 1 to {MOST:,}; leave it out for all that are due")


Limit = Annotated[
    int | None,
    Field(ge=1, le=MOST),
    WrapValidator(_in_bounds),
    Described("Most keys to ask, 1 to 1,000,000,000; empty: all that are due"),
]

Strategy = Annotated[
    Annotated[str, Choice(("all", "stale", "pass_counts"))] | None,
    Described(
        "Which serial numbers are asked: all: those that are not finished; stale: those not asked for a while; "
        "pass_counts: those that moved by Tuya's pass counts; empty: the account's STRATEGY"
    ),
]

DryRun = Annotated[
    bool,
    Described("Only say what would be written: Tuya is read, nothing is written. Switch it off to write"),
]

CountryCode = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,4}$"),
    Described("Country code of the account, digits only, e.g. 86", pattern=r"^[0-9]{1,4}$"),
]


def _as_text(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Say why a number is refused: it may have been rounded before."""
    if isinstance(value, int | float):
        raise ValueError(
            f"is the number {value}: write it as text, in quotes. As a number, an id of 19 digits would be rounded"
        )
    if isinstance(value, str) and _ROUNDED.fullmatch(value.strip()):
        raise ValueError(f"is {value}, as a spreadsheet shows a rounded number: write all digits of the id")
    return check(value)


_ROUNDED = re.compile(r"\d+[.,]\d*(?:e\+?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Refuses an empty list: it is a mistake, and does not mean all keys.

    ``all_of`` says what a run takes when the parameter is left out.
    """

    all_of: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        lists = [shape for shape in schema.get("anyOf", [schema]) if shape.get("type") == "array"]
        for shape in lists:
            shape["minItems"] = 1
        return schema

    def _check(self, value: list[str] | None) -> list[str] | None:
        if value is not None and not any(each.strip() for each in value):
            raise ValueError(f"names none; leave it out for {self.all_of}")
        return value


Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S+$"), WrapValidator(_as_text)]
"""An id of Tuya's: text, however many digits it has."""

Ids = Annotated[list[Id], Field(min_length=1, max_length=1000)]
