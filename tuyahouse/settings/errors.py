"""Problems of a configuration, in words that name the variable to change. Pure."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic_core import InitErrorDetails, PydanticCustomError

from tuyahouse.settings.misspelt import PREFIX as PREFIX
from tuyahouse.settings.regions import Region

NO_ACCOUNT = "No account is configured. Set TUYAHOUSE_ACCOUNTS__<NAME>__REGION, __CLIENT_ID and __CLIENT_SECRET."


class SettingsError(Exception):
    """The configuration cannot be used; the text has one line for each thing to change, naming its variable."""


def missing_together(data: dict[str, Any]) -> list[InitErrorDetails]:
    """What an account lacks, judged by fields that go together."""
    problems = []
    if not data.get("region") and not data.get("base_url"):
        centres = ", ".join(Region)
        problems.append(
            _problem("region", f"is missing: set the project's data centre ({centres}), or BASE_URL instead")
        )
    for login in ("pms", "visual"):
        for one, other in (("username", "password"), ("password", "username")):
            given, missing = f"{login}_{one}", f"{login}_{other}"
            if data.get(given) and not data.get(missing):
                problems.append(_problem(missing, f"is missing, but {given.upper()} is set: they go together"))
    return problems


def shared_projects(accounts: Mapping[str, Any]) -> list[InitErrorDetails]:
    """The accounts that name the cloud project of another one. It has one live token: each would end the other's."""
    first: dict[tuple[str, Any], str] = {}
    problems = []
    for name, account in sorted(accounts.items()):
        owner = first.setdefault((account.client_id, account.base_url), name)
        if owner != name:
            text = (
                f"is that of the account {owner!r} too. A project has one live token, so two accounts would end each "
                f"other's: give {name!r} a project of its own, or leave it out and name all that it reads in {owner!r}"
            )
            details = _problem("client_id", text)
            problems.append(InitErrorDetails(type=details["type"], loc=(name, "client_id"), input=None))
    return problems


def _problem(field: str, text: str) -> InitErrorDetails:
    return InitErrorDetails(type=_custom("missing_together", text), loc=(field,), input=None)


def again(error: Any) -> InitErrorDetails:
    """A field's error in a form that can be raised together with others."""
    return InitErrorDetails(type=_custom(error["type"], error["msg"]), loc=error["loc"], input=None)


def _custom(kind: str, text: str) -> PydanticCustomError:
    return PydanticCustomError(cast(Any, kind), cast(Any, text))  # typed for literals only


def sentence(error: Any) -> str:
    """One error as a line that names its variable and says what to write."""
    variable = PREFIX + "__".join(str(part).upper() for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{variable}: there is no such setting"
    if error["type"] == "missing":
        return f"{variable}: is missing"
    if error["type"].startswith("time_delta"):
        return f"{variable}: is not a duration; write for example 90s, 30m, 12h or 7d"
    if error["type"] == "string_pattern_mismatch":
        return f"{variable}: is not a URL; it begins with https:// or, for a warehouse, sqlite:/// or postgresql://"
    return f"{variable}: {_in_plain_words(error['msg'])}"


def _in_plain_words(said: str) -> str:
    """What pydantic says of a value, shorter."""
    for its, ours in _PLAINER:
        said = said.replace(its, ours)
    return said


_PLAINER = (
    ("Value error, ", ""),
    ("Input should be greater than or equal to", "must be at least"),
    ("Input should be less than or equal to", "must be at most"),
    ("Input should be", "must be"),
)
