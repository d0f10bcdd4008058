"""The types of flow parameters: what the form in the Prefect UI explains and checks."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, ValidationError, ValidatorFunctionWrapHandler, WrapValidator


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


AccountName = Annotated[
    str | None,
    Field(max_length=100),
    Described("Account, by its name in the settings of the worker; empty: the only one that is configured there"),
]

RunKey = Annotated[
    str | None,
    Field(max_length=200),
    Described(
        "Names the intent of the run. The same run key continues where it stopped and never asks twice; "
        "empty: a new one, for nightly_sync that of the date"
    ),
]


def _at_least_one(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Say what to write instead; pydantic would read ``true`` as 1."""
    try:
        if not isinstance(value, bool):
            return check(value)
    except ValidationError:
        pass
    raise ValueError("at least 1; leave it out for all that are due")


Limit = Annotated[
    int | None,
    Field(ge=1),
    WrapValidator(_at_least_one),
    Described("Most keys to ask, at least 1; empty: all that are due"),
]

DryRun = Annotated[
    bool,
    Described("Only say what would be written; Tuya is read and never written to. Switch it off to write"),
]

CountryCode = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,4}$"),
    Described("Country code of the account, digits only, e.g. 86", pattern=r"^[0-9]{1,4}$"),
]


def _as_text(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Say why a number is refused: whoever wrote it may have rounded it before it came here."""
    if isinstance(value, int | float):
        raise ValueError(
            f"is the number {value}: write it as text, in quotes. An id of 19 digits is rounded where it is a number"
        )
    return check(value)


Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S+$"), WrapValidator(_as_text)]
"""An id of Tuya's: text, however many digits it has."""

Ids = Annotated[list[Id], Field(min_length=1, max_length=1000)]
